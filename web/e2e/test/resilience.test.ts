import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, shows, type Visit, view, visit } from "../src/browser.js";
import { Service } from "../src/service.js";
import { addWallet, type WalletHabits } from "../src/wallet.js";

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
});

async function payer(habits?: WalletHabits): Promise<Visit> {
  const visited = await visit(browser);
  open.push(visited);
  if (habits !== undefined) await addWallet(visited.context, service, habits);
  return visited;
}

const payButton = { name: /^Pay with Test wallet$/ };

test("while the service is away the view is kept, and then goes on", async () => {
  const session = await service.session();
  const { page } = await payer({});
  await page.goto(String(session.url));
  await shows(page, "pay");
  await page.route("**/checkout-sessions/**", (route) => route.abort());
  await page.getByText("No connection. Trying again…").waitFor();
  expect(await view(page)).toBe("pay");
  await page.unroute("**/checkout-sessions/**");
  await page.getByText("No connection. Trying again…").waitFor({ state: "detached" });
  await page.getByRole("button", payButton).click();
  await shows(page, "complete");
});

test("a service that is away at the start is waited for", async () => {
  const session = await service.session();
  const { page } = await payer();
  await page.route("**/checkout-sessions/**", (route) =>
    route.fulfill({ status: 503, body: '{"message":"Service Unavailable"}' }),
  );
  await page.goto(String(session.url));
  await page.getByText("No connection. Trying again…").waitFor();
  await page.unroute("**/checkout-sessions/**");
  await shows(page, "pay");
});

test("Retry-After is kept to", async () => {
  const session = await service.session();
  const { page } = await payer();
  const times: number[] = [];
  await page.route("**/checkout-sessions/**", (route) => {
    times.push(Date.now());
    if (times.length > 1) return route.continue();
    return route.fulfill({ status: 429, headers: { "retry-after": "4" }, body: '{"message":"Too Many Requests"}' });
  });
  await page.goto(String(session.url));
  await shows(page, "pay");
  // Never a moment earlier than asked for.
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(4_000);
});

test("an order that cannot be created says so and uses nothing up", async () => {
  const session = await service.session();
  const { page } = await payer({});
  await page.route("**/orders", (route) => route.fulfill({ status: 503, headers: { "retry-after": "0" }, body: "{}" }));
  await page.goto(String(session.url));
  await page.getByRole("button", payButton).click();
  await page.getByText("The service cannot be reached. Nothing was paid.").waitFor();
  await page.unroute("**/orders");
  await page.getByRole("button", payButton).click();
  await shows(page, "complete");
});

test("a lost reply to the order's creation changes nothing", async () => {
  const session = await service.session();
  const { page } = await payer({});
  let lost = 0;
  await page.route("**/orders", async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    await route.fetch();
    await route.abort();
  });
  await page.goto(String(session.url));
  await page.getByRole("button", payButton).click();
  await shows(page, "complete");
  expect(lost).toBe(1);
});

test.each([1, -1])("a clock that is %i h off counts down all the same", async (hours) => {
  const session = await service.session();
  const { page, context } = await payer();
  await context.addInitScript((offset) => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + offset;
  }, hours * 3_600_000);
  await page.goto(String(session.url));
  await shows(page, "pay");
  const left = await page.getByRole("timer").textContent();
  expect(left).toMatch(/^(30:00|29:5\d)$/);
});

test("the back button does not lead away again", async () => {
  const session = await service.session({ display: { redirect_after: 1 } });
  const { page } = await payer({});
  await page.goto(String(session.url));
  await page.getByRole("button", payButton).click();
  await page.waitForURL(`${service.base}/shop?session=${session.id}`);
  await page.goBack();
  await shows(page, "complete");
  await page.waitForTimeout(3_000);
  expect(page.url()).toBe(session.url);
  await page.getByRole("link", { name: "Continue to the shop" }).click();
  await page.waitForURL(`${service.base}/shop?session=${session.id}`);
});

test.each([0, null])("redirect_after %s is kept to", async (redirect_after) => {
  const session = await service.session({ display: { redirect_after } });
  const { page } = await payer({});
  await page.goto(String(session.url));
  await page.getByRole("button", payButton).click();
  if (redirect_after === 0) {
    await page.waitForURL(`${service.base}/shop?session=${session.id}`);
  } else {
    await shows(page, "complete");
    await page.waitForTimeout(5_000);
    expect(page.url()).toBe(session.url);
  }
});

