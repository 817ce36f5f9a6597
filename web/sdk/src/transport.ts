import { CheckoutError, failureOf } from "./errors.js";

/** The JSON document around every success. */
export interface Envelope<T> {
  success: true;
  message: string;
  data: T;
  statusCode: number;
}

/** A success with what surrounds it. */
export interface Raw<T> {
  data: T;
  /** The whole body. */
  body: Envelope<T>;
  /** Whether this is the stored response to an earlier call with the same idempotency key. */
  replayed: boolean;
  headers: Headers;
}

export interface CallOptions {
  /** Ends the call and its retries. */
  signal?: AbortSignal | undefined;
  /** For a POST: two calls with one key have one effect. Random unless given. */
  idempotencyKey?: string | undefined;
}

export interface Call extends CallOptions {
  method: "GET" | "POST";
  path: string;
  body?: string | undefined;
  headers?: Record<string, string> | undefined;
}

export interface TransportOptions {
  baseUrl: string;
  fetch?: typeof fetch | undefined;
  headers?: Record<string, string> | undefined;
  timeoutMs: number;
  maxRetries: number;
}

/** The longest that the service can make a call wait. */
const LONGEST_RETRY_AFTER_MS = 30_000;
const LONGEST_PAUSE_MS = 5_000;

/** Sends a call and repeats it while that can help. A POST keeps its idempotency key, so its retry has no second effect. */
export async function send<T>(options: TransportOptions, call: Call): Promise<Raw<T>> {
  const headers: Record<string, string> = { accept: "application/json", ...options.headers, ...call.headers };
  if (call.method === "POST") {
    headers["content-type"] = "application/json";
    headers["idempotency-key"] = call.idempotencyKey ?? crypto.randomUUID();
  }
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt<T>(options, call, headers);
    } catch (error) {
      const wait = error instanceof CheckoutError ? pauseBefore(error, retries) : undefined;
      if (wait === undefined || retries >= options.maxRetries || call.signal?.aborted) throw error;
      await sleep(wait, call.signal);
    }
  }
}

/** How long to wait before the next try; undefined if another try cannot help. */
function pauseBefore(error: CheckoutError, retries: number): number | undefined {
  if (!error.isRetryable) return undefined;
  if (error.retryAfterMs !== undefined) {
    return error.retryAfterMs <= LONGEST_RETRY_AFTER_MS ? error.retryAfterMs : undefined;
  }
  return Math.min(500 * 2 ** retries, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
}

async function attempt<T>(options: TransportOptions, call: Call, headers: Record<string, string>): Promise<Raw<T>> {
  const controller = new AbortController();
  const abort = () => controller.abort(call.signal?.reason);
  if (call.signal?.aborted) abort();
  call.signal?.addEventListener("abort", abort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, options.timeoutMs);
  try {
    // Called by its name on the global object: browsers refuse it as another object's method.
    const { fetch = globalThis.fetch } = options;
    const response = await fetch(options.baseUrl + call.path, {
      method: call.method,
      headers,
      signal: controller.signal,
      // The API redirects no JSON call, and a key must not follow one.
      redirect: "manual",
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    const body = parsed(await response.text());
    if (response.status !== 200) throw failureOf(response.status, response.headers, body);
    if (!isEnvelope<T>(body)) {
      throw new CheckoutError("the response is not the API's", {
        type: "api_error",
        code: "unreadable_response",
        status: 200,
      });
    }
    const replayed = response.headers.get("idempotent-replayed") === "true";
    return { data: body.data, body, replayed, headers: response.headers };
  } catch (cause) {
    if (cause instanceof CheckoutError) throw cause;
    if (call.signal?.aborted) throw call.signal.reason;
    const [code, message] = isLate
      ? (["timed_out", `no response within ${options.timeoutMs} ms`] as const)
      : (["connection_failed", "the service cannot be reached"] as const);
    throw new CheckoutError(message, { type: "connection_error", code }, { cause });
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener("abort", abort);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isEnvelope<T>(body: unknown): body is Envelope<T> {
  return typeof body === "object" && body !== null && "data" in body && "success" in body && body.success === true;
}

/** Waits; rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
