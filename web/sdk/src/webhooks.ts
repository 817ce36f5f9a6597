/** Signing and verification by the Standard Webhooks specification: headers `webhook-id`, `webhook-timestamp`,
 * `webhook-signature`, secret `whsec_<base64>`. */

/** How far the time of a signature may be off, in seconds. */
const TOLERANCE_SECONDS = 300;
const PREFIX = "whsec_";

/** Why a message is not to be trusted. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
}

export interface SignOptions {
  /** The message's id; random unless given. */
  id?: string;
  /** When it is sent. */
  now?: Date;
}

/** Returns the headers that sign a body. */
export async function sign(body: string, secret: string, options: SignOptions = {}): Promise<Record<string, string>> {
  const id = options.id ?? `msg_${crypto.randomUUID().replaceAll("-", "")}`;
  const timestamp = String(Math.floor((options.now ?? new Date()).getTime() / 1000));
  const signature = await crypto.subtle.sign("HMAC", await keyOf(secret, "sign"), signed(id, timestamp, body));
  const encoded = btoa(String.fromCharCode(...new Uint8Array(signature)));
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${encoded}` };
}

export interface VerifyOptions {
  /** When it is received. */
  now?: Date;
}

/** Returns the parsed body if one of the secrets signed it within five minutes; else throws a
 * `WebhookVerificationError`. Pass the body as it was received, before anything parsed it. */
export async function verify(
  body: string,
  headers: Headers | Record<string, string | string[] | undefined>,
  secret: string | readonly string[],
  options: VerifyOptions = {},
): Promise<unknown> {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookVerificationError("webhook-timestamp must be epoch seconds");
  const age = (options.now ?? new Date()).getTime() / 1000 - Number(timestamp);
  if (Math.abs(age) > TOLERANCE_SECONDS) throw new WebhookVerificationError("webhook-timestamp is too far off");
  const message = signed(id, timestamp, body);
  for (const candidate of typeof secret === "string" ? [secret] : secret) {
    const key = await keyOf(candidate, "verify");
    for (const signature of signatures.split(" ").slice(0, 16)) {
      const bytes = signature.startsWith("v1,") ? decoded(signature.slice(3)) : undefined;
      // The platform compares in constant time.
      if (bytes !== undefined && (await crypto.subtle.verify("HMAC", key, bytes, message))) return JSON.parse(body);
    }
  }
  throw new WebhookVerificationError("webhook-signature fits no secret");
}

function header(headers: Headers | Record<string, string | string[] | undefined>, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value !== "string" || value === "") throw new WebhookVerificationError(`${name} is missing`);
  return value;
}

function signed(id: string, timestamp: string, body: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${id}.${timestamp}.${body}`);
}

async function keyOf(secret: string, use: "sign" | "verify"): Promise<CryptoKey> {
  const bytes = decoded(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (bytes === undefined || bytes.length === 0) throw new TypeError("the secret must be whsec_ and base64");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [use]);
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
