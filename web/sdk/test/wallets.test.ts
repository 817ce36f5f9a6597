import { expect, test } from "vitest";
import { errorCode, isSurelyNotSent, PaymentStopped, problemOf } from "../src/flow/wallet-payment.js";
import { discoverWallets, type Wallet } from "../src/flow/wallets.js";

const provider = { request: async () => null };
const info = { uuid: "1", name: "Wallet", icon: "data:image/png;base64,AA==", rdns: "test.wallet" };

/** Announces wallets, and returns those that are listed. */
function listed(details: unknown[], options: { onlyTest?: boolean; fallback?: () => unknown } = {}): Wallet[] {
  const target = new EventTarget();
  let wallets: Wallet[] = [];
  const end = discoverWallets({ target, ...options, changed: (now) => (wallets = now) });
  for (const detail of details) target.dispatchEvent(Object.assign(new Event("eip6963:announceProvider"), { detail }));
  end();
  target.dispatchEvent(
    Object.assign(new Event("eip6963:announceProvider"), { detail: { info: { ...info, uuid: "late" }, provider } }),
  );
  return wallets;
}

test("wallets are listed as they announce themselves, and one id once", () => {
  const other = { ...info, uuid: "2", name: "Other" };
  const wallets = listed([
    { info, provider },
    { info: other, provider },
    { info: { ...info, name: "Impostor" }, provider },
  ]);
  expect(wallets.map(({ name }) => name)).toEqual(["Wallet", "Other"]);
});

test.each([
  undefined,
  null,
  7,
  {},
  { info },
  { info, provider: {} },
  { info: { ...info, name: 7 }, provider },
  { info: { ...info, uuid: undefined }, provider },
  {
    info: Object.create(
      {},
      {
        uuid: {
          get: () => {
            throw new Error("no");
          },
        },
      },
    ),
    provider,
  },
])("what is no announcement is ignored (%#)", (detail) => {
  expect(listed([detail])).toEqual([]);
});

test.each([
  "javascript:alert(1)",
  "https://evil.example/x.png",
  "data:text/html,<b>",
  "data:image/png",
  7,
  `data:image/png,${"a".repeat(200_001)}`,
])("an icon that cannot be shown is left out (%#)", (icon) => {
  expect(listed([{ info: { ...info, icon }, provider }])).toMatchObject([{ icon: undefined }]);
});

test("a name is one short line that keeps its direction", () => {
  const name = (text: string) => listed([{ info: { ...info, name: text }, provider }])[0]?.name;
  expect(name("\u202eevil\n\u2066name\u200b")).toBe("evilname");
  expect(name("A".repeat(10_000))).toHaveLength(40);
  expect(name("\u200b")).toBe("Wallet");
});

test("the wallet of before EIP-6963 is listed if there is no other, and no real one in a local run", () => {
  expect(listed([], { fallback: () => provider })).toMatchObject([{ id: "injected" }]);
  expect(listed([], { fallback: () => provider, onlyTest: true })).toEqual([]);
  expect(listed([{ info: { ...info, rdns: "io.metamask" }, provider }], { onlyTest: true })).toEqual([]);
  expect(listed([{ info, provider }], { onlyTest: true })).toHaveLength(1);
});

test("at most twenty are listed", () => {
  const many = Array.from({ length: 50 }, (_, number) => ({ info: { ...info, uuid: String(number) }, provider }));
  expect(listed(many)).toHaveLength(20);
});

test("an error's code is found, also where a wallet wraps it", () => {
  expect(errorCode({ code: 4001 })).toBe(4001);
  expect(errorCode({ code: -32_603, data: { originalError: { code: 4902 } } })).toBe(4902);
  for (const none of [undefined, null, "no", {}, { code: "4001" }]) expect(errorCode(none)).toBeUndefined();
});

test("whatever a wallet throws becomes a problem in words", () => {
  const hostile = {
    get code() {
      throw new Error("no");
    },
    get message() {
      throw new Error("no");
    },
  };
  expect(problemOf(hostile)).toEqual({ code: "wallet_failed", detail: "" });
  expect(
    problemOf({
      message: {
        toString: () => {
          throw new Error("no");
        },
      },
    }),
  ).toEqual({ code: "wallet_failed", detail: "" });
  expect(problemOf(new Error("\u202eBoom\n!"))).toEqual({ code: "wallet_failed", detail: "Boom!" });
  expect(problemOf({ code: -32_002 })).toEqual({ code: "wallet_busy" });
  expect(problemOf(new PaymentStopped({ code: "another_tab" }))).toEqual({ code: "another_tab" });
});

test("only what a wallet surely did not do is forgotten", () => {
  expect([4001, 4100, -32_602].every((code) => isSurelyNotSent({ code }))).toBe(true);
  expect([undefined, -32_603, -32_000, -32_002].some((code) => isSurelyNotSent({ code }))).toBe(false);
});
