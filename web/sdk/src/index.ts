export { formatAmount, parseAmount, toDecimal } from "./amounts.js";
export { Checkout, type CheckoutOptions, type SessionFilter, type WaitOptions } from "./client.js";
export { CheckoutError, type ErrorCode, type ErrorType } from "./errors.js";
export type { CallOptions, Envelope, Raw } from "./transport.js";
export type * from "./types.js";
