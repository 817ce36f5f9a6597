import { expect, test } from "vitest";
import type { FlowApi } from "../src/flow/api.js";
import { memoryAttempts } from "../src/flow/attempt.js";
import type { Configuration } from "../src/flow/configuration.js";
import { Flow } from "../src/flow/flow.js";
import type { Provider } from "../src/flow/wallets.js";
import type { SessionWithOrder } from "../src/types.js";
import { CONFIGURATION, PRICE, sessionOf, USDC } from "./session-double.js";

const EURC = "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42";
const TWO_TOKENS = {
  ...CONFIGURATION,
  chains: CONFIGURATION.chains.map((chain) => ({
    ...chain,
    tokens: [...chain.tokens, { address: EURC, symbol: "EURC", decimals: 6 }],
  })),
};

const linked = (terms: object, money = {}): SessionWithOrder => {
  const session = sessionOf("open", "scanning_deposit_transaction", money);
  if (session.order) Object.assign(session.order.order, terms);
  return session;
};

/** A page on a session whose responses the test hands out, and a wallet that counts what it is asked to send. */
function page(first: SessionWithOrder, next?: SessionWithOrder, configuration: Configuration = TWO_TOKENS) {
  let session = first;
  const asked: { to: string; data: string }[] = [];
  const left: string[] = [];
  const wakes: (() => void)[] = [];
  const created: unknown[] = [];
  const machine = {
    now: () => Date.now(),
    isHidden: () => false,
    onWake: (wake: () => void) => {
      wakes.push(wake);
      return () => {};
    },
    leave: (url: string) => void left.push(url),
  };
  const api: FlowApi = {
    paymentLink: (id) => `https://pay.example/orders/${id}/pay`,
    readSession: async () => ({ data: session, headers: new Headers(), replayed: false, body: undefined as never }),
    createOrder: async (params) => {
      created.push(params);
      if (next !== undefined) session = next;
      return { data: {} as never, headers: new Headers(), replayed: false, body: undefined as never };
    },
  };
  const flow = new Flow({ sessionId: "s1", api, configuration, attempts: memoryAttempts(), machine });
  const wallet = (onChain: (times: number) => Promise<unknown>): Provider => {
    let times = 0;
    return {
      request: async ({ method, params }) => {
        if (method === "eth_requestAccounts") return ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"];
        if (method === "eth_chainId") return onChain(++times);
        if (method !== "eth_sendTransaction") return "0xffffffffffff";
        asked.push((params as { to: string; data: string }[])[0] as { to: string; data: string });
        throw Object.assign(new Error("no"), { code: 4001 });
      },
    };
  };
  const set = (next: SessionWithOrder) => {
    session = next;
  };
  const wake = () => {
    for (const call of wakes) call();
  };
  return { flow, api, wallet, asked, set, left, created, wake };
}

test.each([
  ["another amount", { srcAmount: String(PRICE * 36n) }],
  ["another token", { srcTokenAddress: EURC }],
])("an order that a stranger linked for %s is not paid without the payer", async (_, terms) => {
  const { flow, wallet, asked, set } = page(sessionOf("open"));
  await flow.refresh();
  set(linked(terms));
  await flow.payWith(wallet(async () => "0x2105"));
  expect(asked).toEqual([]);
  expect(flow.getSnapshot().problem).toEqual({ code: "terms_changed" });
});

test("the wallet is asked for what is due after the last wait", async () => {
  const { flow, wallet, asked, set } = page(linked({}));
  await flow.refresh();
  await flow.payWith(
    wallet(async (times) => {
      // The second answer comes late, and a deposit is seen meanwhile.
      if (times === 2) {
        set(linked({}, { received: 10_000_000n }));
        await flow.refresh();
      }
      return "0x2105";
    }),
  );
  expect(asked.map(({ data }) => BigInt(`0x${data.slice(-64)}`))).toEqual([PRICE - 10_000_000n]);
});

test("a read that began before a newer one takes nothing back", async () => {
  const { flow, api, set } = page(linked({}));
  await flow.refresh();
  const { readSession } = api;
  let answer: (session: Awaited<ReturnType<typeof readSession>>) => void = () => {};
  const before = await readSession("s1");
  api.readSession = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  const slow = flow.refresh();
  api.readSession = readSession;
  set(linked({}, { received: 10_000_000n }));
  await flow.refresh();
  answer(before);
  await slow;
  expect(flow.getSnapshot().view).toMatchObject({ name: "partial", progress: { received: "10000000" } });
});

