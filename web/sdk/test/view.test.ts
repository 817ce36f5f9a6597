import { describe, expect, test } from "vitest";
import type { Attempt } from "../src/flow/attempt.js";
import { type Facts, viewOf } from "../src/flow/view.js";
import { CONFIGURATION, PRICE, SHOP, sessionOf, USDC } from "./session-double.js";

const facts = (session: Facts["session"], more: Partial<Facts> = {}): Facts => ({
  configuration: CONFIGURATION,
  session,
  isUnknown: false,
  choice: undefined,
  attempt: undefined,
  trust: "configured",
  ...more,
});

const half = PRICE / 2n;

// The table of docs/checkout-page.md.
test.each([
  ["open", undefined, {}, "pay", true],
  ["open", "scanning_deposit_transaction", {}, "pay", true],
  ["open", "scanning_deposit_transaction", { pending: PRICE }, "confirming", false],
  ["open", "scanning_deposit_transaction", { received: half, pending: PRICE - half }, "confirming", false],
  ["open", "scanning_deposit_transaction", { pending: half }, "partial", true],
  ["open", "scanning_deposit_transaction", { received: half }, "partial", true],
  ["processing", "executing", { received: PRICE }, "processing", false],
  ["processing", "executing", { received: PRICE + 1n }, "processing", false],
  ["processing", "executing", { received: half, pending: half }, "confirming", false],
  ["complete", "executed", { received: PRICE }, "complete", false],
  ["complete", "executed", {}, "complete", false],
  ["expired", "failure", { received: half }, "failed", false],
  ["expired", "refunded", { received: PRICE }, "refunded", false],
  ["expired", "refunding", { received: PRICE, isLate: true }, "late", false],
  ["expired", "executed", { received: PRICE, isLate: true }, "late", false],
  ["expired", "refunding", { pending: PRICE }, "late", false],
  ["expired", "executed", { received: PRICE }, "late", false],
  ["expired", "refunding", { received: half }, "expired_partial", false],
  ["expired", "refunding", { pending: half }, "expired_partial", false],
  ["expired", "expired", {}, "expired", false],
  ["expired", undefined, {}, "expired", false],
] as const)("%s with order %s and %o shows %s", (status, order, money, name, canPay) => {
  const view = viewOf(facts(sessionOf(status, order, money)));
  expect(view).toMatchObject({ name, canPay });
});

test("without a session there is nothing but waiting, or the truth that there is none", () => {
  expect(viewOf(facts(undefined)).name).toBe("loading");
  expect(viewOf(facts(undefined, { isUnknown: true })).name).toBe("not_found");
});

describe("a recipient", () => {
  const stranger = {
    ...CONFIGURATION,
    chains: CONFIGURATION.chains.map((chain) => ({ ...chain, recipients: [USDC] })),
  };
  const nobody = {
    ...CONFIGURATION,
    chains: CONFIGURATION.chains.map((chain) => ({ ...chain, recipients: [] as string[] })),
  };

  test.each([undefined, "scanning_deposit_transaction"])("that is not configured is not paid (order %s)", (order) => {
    const session = sessionOf("open", order);
    expect(viewOf(facts(session, { configuration: stranger }))).toMatchObject({ name: "not_payable", canPay: false });
    expect(viewOf(facts(session, { configuration: nobody }))).toMatchObject({ name: "not_payable", canPay: false });
    expect(viewOf(facts(session, { configuration: { ...nobody, isLocal: true } }))).toMatchObject({ name: "pay" });
    expect(viewOf(facts(session, { configuration: stranger, trust: "any" }))).toMatchObject({ name: "pay" });
    expect(viewOf(facts(session, { trust: { recipient: USDC } }))).toMatchObject({ name: "not_payable" });
    expect(viewOf(facts(session, { trust: { recipient: SHOP.toLowerCase() } }))).toMatchObject({ name: "pay" });
  });
});

