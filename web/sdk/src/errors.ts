import type { ApiErrorCode, ApiErrorType } from "./types.js";

/** The API's codes, and what only a client sees: no connection, no answer in time, no readable answer. */
export type ErrorCode = ApiErrorCode | "connection_failed" | "timed_out" | "unreadable_response";
export type ErrorType = ApiErrorType | "connection_error";

/** A call that did not succeed. `code` is for programs, `message` for people. */
export class CheckoutError extends Error {
  override readonly name = "CheckoutError";
  readonly type: ErrorType;
  readonly code: ErrorCode;
  /** The field of the request that is wrong. */
  readonly param: string | undefined;
  /** The HTTP status; 0 if there was no response. */
  readonly status: number;
  /** What the operator finds in the log. */
  readonly requestId: string | undefined;
  /** With `session_already_has_order`: the order that the session has. */
  readonly orderId: string | undefined;
  /** How long the service asks to wait before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: ErrorFacts, options?: ErrorOptions) {
    super(message, options);
    this.type = facts.type;
    this.code = facts.code;
    this.param = facts.param;
    this.status = facts.status ?? 0;
    this.requestId = facts.requestId;
    this.orderId = facts.orderId;
    this.retryAfterMs = facts.retryAfterMs;
  }

  /** Whether the same call may succeed later. A conflict never does. */
  get isRetryable(): boolean {
    if (this.status === 0) return this.type === "connection_error";
    return this.status === 429 || this.status === 500 || (this.status >= 502 && this.status <= 504);
  }
}

export interface ErrorFacts {
  type: ErrorType;
  code: ErrorCode;
  status?: number;
  param?: string | undefined;
  requestId?: string | undefined;
  orderId?: string | undefined;
  retryAfterMs?: number | undefined;
}

/** What a status means if the gateway answered by itself, with `{"message": …}` alone. */
function byStatus(status: number): { type: ErrorType; code: ErrorCode } {
  if (status === 429) return { type: "rate_limit_error", code: "rate_limit_exceeded" };
  if (status === 404) return { type: "not_found_error", code: "resource_not_found" };
  if (status === 413) return { type: "invalid_request_error", code: "payload_too_large" };
  if (status === 403) return { type: "permission_error", code: "insufficient_permissions" };
  if (status === 500) return { type: "api_error", code: "internal_error" };
  if (status >= 502 && status <= 504) return { type: "api_error", code: "temporarily_unavailable" };
  return { type: "api_error", code: "unreadable_response" };
}

/** Reads a failure. `body` is the parsed JSON, or undefined if there is none. */
export function failureOf(status: number, headers: Headers, body: unknown): CheckoutError {
  const envelope = isObject(body) ? body : {};
  const error = isObject(envelope.error) ? envelope.error : undefined;
  const known = typeof error?.code === "string" && typeof error.type === "string";
  const named = known ? { type: error.type as ErrorType, code: error.code as ErrorCode } : byStatus(status);
  const message = text(error?.message) ?? text(envelope.message) ?? `the service answered ${status}`;
  return new CheckoutError(message, {
    ...named,
    status,
    param: text(error?.param),
    orderId: text(error?.order_id),
    requestId: headers.get("apigw-requestid") ?? headers.get("x-amzn-requestid") ?? undefined,
    retryAfterMs: retryAfter(headers.get("retry-after")),
  });
}

// A timer takes no more than 2^31 ms: with more it would end at once, again and again.
const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000;

/** Reads `Retry-After`: seconds, or an HTTP date. At most a day. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
