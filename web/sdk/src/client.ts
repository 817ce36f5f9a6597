import { CheckoutError } from "./errors.js";
import { type CallOptions, type Raw, send, sleep, type TransportOptions } from "./transport.js";
import type {
  CreatedSession,
  Order,
  OrderEvent,
  OrderParams,
  OrderWithTransactions,
  Session,
  SessionParams,
  SessionStatus,
  SessionWithOrder,
} from "./types.js";
import { sign } from "./webhooks.js";

export interface CheckoutOptions {
  /** Where the service is, such as `https://pay.shop.example`. */
  baseUrl: string;
  /** A merchant's key. It belongs on servers: a browser must never have one. */
  apiKey?: string | undefined;
  /** Another `fetch`, for instance of a test. */
  fetch?: typeof fetch | undefined;
  /** How long one try may take. */
  timeoutMs?: number;
  /** How often a call is repeated that failed for a reason that can pass. */
  maxRetries?: number;
}

export interface SessionFilter {
  status?: SessionStatus;
  client_reference_id?: string;
  /** Epoch seconds or ISO 8601. */
  created?: Partial<Record<"gte" | "gt" | "lte" | "lt", string | number>>;
  /** How many sessions a page has. */
  limit?: number;
}

export interface WaitOptions {
  signal?: AbortSignal | undefined;
  /** Called with each session that was read. */
  onPoll?: (session: Session) => void;
}

/** A call that returns the data, or with `.raw` also the headers and whether the response is a replay. */
type Method<Args extends unknown[], T> = ((...args: Args) => Promise<T>) & {
  raw(...args: Args): Promise<Raw<T>>;
};

function method<Args extends unknown[], T>(raw: (...args: Args) => Promise<Raw<T>>): Method<Args, T> {
  return Object.assign(async (...args: Args) => (await raw(...args)).data, { raw });
}

/** A client of the checkout-session API. */
export class Checkout {
  readonly sessions: Sessions;
  readonly orders: Orders;
  readonly #baseUrl: string;

  constructor(options: CheckoutOptions) {
    const { apiKey, fetch, timeoutMs = 10_000, maxRetries = 2 } = options;
    // Throws on what is no address, which would look like a service that cannot be reached.
    this.#baseUrl = new URL(options.baseUrl).href.replace(/\/+$/, "");
    const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    const transport = { baseUrl: this.#baseUrl, fetch, headers, timeoutMs, maxRetries };
    this.sessions = new Sessions(transport);
    this.orders = new Orders(transport);
  }

  /** The checkout page of a session. */
  pageUrl(sessionId: string): string {
    return `${this.#baseUrl}/checkout/${encodeURIComponent(sessionId)}`;
  }
}

class Sessions {
  readonly #transport: TransportOptions;

  constructor(transport: TransportOptions) {
    this.#transport = transport;
  }

  /** Creates a session. A price needs a secret key. */
  readonly create = method((params: SessionParams = {}, options: CallOptions = {}) =>
    send<CreatedSession>(this.#transport, {
      ...options,
      method: "POST",
      path: "/checkout-sessions",
      body: JSON.stringify(params),
    }),
  );

