import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { assertAccessible, launch, picture, shows, type Visit, visit } from "../src/browser.js";
import { Service } from "../src/service.js";

/** Whom `cargo dev --onramp` lets vendors pay: its demo shop. */
const DEMO_SHOP = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";

let service: Service;
let browser: Browser;
let open: Visit[] = [];

beforeAll(async () => {
  [service, browser] = await Promise.all([Service.start("--onramp"), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

afterEach(async () => {
  const visits = open;
  open = [];
  for (const { context } of visits) await context.close();
  for (const { origins, complaints } of visits) {
    const allowed = [service.base, ...service.vendors];
    expect([...origins].filter((origin) => !allowed.includes(origin))).toEqual([]);
    expect(complaints).toEqual([]);
  }
});

/** A session of the demo shop, and a payer on its page without a wallet. */
async function payer(): Promise<{ id: string; page: Page }> {
  const pricing = { amount: "25.00", currency: "USD", recipient_address: DEMO_SHOP };
  const session = await service.session({ pricing });
  const visited = await visit(browser);
  open.push(visited);
  await visited.page.goto(String(session.url));
  await shows(visited.page, "pay");
  return { id: session.id, page: visited.page };
}

const press = (page: Page, name: string) => page.getByRole("button", { name }).click();

test("a payer without a wallet pays by card", async () => {
  const { id, page } = await payer();
  await assertAccessible(page);
  await picture(page, "pay-without-wallet");
  await press(page, "Pay by card");
  await page.getByRole("heading", { name: "This is a DOUBLE of Stripe" }).waitFor();
  await page.getByText("25.00 USD").waitFor();
  await press(page, "Pay: the card is charged");
  await page.waitForURL(`${service.base}/shop?session=${id}`);
  await page.getByText("Paid. Your tea is on its way.").waitFor();
  expect(await service.status(id)).toBe("complete executed");
});

test("a declined card, a way back and a second try", async () => {
  const { id, page } = await payer();
  const checkout = page.url();
  await press(page, "Pay by card");
  await press(page, "Pay: the card is declined");
  await page.getByText("The card was declined").waitFor();
  await page.goto(checkout);
  await shows(page, "pay");
  // The order is made for a card, and a wallet can still pay it.
  await page.getByRole("button", { name: "Pay by QR code or address" }).waitFor();
  expect(await page.getByRole("button", { name: /Coinbase/ }).count()).toBe(0);
  await press(page, "Pay by card");
  await press(page, "Pay: the card is charged");
  await page.getByText("Paid. Your tea is on its way.").waitFor();
  expect(await service.status(id)).toBe("complete executed");
});

test("a payer buys the crypto, less than is due at first", async () => {
  const { id, page } = await payer();
  const checkout = page.url();
  await press(page, "Buy with Coinbase");
  await page.getByRole("heading", { name: "This is a DOUBLE of Coinbase" }).waitFor();
  await page.getByText("25 USDC", { exact: true }).waitFor();
  await press(page, "Pay: half of the amount arrives");
  await page.waitForURL(`${service.base}/shop?session=${id}`);
  await page.goto(checkout);
  await shows(page, "partial");
  await press(page, "Continue to Coinbase");
  await page.getByText("12.5 USDC", { exact: true }).waitFor();
  await press(page, "Pay: the exact amount arrives");
  await page.waitForURL(`${service.base}/shop?session=${id}`);
  await page.goto(checkout);
  await page.getByText("Paid. Your tea is on its way.").waitFor();
  expect(await service.status(id)).toBe("complete executed");
});

test("a payer buys the crypto from Stripe, whose page has no way back", async () => {
  const { id, page } = await payer();
  const checkout = page.url();
  await press(page, "Buy with Stripe");
  await page.getByRole("heading", { name: "This is a DOUBLE of Stripe" }).waitFor();
  await page.getByText("25 USDC", { exact: true }).waitFor();
  await press(page, "Pay: the card is declined");
  await page.getByText("You can close this page.").waitFor();
  await page.goto(checkout);
  await shows(page, "pay");
  const { order } = await service.checkout.sessions.retrieveWithOrder(id);
  expect(order).toMatchObject({ onramp: { vendor: "stripe", status: "failed", reason: "transaction_failed" } });
  await press(page, "Continue to Stripe");
  await press(page, "Pay: the exact amount arrives");
  await page.getByText("You can close this page.").waitFor();
  await page.goto(checkout);
  await page.getByText("Paid. Your tea is on its way.").waitFor();
  expect(await service.status(id)).toBe("complete executed");
});

test("a payment link is a page without a script, in the payer's language", async () => {
  const { id, page } = await payer();
  await press(page, "Buy with Coinbase");
  await press(page, "Cancel");
  const session = await service.checkout.sessions.retrieveWithOrder(id);
  const link = String(session.order?.order.oneClickBuyUrl);
  await page.route(link, async (route) => {
    // As a browser that does not say what it does.
    const headers = route.request().headers();
    for (const name of Object.keys(headers)) if (name.startsWith("sec-")) delete headers[name];
    await route.fulfill({ response: await route.fetch({ headers: { ...headers, "accept-language": "de" } }) });
  });
  await page.goto(link);
  await page.getByRole("heading", { name: "25 USDC bezahlen" }).waitFor();
  await assertAccessible(page);
  await picture(page, "payment-link");
  await page.unroute(link);
  await press(page, "Weiter zu Coinbase");
  await page.getByRole("heading", { name: "This is a DOUBLE of Coinbase" }).waitFor();
});
