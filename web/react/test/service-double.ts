import { CONFIGURATION, DEPOSIT, type Money, PRICE, SHOP, sessionOf, USDC } from "../../sdk/test/session-double.js";

export { CONFIGURATION, DEPOSIT, PRICE, SHOP, USDC };

/** A service whose session a test sets, and what it was asked. */
export class ServiceDouble {
  session = sessionOf("open");
  asked: string[] = [];
  /** Who sells what is due. */
  onramps: unknown[] = [];
  /** Answers instead of the session, if it is set. */
  answer: (() => Response) | undefined;

  set(status: Parameters<typeof sessionOf>[0], order?: string, money?: Money): void {
    this.session = sessionOf(status, order, money);
  }

  readonly fetch = (async (url: string, init: RequestInit = {}) => {
    const { pathname } = new URL(url);
    this.asked.push(`${init.method ?? "GET"} ${pathname}`);
    if (pathname.startsWith("/checkout/")) return Response.json({ ...CONFIGURATION, onramps: this.onramps });
    if (this.answer !== undefined) return this.answer();
    if (pathname === "/orders") this.set("open", "scanning_deposit_transaction");
    const data = pathname === "/orders" ? this.session.order?.order : this.session;
    return Response.json({ success: true, message: "OK", data, statusCode: 200 });
  }) as typeof globalThis.fetch;
}
