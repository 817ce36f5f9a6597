import { expect, test } from "vitest";
import type { FlowApi } from "../src/flow/api.js";
import { memoryAttempts } from "../src/flow/attempt.js";
import { Flow } from "../src/flow/flow.js";
import type { Provider } from "../src/flow/wallets.js";
import type { SessionWithOrder } from "../src/types.js";
import { CONFIGURATION, PRICE, sessionOf } from "./session-double.js";

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
function page(first: SessionWithOrder) {
  let session = first;
  const asked: { to: string; data: string }[] = [];
  const api: FlowApi = {
    readSession: async () => ({ data: session, headers: new Headers(), replayed: false, body: undefined as never }),
    createOrder: async () => ({ data: {} as never, headers: new Headers(), replayed: false, body: undefined as never }),
  };
  const flow = new Flow({ sessionId: "s1", api, configuration: TWO_TOKENS, attempts: memoryAttempts() });
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
  return { flow, api, wallet, asked, set };
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
