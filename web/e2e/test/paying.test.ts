import { execFileSync } from "node:child_process";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, picture, shows, type Visit, view, visit } from "../src/browser.js";
import { PAYER, Service, SHOP, USDC } from "../src/service.js";
import { addWallet, NEVER, refusal, type WalletHabits } from "../src/wallet.js";

let service: Service;
let browser: Browser;
let open: Visit[] = [];

beforeAll(async () => {
  [service, browser] = await Promise.all([Service.start(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

afterEach(async () => {
  await service.release();
  const visits = open;
  open = [];
  for (const { context } of visits) await context.close();
  for (const { origins, complaints } of visits) {
    expect([...origins].filter((origin) => origin !== service.base)).toEqual([]);
    expect(complaints).toEqual([]);
  }
});

/** Opens a session's page in a browser with a wallet. */
async function payer(url: string, habits?: WalletHabits): Promise<Visit & { calls: string[] }> {
  const visited = await visit(browser);
  open.push(visited);
  const calls = habits === undefined ? [] : await addWallet(visited.context, service, habits);
  await visited.page.goto(url);
  return { ...visited, calls };
}

const payButton = { name: /^Pay with Test wallet$/ };

test("a payer pays with a wallet and lands in the shop", async () => {
  const session = await service.session();
  const before = await service.balance(SHOP);
  const { page, calls } = await payer(String(session.url), {});
  await page.getByRole("button", payButton).click();
  await shows(page, "complete");
  expect(await service.status(session.id)).toBe("complete executed");
  await page.waitForURL(`${service.base}/shop?session=${session.id}`);
  await page.getByText("Paid. Your tea is on its way.").waitFor();
  expect((await service.balance(SHOP)) - before).toBe(25_000_000n);
  expect(calls.filter((method) => method === "eth_sendTransaction")).toHaveLength(1);
});

test("the built-in test wallet and the demo shop work together", async () => {
  const { page } = await payer(`${service.base}/shop`);
  await page.getByRole("button", { name: "Buy" }).click();
  await shows(page, "pay");
  await page.getByText("Never pay from a real wallet here.").waitFor();
  await page.getByRole("button", { name: "Pay with Local test wallet" }).click();
  await page.getByText("Paid. Your tea is on its way.").waitFor();
});

test("a payer declines and then pays", async () => {
  const session = await service.session();
  let declines = 1;
  const answer = (method: string) => (method === "eth_sendTransaction" && declines-- > 0 ? refusal(4001) : undefined);
  const { page } = await payer(String(session.url), { answer });
  await page.getByRole("button", payButton).click();
  await page.getByText("Declined. Nothing was paid.").waitFor();
  expect(await view(page)).toBe("pay");
  await page.getByRole("button", payButton).click();
  await shows(page, "complete");
});

test("a wallet on another chain is switched, and added if it does not know the chain", async () => {
  const session = await service.session();
  const switched = await payer(String(session.url), { chainId: 1, answer: onlyConnect });
  await switched.page.getByRole("button", payButton).click();
  await switched.page.getByText("Declined. Nothing was paid.").waitFor();
  expect(switched.calls).toContain("wallet_switchEthereumChain");

  const refused = await payer(String(session.url), {
    chainId: 1,
    answer: (method) => (method === "wallet_switchEthereumChain" ? refusal(4001) : onlyConnect(method)),
  });
  await refused.page.getByRole("button", payButton).click();
  await refused.page.getByText("Declined. Nothing was paid.").waitFor();
  expect(refused.calls).not.toContain("eth_sendTransaction");

  // MetaMask on phones wraps the code.
  const unknown = refusal(-32_603, "Unrecognized chain", { originalError: { code: 4902 } });
  const stranger = await payer(String(session.url), {
    chainId: 1,
    answer: (method) => (method === "wallet_switchEthereumChain" ? unknown : onlyConnect(method)),
  });
  await stranger.page.getByRole("button", payButton).click();
  // The local chain names no public node, so there is nothing to add.
  await stranger.page.getByText("Switch your wallet to Base and try again.").waitFor();
  expect(stranger.calls).not.toContain("eth_sendTransaction");

  // A wallet that says yes and stays where it is.
  const stubborn = await payer(String(session.url), {
    chainId: 1,
    answer: (method) => (method === "wallet_switchEthereumChain" ? null : onlyConnect(method)),
  });
  await stubborn.page.getByRole("button", payButton).click();
  await stubborn.page.getByText("Switch your wallet to Base and try again.").waitFor();
  // None of them created an order but the one that was asked to pay.
  expect(await service.status(session.id)).toBe("open scanning_deposit_transaction");
});

function onlyConnect(method: string): unknown {
  return method === "eth_sendTransaction" ? refusal(4001) : undefined;
}

test("too little money is said before the wallet is asked", async () => {
  const session = await service.session();
  const account = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
  await service.rpc("anvil_setBalance", account, "0x0");
  const { page, calls } = await payer(String(session.url), { account });
  await page.getByRole("button", payButton).click();
  await page.getByText("You have 0 USDC; 25 USDC is needed.").waitFor();
  expect(calls).not.toContain("eth_sendTransaction");
  // Nothing was used up.
  expect(await service.status(session.id)).toBe("open -");

  await service.pay(account, "25000000");
  await service.rpc("evm_mine");
  const { page: poor } = await payer(String(session.url), { account, answer: onlyConnect });
  await poor.getByRole("button", payButton).click();
  await poor.getByText("Declined. Nothing was paid.").waitFor();
});

test("a reverted transfer is shown and paid again by an explicit decision", async () => {
  const session = await service.session();
  let reverts = 1;
  const answer = (method: string) => {
    if (method !== "eth_sendTransaction" || reverts-- <= 0) return undefined;
    // A transfer of more than there is.
    const data = `0xa9059cbb${"1".padStart(64, "0")}${"f".repeat(64)}`;
    return service.rpc("eth_sendTransaction", { from: PAYER, to: USDC, data, gas: "0x30000" });
  };
  const { page } = await payer(String(session.url), { answer });
  await page.getByRole("button", payButton).click();
  await page.getByText("The network rejected the payment. Only the network fee was spent.").waitFor();
  expect(await page.getByRole("button", payButton).count()).toBe(0);
  await page.getByText("Try again").click();
  await page.getByText("Otherwise you pay twice.").waitFor();
  await page.getByRole("button", { name: "Send again with Test wallet" }).click();
  await shows(page, "complete");
});

test("a QR code is read and paid from elsewhere", async () => {
  const session = await service.session();
  for (const colorScheme of ["light", "dark"] as const) {
    const { page } = await payer(String(session.url));
    await page.emulateMedia({ colorScheme });
    await page.getByRole("button", { name: "Pay by QR code or address" }).click();
    await page.locator(".checkout-qr").waitFor();
    const address = await service.depositAddress(session.id);
    const read = async () => {
      const path = await picture(page, `qr-${colorScheme}`);
      return execFileSync("zbarimg", ["--quiet", "--raw", path], { encoding: "utf8" }).trim();
    };
    const uri = await read();
    expect(uri.toLowerCase()).toBe(`ethereum:${USDC}@8453/transfer?address=${address}&uint256=25000000`.toLowerCase());
    await page.getByText("Address only").click();
    expect((await read()).toLowerCase()).toBe(address);
  }
  const [{ page }] = open as [Visit];
  await service.pay(await service.depositAddress(session.id), "25000000");
  await shows(page, "complete");
});

test("address and amount are copied", async () => {
  const session = await service.session();
  const { page, context } = await payer(String(session.url));
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Pay by QR code or address" }).click();
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Copy the amount" }).click();
  expect(await clipboard()).toBe("25");
  await page.getByRole("button", { name: "Copy the address" }).click();
  expect((await clipboard()).toLowerCase()).toBe(await service.depositAddress(session.id));
});

test("a part is paid, and then the rest", async () => {
  const session = await service.session();
  const { page } = await payer(String(session.url), {});
  await page.getByRole("button", { name: "Pay by QR code or address" }).click();
  await page.locator(".checkout-qr").waitFor();
  await service.pay(await service.depositAddress(session.id), "10000000");
  await shows(page, "partial");
  await page.getByText("10 USDC of 25 USDC received").waitFor();
  await page.getByText("Send 15 USDC more to the same address.").waitFor();
  await page.getByRole("button", { name: "Pay the rest with Test wallet" }).click();
  await shows(page, "complete");
  expect(await service.status(session.id)).toBe("complete executed");
});

test("what is paid beyond the price is said", async () => {
  const session = await service.session({ display: { redirect_after: null } });
  const { page } = await payer(String(session.url));
  await page.getByRole("button", { name: "Pay by QR code or address" }).click();
  await page.locator(".checkout-qr").waitFor();
  await service.pay(await service.depositAddress(session.id), "26000000");
  await shows(page, "complete");
  await page.getByText("1 USDC more than the price was paid. The shop has it.").waitFor();
});

test("a payment after the end is late and never a success", async () => {
  const session = await service.session();
  let confirm: ((hash: unknown) => void) | undefined;
  const answer = (method: string, params: unknown[]) => {
    if (method !== "eth_sendTransaction") return undefined;
    return new Promise((resolve) => {
      confirm = () => resolve(service.rpc("eth_sendTransaction", ...params));
    });
  };
  const { page } = await payer(String(session.url), { answer });
  await page.getByRole("button", payButton).click();
  await page.getByText("Confirm the payment in Test wallet.").waitFor();
  await service.checkout.sessions.expire(session.id);
  await shows(page, "expired");
  confirm?.(undefined);
  await shows(page, "late");
  await page.getByText("cart-1042").waitFor();
  expect(page.url()).toContain("/checkout/");
  expect(await page.getByRole("link", { name: "Continue to the shop" }).count()).toBe(0);
});

test("a part that was paid before the end is named", async () => {
  const session = await service.session();
  const { page } = await payer(String(session.url));
  await page.getByRole("button", { name: "Pay by QR code or address" }).click();
  await page.locator(".checkout-qr").waitFor();
  await service.pay(await service.depositAddress(session.id), "10000000");
  await shows(page, "partial");
  await expect.poll(() => service.status(session.id)).toContain("open");
  await service.checkout.sessions.expire(session.id);
  await shows(page, "expired_partial");
  await page.getByText("10 USDC of 25 USDC arrived").waitFor();
});

test("a reload and a second tab during the payment offer no second one", async () => {
  const session = await service.session();
  await service.hold();
  const { page, context, calls } = await payer(String(session.url), {});
  await page.getByRole("button", payButton).click();
  await page.getByText("Payment sent. The network has not shown it yet.").waitFor();
  await page.reload();
  await page.getByText("Payment sent. The network has not shown it yet.").waitFor();
  expect(await page.getByRole("button", payButton).count()).toBe(0);
  const second = await context.newPage();
  await second.goto(String(session.url));
  await second.getByText("Payment sent. The network has not shown it yet.").waitFor();
  expect(await second.getByRole("button", payButton).count()).toBe(0);
  await service.release();
  await Promise.all([shows(page, "complete"), shows(second, "complete")]);
  expect(calls.filter((method) => method === "eth_sendTransaction")).toHaveLength(1);
});

test("two browsers at once share one order", async () => {
  const session = await service.session();
  await service.hold();
  const both = await Promise.all([payer(String(session.url), {}), payer(String(session.url), {})]);
  await Promise.all(both.map(({ page }) => page.getByRole("button", { name: "Pay by QR code or address" }).click()));
  const addresses = await Promise.all(both.map(({ page }) => page.locator("dd code").first().textContent()));
  expect(addresses[0]).toBe(addresses[1]);
  expect(addresses[0]?.toLowerCase()).toBe(await service.depositAddress(session.id));
});

test("two tabs of one browser that click at once ask for one payment", async () => {
  const session = await service.session();
  await service.hold();
  const { page, context, calls } = await payer(String(session.url), {});
  const second = await context.newPage();
  await second.goto(String(session.url));
  const buttons = [page, second].map((tab) => tab.getByRole("button", payButton));
  await Promise.all(buttons.map((button) => button.waitFor()));
  await Promise.all(buttons.map((button) => button.click()));
  await page.waitForTimeout(3_000);
  expect(calls.filter((method) => method === "eth_sendTransaction")).toHaveLength(1);
  await service.release();
  await Promise.all([shows(page, "complete"), shows(second, "complete")]);
});

test("a silent wallet can be left for the address", async () => {
  const session = await service.session();
  const answer = (method: string) => (method === "eth_requestAccounts" ? NEVER : undefined);
  const { page } = await payer(String(session.url), { answer });
  await page.getByRole("button", payButton).click();
  await page.getByText("Connect in Test wallet…").waitFor();
  await page.getByRole("button", { name: "Pay by QR code or address" }).click();
  await page.locator(".checkout-qr").waitFor();
});
