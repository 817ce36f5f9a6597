/** A drop-in for AnySpend's checkout-session client: the same names, arguments and results. */
import type { Envelope } from "./transport.js";
import type { CreatedSession, Session, SessionParams } from "./types.js";

/** What AnySpend's clients send. The second group is theirs alone: the service ignores it, because only `pricing` binds. */
export type CreateCheckoutSessionParams = Omit<SessionParams, "metadata"> & {
  metadata?: Record<string, unknown> | null;
  amount?: string;
  currency?: string;
  recipient_address?: string;
  src_chain?: number;
  src_token_address?: string;
  dst_chain?: number;
  dst_token_address?: string;
  onramp?: Record<string, unknown>;
};

export interface CreateCheckoutSessionOptions {
  /** Sent as `x-api-key`. */
  partnerId?: string | undefined;
  /** Sent as `Authorization: Bearer`. */
  accessToken?: string | undefined;
  /** Lets a caller repeat the call without a second session. */
  idempotencyKey?: string | undefined;
}

export type CreateCheckoutSessionResponse = Envelope<CreatedSession>;

/** A failure has no `data`, and `statusCode` says which one it is. */
export interface GetCheckoutSessionResponse {
  success: boolean;
  message: string;
  data?: Session;
  statusCode: number;
}

/** A response other than 200. */
export class AnySpendError extends Error {
  override readonly name = "AnySpendError";
  readonly statusCode: number;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, statusCode: number, retryAfterMs?: number) {
    super(message);
    this.statusCode = statusCode;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface AnySpendConfiguration {
  baseUrl?: string | undefined;
  fetch?: typeof fetch | undefined;
}

const configuration: AnySpendConfiguration = {};

/** Says where the service is; else `NEXT_PUBLIC_ANYSPEND_BASE_URL` does. */
export function configureAnySpend(options: AnySpendConfiguration): void {
  Object.assign(configuration, options);
}

declare const process: { env: Record<string, string | undefined> } | undefined;

/** Where the service is, as it was configured. */
export function anyspendBaseUrl(): string {
  // Written in full, because bundlers replace exactly this text.
  const environment = typeof process === "undefined" ? undefined : process.env.NEXT_PUBLIC_ANYSPEND_BASE_URL;
  const url = configuration.baseUrl ?? environment;
  if (url === undefined) throw new Error("call configureAnySpend({ baseUrl }) or set NEXT_PUBLIC_ANYSPEND_BASE_URL");
  return url.replace(/\/+$/, "");
}

async function call(path: string, init: RequestInit): Promise<{ response: Response; body: Record<string, unknown> }> {
  const { fetch = globalThis.fetch } = configuration;
  const response = await fetch(anyspendBaseUrl() + path, { ...init, signal: AbortSignal.timeout(10_000) });
  const body = parsed(await response.text());
  // A portal or a firewall answers with pages of its own, under any status.
  if (body === undefined || (isRead(response) && typeof body.success !== "boolean")) throw failure(response, {});
  return { response, body };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isRead({ status }: Response): boolean {
  return status === 200 || status === 400;
}

function failure(response: Response, body: Record<string, unknown>): AnySpendError {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const message = typeof body.message === "string" ? body.message : `the service answered ${response.status}`;
  return new AnySpendError(
    message,
    response.status,
    Number.isFinite(seconds) ? Math.min(seconds, 300) * 1000 : undefined,
  );
}

export const anyspend = {
  /** Creates a session and returns the whole envelope. Any status but 200 throws with the body's message. */
  async createCheckoutSession(
    params: CreateCheckoutSessionParams = {},
    options: CreateCheckoutSessionOptions = {},
  ): Promise<CreateCheckoutSessionResponse> {
    const { partnerId, accessToken, idempotencyKey = crypto.randomUUID() } = options;
    const { response, body } = await call("/checkout-sessions", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": idempotencyKey,
        ...(partnerId ? { "x-api-key": partnerId } : {}),
        ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
      },
      body: JSON.stringify(params),
    });
    if (response.status !== 200) throw failure(response, body);
    return body as unknown as CreateCheckoutSessionResponse;
  },

  /** Reads a session and returns the whole envelope. A session that does not exist resolves too, with `success: false`. */
  async getCheckoutSession(id: string): Promise<GetCheckoutSessionResponse> {
    const { response, body } = await call(`/checkout-sessions/${encodeURIComponent(id)}`, { method: "GET" });
    if (!isRead(response)) throw failure(response, body);
    return body as unknown as GetCheckoutSessionResponse;
  },
};

/** The same object under the name that AnySpend's services use. */
export const anyspendService = anyspend;