const SOLD: Configuration = {
  ...TWO_TOKENS,
  onramps: [
    { vendor: "coinbase", chainId: 8453, tokenAddress: USDC.toLowerCase() },
    { vendor: "moonpay", chainId: 1, tokenAddress: USDC },
    { vendor: "stripe-web2", chainId: 8453, tokenAddress: EURC },
  ],
};
const bought = { onrampMetadata: { vendor: "coinbase" }, oneClickBuyUrl: "https://evil.example/" };

test("a payer is led to a vendor by the service's own link", async () => {
  const { flow, left, created, wake } = page(sessionOf("open"), linked(bought), SOLD);
  const stop = flow.start();
  await flow.refresh();
  expect(flow.getSnapshot().view.vendors).toEqual(["coinbase"]);
  await flow.buyFrom("coinbase");
  expect(created).toMatchObject([
    { checkoutSessionId: "s1", srcAmount: String(PRICE), onramp: { vendor: "coinbase" } },
  ]);
  expect(left).toEqual(["https://pay.example/orders/o1/pay"]);
  // Until the vendor's page is there, a second click leads nowhere.
  expect(flow.getSnapshot()).toMatchObject({ step: "creating_order", problem: undefined });
  await flow.buyFrom("coinbase");
  expect(left.length).toBe(1);
  // Back again, the same link leads on, and no second order is asked for.
  wake();
  expect(flow.getSnapshot()).toMatchObject({ step: "idle", view: { vendors: ["coinbase"] } });
  await flow.buyFrom("coinbase");
  expect([left.length, created.length]).toEqual([2, 1]);
  stop();
});

test("two clicks lead to the vendor once, also with an order that exists", async () => {
  const { flow, left } = page(linked(bought), undefined, SOLD);
  await flow.refresh();
  await Promise.all([flow.buyFrom("coinbase"), flow.buyFrom("coinbase")]);
  expect(left.length).toBe(1);
  expect(flow.getSnapshot().problem).toBeUndefined();
});

test("a wallet that never answers can be left for a vendor", async () => {
  const { flow, left } = page(sessionOf("open"), linked(bought), SOLD);
  await flow.refresh();
  void flow.payWith({ request: () => new Promise(() => {}) });
  expect(flow.getSnapshot().step).toBe("connecting");
  await flow.buyFrom("coinbase");
  expect(left.length).toBe(1);
});

test.each([
  ["other terms", { ...bought, srcAmount: "1" }],
  ["no vendor", {}],
  ["another vendor", { ...bought, onrampMetadata: { vendor: "moonpay" } }],
])("a payer is not led away if a stranger linked an order with %s", async (_, terms) => {
  const { flow, left } = page(sessionOf("open"), linked(terms), SOLD);
  await flow.refresh();
  await flow.buyFrom("coinbase");
  expect(left).toEqual([]);
  expect(flow.getSnapshot().problem).toEqual({ code: "terms_changed" });
});

test("only what is sold for these terms and can still be paid is offered", async () => {
  const vendors = async (session: SessionWithOrder) => {
    const { flow } = page(session, undefined, SOLD);
    await flow.refresh();
    return flow.getSnapshot().view.vendors;
  };
  expect(await vendors(linked({}))).toEqual([]);
  expect(await vendors(linked({ onrampMetadata: null, oneClickBuyUrl: null }))).toEqual([]);
  expect(await vendors(linked(bought))).toEqual(["coinbase"]);
  expect(await vendors(linked(bought, { received: 1n }))).toEqual(["coinbase"]);
  expect(await vendors(linked(bought, { pending: PRICE }))).toEqual([]);
  expect(await vendors(sessionOf("expired"))).toEqual([]);
});

test("a paid session leads nowhere", async () => {
  const { flow, left, set } = page(linked(bought), undefined, SOLD);
  await flow.refresh();
  set(sessionOf("complete", "executed", { received: PRICE }));
  await flow.buyFrom("coinbase");
  expect(left).toEqual([]);
  expect(flow.getSnapshot()).toMatchObject({ problem: undefined, view: { name: "complete" } });
});