test("a token of which nothing is known is not paid", () => {
  const chains = CONFIGURATION.chains.map((chain) => ({ ...chain, tokens: [{ address: USDC, symbol: "USDC" }] }));
  expect(viewOf(facts(sessionOf("open"), { configuration: { ...CONFIGURATION, chains } })).name).toBe("not_payable");
});

test("an unpriced session without an order is not paid", () => {
  const { pricing: _, ...session } = sessionOf("open");
  expect(viewOf(facts(session)).name).toBe("not_payable");
});

describe("several offers", () => {
  const session = sessionOf("open");
  const offer = { chain_id: 10, token_address: USDC, recipient_address: SHOP, amount: "24000000" };
  const pricing = { mode: "exact" as const, accepts: [...(session.pricing?.accepts ?? []), offer] };
  const configuration = {
    ...CONFIGURATION,
    chains: [...CONFIGURATION.chains, ...CONFIGURATION.chains.map((chain) => ({ ...chain, chainId: 10 }))],
  };

  test("are chosen from, and the choice is the terms", () => {
    const open = facts({ ...session, pricing }, { configuration });
    expect(viewOf(open)).toMatchObject({ name: "choose", offers: [{ chainId: 8453 }, { chainId: 10 }] });
    const chosen = viewOf({ ...open, choice: { offer: 1, amount: "1" } });
    // The price is exact, whatever the choice says.
    expect(chosen).toMatchObject({
      name: "pay",
      terms: { chainId: 10, amount: "24000000" },
      progress: { due: "24000000" },
    });
  });

  test("are not shown if they cannot be paid here", () => {
    expect(viewOf(facts({ ...session, pricing }))).toMatchObject({ name: "pay", terms: { chainId: 8453 } });
  });

  test("do not count once there is an order", () => {
    const linked = facts(
      { ...sessionOf("open", "scanning_deposit_transaction"), pricing },
      { configuration, choice: { offer: 1, amount: "1" } },
    );
    expect(viewOf(linked)).toMatchObject({ name: "pay", terms: { chainId: 8453, amount: String(PRICE) } });
  });
});

describe("an attempt", () => {
  const attempt: Attempt = { state: "sent", amount: String(PRICE), before: "0", at: 0 };
  const linked = (money = {}) => sessionOf("open", "scanning_deposit_transaction", money);

  test.each(["asked", "sent", "reverted"] as const)("that is %s keeps a second one away", (state) => {
    const view = viewOf(facts(linked(), { attempt: { ...attempt, state } }));
    expect(view).toMatchObject({ name: "pay", canPay: false, isPayingAgain: true });
  });

  test("of a part is over once the part was seen, and the rest can be paid", () => {
    const part = { ...attempt, amount: String(half) };
    expect(viewOf(facts(linked({ pending: half }), { attempt: part }))).toMatchObject({
      name: "partial",
      canPay: true,
    });
    const second = { ...part, before: String(half) };
    expect(viewOf(facts(linked({ pending: half }), { attempt: second }))).toMatchObject({ canPay: false });
  });

  test("that vanished again is waited for", () => {
    expect(viewOf(facts(linked(), { attempt }))).toMatchObject({ canPay: false, isPayingAgain: true });
  });
});

test("an expired page whose payment is on its way does not say that nothing was paid", () => {
  const attempt: Attempt = { state: "sent", amount: String(PRICE), before: "0", at: 0, hash: `0x${"1".repeat(64)}` };
  const expired = (attempt?: Attempt) => viewOf(facts(sessionOf("expired", "expired", {}), { attempt }));
  expect(expired(attempt)).toMatchObject({ name: "expired", isOnItsWay: true });
  expect(expired({ ...attempt, state: "asked" }).isOnItsWay).toBe(true);
  expect(expired({ ...attempt, state: "reverted" }).isOnItsWay).toBe(false);
  expect(expired().isOnItsWay).toBe(false);
});
