import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import { configureAnySpend } from "checkout-sessions/anyspend";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useCheckoutSession, useCreateCheckoutSession } from "../src/anyspend.js";

type Sent = { url: string; headers: Record<string, string>; body: unknown };

let sent: Sent[];
let replies: (() => Response)[];

const ok = (data: object) => () => Response.json({ success: true, message: "OK", data, statusCode: 200 });
const failed =
  (status: number, headers = {}) =>
  () =>
    Response.json({ success: false, message: `no ${status}`, statusCode: status }, { status, headers });

beforeEach(() => {
  vi.useFakeTimers();
  [sent, replies] = [[], []];
  const fetch = async (url: string, init: RequestInit) => {
    sent.push({ url, headers: init.headers as Record<string, string>, body: init.body });
    return (replies.length > 1 ? replies.shift() : replies[0])?.() ?? Response.error();
  };
  configureAnySpend({ baseUrl: "https://pay.example/", fetch: fetch as typeof globalThis.fetch });
});

afterEach(() => {
  vi.useRealTimers();
});

const wrapper = ({ children }: { children: ReactNode }) => (
  <QueryClientProvider client={new QueryClient()}>{children}</QueryClientProvider>
);
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

test("a session is created, with upstream's fields and ours", async () => {
  const onSuccess = vi.fn();
  replies = [ok({ id: "s1" })];
  const { result } = renderHook(() => useCreateCheckoutSession({ onSuccess, partnerId: "p", accessToken: "t" }), {
    wrapper,
  });
  result.current.createSession({ success_url: "https://shop.example", metadata: { cart: 7 } });
  await pass(10);
  expect(onSuccess).toHaveBeenCalledWith({ id: "s1" });
  expect(result.current).toMatchObject({
    session: { id: "s1" },
    isCreating: false,
    isSuccess: true,
    data: { data: { id: "s1" } },
  });
  expect(sent[0]).toMatchObject({
    url: "https://pay.example/checkout-sessions",
    headers: { "x-api-key": "p", authorization: "Bearer t" },
  });
});

test("all tries of a mutation have one idempotency key, and another mutation has another", async () => {
  replies = [failed(503), failed(429, { "retry-after": "2" }), ok({ id: "s1" })];
  const { result } = renderHook(() => useCreateCheckoutSession(), { wrapper });
  result.current.mutate();
  await pass(10_000);
  result.current.mutate();
  await pass(10_000);
  const keys = sent.map(({ headers }) => headers["idempotency-key"]);
  expect(keys).toHaveLength(4);
  expect([new Set(keys.slice(0, 3)).size, new Set(keys).size]).toEqual([1, 2]);
});

test("a refusal is told at once, with the service's message", async () => {
  const onError = vi.fn();
  replies = [failed(400)];
  const { result } = renderHook(() => useCreateCheckoutSession({ onError }), { wrapper });
  result.current.createSession();
  await pass(10_000);
  expect(sent).toHaveLength(1);
  expect(onError.mock.calls[0]?.[0]).toMatchObject({ message: "no 400" });
});

test.each(["complete", "expired"])("polling stops at %s", async (status) => {
  replies = [ok({ status: "open" }), ok({ status: "processing" }), ok({ status })];
  const { result } = renderHook(() => useCheckoutSession("s1"), { wrapper });
  await pass(60_000);
  expect(sent).toHaveLength(3);
  expect(result.current).toMatchObject({
    session: { status },
    isComplete: status === "complete",
    isExpired: status === "expired",
    data: { success: true },
    isSuccess: true,
  });
});

test("polling stops at an unknown session, and waits out what can pass", async () => {
  replies = [failed(503), ok({ status: "open" }), failed(400)];
  const { result } = renderHook(() => useCheckoutSession("s1"), { wrapper });
  await pass(60_000);
  expect(sent).toHaveLength(3);
  expect(result.current).toMatchObject({
    session: undefined,
    isComplete: false,
    data: { success: false, statusCode: 400 },
  });
});

test("without an id, or if it is not enabled, nothing is asked", async () => {
  renderHook(() => useCheckoutSession(null), { wrapper });
  renderHook(() => useCheckoutSession("s1", { enabled: false }), { wrapper });
  await pass(10_000);
  expect(sent).toEqual([]);
});
