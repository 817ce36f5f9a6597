import { type Raw, send } from "../transport.js";
import type { Order, OrderParams, SessionWithOrder } from "../types.js";

/** The two calls of a payment, and where it goes on at a vendor. */
export interface FlowApi {
  readSession(id: string): Promise<Raw<SessionWithOrder>>;
  createOrder(params: OrderParams): Promise<Raw<Order>>;
  paymentLink(orderId: string): string;
}

export interface FlowApiOptions {
  baseUrl: string;
  fetch?: typeof fetch | undefined;
}

/** The calls over HTTP, without the rest of the client: a page carries only what it needs. */
export function flowApi({ baseUrl, fetch }: FlowApiOptions): FlowApi {
  const transport = { baseUrl: baseUrl.replace(/\/+$/, ""), fetch, timeoutMs: 10_000, maxRetries: 1 };
  // A failed read is repeated by the flow itself, at its own pace.
  const once = { ...transport, maxRetries: 0 };
  return {
    readSession: (id) =>
      send(once, { method: "GET", path: `/checkout-sessions/${encodeURIComponent(id)}?include=order` }),
    createOrder: (params) => send(transport, { method: "POST", path: "/orders", body: JSON.stringify(params) }),
    paymentLink: (orderId) => `${transport.baseUrl}/orders/${encodeURIComponent(orderId)}/pay`,
  };
}