  /** Reads a session. Its status is computed at this moment. */
  readonly retrieve = method((id: string, options: Pick<CallOptions, "signal"> = {}) =>
    send<Session>(this.#transport, { ...options, method: "GET", path: sessionPath(id) }),
  );

  /** Reads a session together with its order. */
  readonly retrieveWithOrder = method((id: string, options: Pick<CallOptions, "signal"> = {}) =>
    send<SessionWithOrder>(this.#transport, { ...options, method: "GET", path: `${sessionPath(id)}?include=order` }),
  );

  /** Expires an open session. A paid one answers `invalid_status_transition`. */
  readonly expire = method((id: string, options: CallOptions = {}) =>
    send<Session>(this.#transport, { ...options, method: "POST", path: `${sessionPath(id)}/expire` }),
  );

  /** Goes through a merchant's sessions, newest first, page after page. */
  async *list(filter: SessionFilter = {}, options: Pick<CallOptions, "signal"> = {}): AsyncGenerator<Session, void> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filter)) {
      if (name === "created") {
        for (const [bound, time] of Object.entries(value ?? {})) {
          if (time !== undefined) query.set(`created[${bound}]`, String(time));
        }
      } else if (value !== undefined) {
        query.set(name, String(value));
      }
    }
    yield* pages<Session>(this.#transport, "/checkout-sessions", query, options.signal);
  }

  /** Resolves when the session is `complete` or `expired`: read its `status` to know which.
   *
   * What can pass (no connection, 429, 5xx) is waited out; anything else rejects. A session ends at its deadline at the
   * latest, unless it is `processing`: pass a signal to bound the wait. */
  async waitFor(id: string, options: WaitOptions = {}): Promise<Session> {
    const { signal, onPoll } = options;
    for (let pause = 1_000; ; ) {
      let wait: number;
      try {
        const session = await this.retrieve(id, { signal });
        onPoll?.(session);
        if (session.status === "complete" || session.status === "expired") return session;
        pause = session.status === "processing" ? 2_000 : Math.min(pause * 1.2, 10_000);
        wait = pause;
      } catch (error) {
        if (!(error instanceof CheckoutError && error.isRetryable)) throw error;
        pause = Math.min(pause * 2, 30_000);
        wait = Math.min(error.retryAfterMs ?? pause, 300_000);
      }
      await sleep(wait * (1 + Math.random() / 5), signal);
    }
  }
}

class Orders {
  readonly #transport: TransportOptions;

  constructor(transport: TransportOptions) {
    this.#transport = transport;
  }

  /** Creates an order, and links it to `checkoutSessionId`. A session has one order: the next call answers
   * `session_already_has_order` with its `orderId`. */
  readonly create = method((params: OrderParams, options: CallOptions = {}) =>
    send<Order>(this.#transport, { ...options, method: "POST", path: "/orders", body: JSON.stringify(params) }),
  );

  /** Reads an order with its transactions. */
  readonly retrieve = method((id: string, options: Pick<CallOptions, "signal"> = {}) =>
    send<OrderWithTransactions>(this.#transport, { ...options, method: "GET", path: orderPath(id) }),
  );

  /** Goes through the orders of a creator, newest first. */
  async *list(
    creatorAddress: string,
    options: Pick<CallOptions, "signal"> & { limit?: number } = {},
  ): AsyncGenerator<Order, void> {
    const { limit = 100, signal } = options;
    yield* pages<Order>(
      this.#transport,
      "/orders",
      new URLSearchParams({ creatorAddress, limit: String(limit) }),
      signal,
    );
  }

  /** Reports what a relay or an indexer saw of an order. It is signed with the secret `whsec_…` of the deployment. */
  async recordEvent(
    id: string,
    event: OrderEvent,
    options: Pick<CallOptions, "signal"> & { secret: string },
  ): Promise<OrderWithTransactions> {
    const body = JSON.stringify(event);
    const headers = await sign(body, options.secret);
    const path = `${orderPath(id)}/events`;
    return (
      await send<OrderWithTransactions>(this.#transport, {
        signal: options.signal,
        method: "POST",
        path,
        body,
        headers,
      })
    ).data;
  }
}

/** Goes through a list, page after page. */
async function* pages<T>(
  transport: TransportOptions,
  path: string,
  query: URLSearchParams,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  for (;;) {
    const page = await send<T[]>(transport, { signal, method: "GET", path: `${path}?${query}` });
    yield* page.data;
    const { next_cursor: next } = page.body as unknown as { next_cursor: string | null };
    if (next === null) return;
    query.set("cursor", next);
  }
}

function sessionPath(id: string): string {
  return `/checkout-sessions/${encodeURIComponent(id)}`;
}

function orderPath(id: string): string {
  return `/orders/${encodeURIComponent(id)}`;
}
