import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Checkout, CheckoutError } from "../src/index.js";

interface Sent {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
}

type Reply = Response | Error | "never";

let sent: Sent[];

/** A client of a service that gives these replies, one after the other. */
function client(...replies: Reply[]): Checkout {
  sent = [];
  const fetch = (url: string, init: RequestInit) => {
    sent.push({
      url,
      method: String(init.method),
      headers: init.headers as Record<string, string>,
      body: init.body as string,
    });
    const reply = replies.shift();
    if (reply instanceof Response) return Promise.resolve(reply);
    if (reply instanceof Error) return Promise.reject(reply);
    return new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  };
  return new Checkout({ baseUrl: "https://pay.example/", apiKey: "csk_test", fetch: fetch as typeof globalThis.fetch });
}

const ok = (data: unknown, more: object = {}, headers: Record<string, string> = {}) =>
  Response.json({ success: true, message: "OK", data, statusCode: 200, ...more }, { headers });
const failed = (status: number, error: object, headers: Record<string, string> = {}) =>
  Response.json({ success: false, message: "no", statusCode: status, error }, { status, headers });

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets time pass until a call has ended. */
async function ended<T>(call: Promise<T>): Promise<T> {
  const outcome = call.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );
  await vi.runAllTimersAsync();
  return (await outcome)();
}

test("a call has the key, an idempotency key and the body, and returns the data", async () => {
  const created = await ended(
    client(ok({ id: "s1" })).sessions.create({ client_reference_id: "cart" }, { idempotencyKey: "cart" }),
  );
  expect(created).toEqual({ id: "s1" });
  const [call] = sent;
  expect(call).toMatchObject({
    url: "https://pay.example/checkout-sessions",
    method: "POST",
    body: '{"client_reference_id":"cart"}',
  });
  expect(call?.headers).toMatchObject({
    authorization: "Bearer csk_test",
    "idempotency-key": "cart",
    "content-type": "application/json",
  });
});

test("raw tells of a replay", async () => {
  const raw = await ended(client(ok({ id: "s1" }, {}, { "idempotent-replayed": "true" })).sessions.create.raw({}));
  expect(raw).toMatchObject({ data: { id: "s1" }, replayed: true, body: { statusCode: 200 } });
});

test("what can pass is tried again under the same key", async () => {
  const replies = [
    new TypeError("fetch failed"),
    failed(503, { type: "api_error", code: "temporarily_unavailable" }),
    ok({ id: "s1" }),
  ];
  await ended(client(...replies).sessions.create({}));
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
});

test.each([400, 401, 403, 404, 409, 413])("%i is not tried again", async (status) => {
  const call = client(
    failed(status, { type: "invalid_request_error", code: "invalid_field_value" }),
    ok({}),
  ).sessions.create({});
  await expect(ended(call)).rejects.toBeInstanceOf(CheckoutError);
  expect(sent).toHaveLength(1);
});

test("a failure says what the body says", async () => {
  const error = {
    type: "invalid_request_error",
    code: "session_already_has_order",
    message: "taken",
    order_id: "o1",
    param: "checkoutSessionId",
  };
  const call = client(failed(409, error, { "apigw-requestid": "r1", "retry-after": "3" })).orders.create({
    checkoutSessionId: "s1",
  });
  await expect(ended(call)).rejects.toMatchObject({
    message: "taken",
    type: "invalid_request_error",
    code: "session_already_has_order",
    status: 409,
    orderId: "o1",
    param: "checkoutSessionId",
    requestId: "r1",
    retryAfterMs: 3_000,
  });
});

test.each([
  [429, "rate_limit_exceeded"],
  [404, "resource_not_found"],
  [503, "temporarily_unavailable"],
  [413, "payload_too_large"],
  [500, "internal_error"],
  [302, "unreadable_response"],
])("the gateway's own %i is %s", async (status, code) => {
  const replies = [0, 1, 2].map(() => Response.json({ message: "from the gateway" }, { status }));
  await expect(ended(client(...replies).orders.retrieve("o1"))).rejects.toMatchObject({
    code,
    status,
    message: "from the gateway",
  });
});