test.each([
  ["without a template", "/shop", "/shop?sessionId=ID"],
  ["with a hash router", "/shop#/thanks", "/shop?sessionId=ID#/thanks"],
  ["with a template in the fragment", "/shop#/thanks/{SESSION_ID}", "/shop#/thanks/ID"],
])("a success_url %s leads to the session's own", async (_, given, expected) => {
  const session = await service.session({ success_url: service.base + given, display: { redirect_after: 0 } });
  const { page } = await payer({});
  await page.goto(String(session.url));
  await page.getByRole("button", payButton).click();
  await page.waitForURL(service.base + expected.replace("ID", session.id));
});

test("no wallet is said, and one that comes late is listed", async () => {
  const session = await service.session();
  const { page } = await payer({ name: "Late wallet", lateMs: 3_000 });
  await page.goto(String(session.url));
  await shows(page, "pay");
  expect(await page.getByRole("button", { name: "Pay with Late wallet" }).count()).toBe(0);
  await page.getByRole("button", { name: "Pay with Late wallet" }).waitFor();
});

test("a hostile wallet shows text and nothing else", async () => {
  const session = await service.session();
  const name = `<img src=x onerror=alert(1)>\u202e${"A".repeat(10_000)}`;
  const { page, complaints } = await payer({ name, icon: "javascript:alert(1)" });
  await page.goto(String(session.url));
  const button = page.getByRole("button", { name: /^Pay with <img/ });
  await button.waitFor();
  const text = (await button.textContent()) ?? "";
  expect(text.length).toBeLessThan(60);
  expect(text).not.toContain("\u202e");
  expect(await button.locator("img").count()).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  expect(complaints).toEqual([]);
});

test("in a local run a real wallet is not listed", async () => {
  const session = await service.session();
  const { page, context } = await payer();
  await context.addInitScript(() => {
    const provider = { request: async () => null };
    Object.assign(globalThis, { ethereum: provider });
    const info = { uuid: "real", name: "MetaMask", icon: "", rdns: "io.metamask" };
    const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: { info, provider } }));
    addEventListener("eip6963:requestProvider", announce);
    announce();
  });
  await page.goto(String(session.url));
  await page.getByRole("button", { name: "Pay with Local test wallet" }).waitFor();
  expect(await page.getByRole("button", { name: /MetaMask|Browser wallet/ }).count()).toBe(0);
});

test("the merchant's expire call ends the page, but not once the price was seen", async () => {
  const first = await service.session();
  const { page } = await payer({});
  await page.goto(String(first.url));
  await shows(page, "pay");
  await service.checkout.sessions.expire(first.id);
  await shows(page, "expired");
  expect(await page.getByRole("link", { name: "Back to the shop" }).getAttribute("href")).toContain("/shop");

  const second = await service.session();
  await page.goto(String(second.url));
  await page.getByRole("button", payButton).click();
  await page.locator('.checkout[data-view="confirming"], .checkout[data-view="processing"]').first().waitFor();
  await expect(service.checkout.sessions.expire(second.id)).rejects.toMatchObject({
    code: "invalid_status_transition",
  });
  await shows(page, "complete");
});

test("a page before use asks twice: for the document and for the session", async () => {
  const session = await service.session();
  const { page, context } = await payer();
  const requests: string[] = [];
  context.on("request", (request) => requests.push(new URL(request.url()).pathname));
  await page.goto(String(session.url));
  await shows(page, "pay");
  expect(requests).toEqual([`/checkout/${session.id}`, `/checkout-sessions/${session.id}`]);
});

test("a cancelled checkout leads back and stays open", async () => {
  const session = await service.session();
  const { page } = await payer({});
  await page.goto(String(session.url));
  await page.getByRole("link", { name: "Cancel and go back" }).click();
  await page.waitForURL(/\/shop/);
  expect(await service.status(session.id)).toBe("open -");
});

test("an amount of the payer's own stays within its bounds", async () => {
  const offer = {
    chain_id: 8453,
    token_address: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    recipient_address: "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
  };
  const accepts = [{ ...offer, amount: "5000000", max_amount: "500000000" }];
  const session = await service.session({ pricing: { mode: "at_least", accepts } });
  const { page } = await payer({});
  await page.goto(String(session.url));
  await shows(page, "choose");
  for (const wrong of ["4.99", "500.01", "", "ten", "-7", "5.1234567", "1e2"]) {
    await page.getByLabel("Amount (USDC)").fill(wrong);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("Enter an amount within these bounds.").waitFor();
  }
  await page.getByLabel("Amount (USDC)").fill("7,50");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Pay 7.50 USDC" }).waitFor();
  await page.getByRole("button", { name: "Choose another way to pay" }).click();
  await shows(page, "choose");
  await page.getByLabel("Amount (USDC)").fill("6");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", payButton).click();
  await shows(page, "complete");
  const paid = await service.checkout.sessions.retrieveWithOrder(session.id);
  expect(paid.order?.order.srcAmount).toBe("6000000");
});