test("Retry-After is waited for, but not for ever", async () => {
  const start = Date.now();
  await ended(client(failed(429, {}, { "retry-after": "7" }), ok([])).orders.retrieve("o1"));
  expect(Date.now() - start).toBe(7_000);
  await expect(ended(client(failed(503, {}, { "retry-after": "3600" })).orders.retrieve("o1"))).rejects.toMatchObject({
    retryAfterMs: 3_600_000,
  });
  expect(sent).toHaveLength(1);
});

test("a call without a response ends, and so does one whose caller gives up", async () => {
  await expect(ended(client("never", "never", "never").orders.retrieve("o1"))).rejects.toMatchObject({
    code: "timed_out",
    status: 0,
  });
  expect(sent).toHaveLength(3);
  const controller = new AbortController();
  const call = client("never").orders.retrieve("o1", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(ended(call)).rejects.toThrow("enough");
  expect(sent).toHaveLength(1);
});

test.each(["<html>", "null", "[]", '{"success":true}'])(
  "a response of 200 that is %s is not a success",
  async (body) => {
    const call = client(new Response(body, { status: 200 })).orders.retrieve("o1");
    await expect(ended(call)).rejects.toMatchObject({ code: "unreadable_response" });
  },
);

test("ids are one part of a path", async () => {
  await ended(client(ok({})).orders.retrieve("../checkout-sessions?x#y"));
  expect(sent[0]?.url).toBe("https://pay.example/orders/..%2Fcheckout-sessions%3Fx%23y");
});

test("a list goes through its pages and keeps its filter", async () => {
  const pages = [
    ok([{ id: "a" }, { id: "b" }], { next_cursor: "c1" }),
    ok([], { next_cursor: "c2" }),
    ok([{ id: "c" }], { next_cursor: null }),
  ];
  const ids: string[] = [];
  vi.useRealTimers();
  for await (const { id } of client(...pages).sessions.list({ status: "open", created: { gte: 7 }, limit: 2 }))
    ids.push(id);
  expect(ids).toEqual(["a", "b", "c"]);
  expect(sent.map(({ url }) => decodeURIComponent(url.split("?")[1] ?? ""))).toEqual([
    "status=open&created[gte]=7&limit=2",
    "status=open&created[gte]=7&limit=2&cursor=c1",
    "status=open&created[gte]=7&limit=2&cursor=c2",
  ]);
});

test("a list of orders goes on behind its cursor", async () => {
  const pages = [ok([{ id: "a" }], { next_cursor: "c1" }), ok([{ id: "b" }], { next_cursor: null })];
  const ids: string[] = [];
  vi.useRealTimers();
  for await (const { id } of client(...pages).orders.list("0x1", { limit: 1 })) ids.push(id);
  expect(ids).toEqual(["a", "b"]);
  expect(sent[1]?.url).toBe("https://pay.example/orders?creatorAddress=0x1&limit=1&cursor=c1");
});

test("waitFor resolves at the end, waits out what can pass, and rejects an unknown session", async () => {
  const replies = [
    ok({ status: "open" }),
    failed(503, {}),
    failed(503, {}),
    failed(503, {}),
    ok({ status: "processing" }),
    ok({ status: "complete" }),
  ];
  const seen: string[] = [];
  const done = await ended(client(...replies).sessions.waitFor("s1", { onPoll: ({ status }) => seen.push(status) }));
  expect(done.status).toBe("complete");
  expect(seen).toEqual(["open", "processing", "complete"]);
  const unknown = failed(400, { type: "invalid_request_error", code: "session_not_found" });
  await expect(ended(client(unknown).sessions.waitFor("s1"))).rejects.toMatchObject({ code: "session_not_found" });
  const controller = new AbortController();
  const waiting = client(ok({ status: "open" }), ok({ status: "open" })).sessions.waitFor("s1", {
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(new Error("enough")), 1_000);
  await expect(ended(waiting)).rejects.toThrow("enough");
});

test("an event is signed over its body", async () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  vi.useRealTimers();
  await client(ok({})).orders.recordEvent("o1", { type: "order.failed", data: { errorDetails: "x" } }, { secret });
  const { verify } = await import("../src/webhooks.js");
  expect(await verify(String(sent[0]?.body), sent[0]?.headers ?? {}, secret)).toEqual({
    type: "order.failed",
    data: { errorDetails: "x" },
  });
});

test("the page of a session is below the service", () => {
  expect(client().pageUrl("a/b")).toBe("https://pay.example/checkout/a%2Fb");
});
