import type { OrderEvent } from "checkout-sessions";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assertAccessible, launch, picture, shows, type Visit, visit } from "../src/browser.js";
import { CHAIN, PAYER, Service, SHOP, USDC } from "../src/service.js";
import { addWallet } from "../src/wallet.js";

let service: Service;
let browser: Browser;

beforeAll(async () => {
  [service, browser] = await Promise.all([Service.start(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

const DISPLAY = {
  title: "Order 1042",
  description: "Ships on Monday",
  currency: "USD",
  redirect_after: null,
  line_items: [
    { name: "Oolong 250 g", quantity: 2, amount: "10.00" },
    { name: "Shipping", amount: "5.00" },
  ],
};

const TRANSACTION = (digit: string) => `0x${digit.repeat(64)}`;

/** Creates a session with an order, and reports what happened to it. Returns the URL of its page. */
async function reported(...events: [OrderEvent["type"], Record<string, unknown>][]): Promise<string> {
  const session = await service.session({ display: DISPLAY });
  const order = await service.checkout.orders.create({ checkoutSessionId: session.id });
  for (const [type, data] of events) {
    const facts = type === "order.failed" ? data : { chain: CHAIN, createdAt: Date.now(), ...data };
    await service.checkout.orders.recordEvent(order.id, { type, data: facts } as OrderEvent, {
      secret: service.secret,
    });
  }
  return String(session.url);
}

async function paid(amount: string, expire: boolean): Promise<string> {
  const session = await service.session({ display: DISPLAY });
  const order = await service.checkout.orders.create({ checkoutSessionId: session.id });
  if (expire && amount === "25000000") await service.checkout.sessions.expire(session.id);
  await service.pay(order.globalAddress, amount);
  const seen = expire && amount === "25000000" ? "expired executed" : "open scanning_deposit_transaction";
  await expect.poll(() => service.status(session.id), { timeout: 20_000, interval: 500 }).toBe(seen);
  if (expire && amount !== "25000000") {
    await expect
      .poll(async () => (await service.checkout.sessions.retrieveWithOrder(session.id)).order?.payment, {
        timeout: 20_000,
      })
      .toBeTruthy();
    await service.checkout.sessions.expire(session.id);
  }
  return String(session.url);
}

const deposit = (amount: string) => ["deposit.detected", { txHash: TRANSACTION("a"), from: PAYER, amount }] as const;

interface Case {
  view: string;
  url: () => Promise<string>;
  after?: (visit: Visit) => Promise<unknown>;
  done?: () => Promise<unknown>;
}

const CASES: Record<string, Case> = {
  not_found: { view: "not_found", url: async () => `${service.base}/checkout/${crypto.randomUUID()}` },
  not_payable: {
    view: "not_payable",
    url: async () =>
      `${service.base}/checkout/${(await service.checkout.sessions.create({ cancel_url: "https://shop.example" })).id}`,
  },
  choose: {
    view: "choose",
    url: async () => {
      const offer = { chain_id: CHAIN, token_address: USDC, amount: "5000000", max_amount: "500000000" };
      const accepts = [{ ...offer, recipient_address: SHOP, suggested_amount: "25000000" }];
      return String((await service.session({ display: DISPLAY, pricing: { mode: "at_least", accepts } })).url);
    },
  },
  pay: { view: "pay", url: async () => String((await service.session({ display: DISPLAY })).url) },
  pay_by_hand: {
    view: "pay",
    url: async () => String((await service.session({ display: DISPLAY })).url),
    after: async ({ page }) => {
      await page.getByRole("button", { name: "Pay by QR code or address" }).click();
      await page.locator(".checkout-qr").waitFor();
      await page.locator("summary").click();
    },
  },
  partial: { view: "partial", url: () => paid("10000000", false) },
  confirming: {
    view: "confirming",
    url: async () => {
      const session = await service.session({ display: DISPLAY });
      const order = await service.checkout.orders.create({ checkoutSessionId: session.id });
      // The deposit's block is the last one, so it is not final.
      await service.hold();
      await service.pay(order.globalAddress, "25000000");
      await service.rpc("evm_mine");
      const pending = async () =>
        (await service.checkout.sessions.retrieveWithOrder(session.id)).order?.payment?.pendingAmount;
      await expect.poll(pending, { timeout: 20_000, interval: 500 }).toBe("25000000");
      return String(session.url);
    },
    done: () => service.release(),
  },
  processing: { view: "processing", url: () => reported([...deposit("25000000")]) },
  complete: {
    view: "complete",
    url: () => reported([...deposit("25000000")], ["order.executed", { txHash: TRANSACTION("b") }]),
  },
  failed: { view: "failed", url: () => reported(["order.failed", { errorDetails: "The recipient is blocked." }]) },
  refunded: {
    view: "refunded",
    url: () =>
      reported(
        [...deposit("25000000")],
        ["order.failed", { errorDetails: "No liquidity." }],
        ["refund.updated", { txHash: TRANSACTION("c"), amount: "25000000", status: "success" }],
      ),
  },
  late: { view: "late", url: () => paid("25000000", true) },
  expired_partial: { view: "expired_partial", url: () => paid("10000000", true) },
  expired: {
    view: "expired",
    url: async () => {
      const session = await service.session({ display: DISPLAY });
      await service.checkout.sessions.expire(session.id);
      return String(session.url);
    },
  },
};

describe.each(Object.entries(CASES))("the view %s", (name, { view, url, after, done }) => {
  test("is accessible in light and dark, on a phone and on a desk", async () => {
    const address = await url();
    for (const width of [390, 1280]) {
      for (const colorScheme of ["light", "dark"] as const) {
        const visited = await visit(browser, { viewport: { width, height: 844 }, colorScheme });
        await addWallet(visited.context, service, {});
        await visited.page.goto(address);
        await shows(visited.page, view);
        await after?.(visited);
        await picture(visited.page, `${name}-${colorScheme}-${width}`);
        await assertAccessible(visited.page);
        expect(await visited.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        expect(visited.complaints).toEqual([]);
        await visited.context.close();
      }
    }
    await done?.();
  });
});

test.each(["en", "de", "fr", "es", "pt-BR", "ja", "zh-CN", "ar"])(
  "%s fits, in its own direction, on the narrowest phone",
  async (lang) => {
    const url = `${await paid("10000000", false)}?lang=${lang}`;
    const visited = await visit(browser, { viewport: { width: 320, height: 700 } });
    await visited.page.goto(url);
    await shows(visited.page, "partial");
    await visited.page.locator(".checkout-qr").waitFor();
    await picture(visited.page, `language-${lang}`);
    await assertAccessible(visited.page);
    const { dir, width, text } = await visited.page.evaluate(() => ({
      dir: document.documentElement.dir,
      width: document.documentElement.scrollWidth,
      text: document.querySelector(".checkout")?.textContent,
    }));
    expect(dir).toBe(lang === "ar" ? "rtl" : "ltr");
    expect(width).toBeLessThanOrEqual(320);
    // No placeholder is left unfilled.
    expect(text).not.toMatch(/[{}]/);
    await visited.context.close();
  },
);

test("twice the size of text and forced colours lose nothing", async () => {
  const url = String((await service.session({ display: DISPLAY })).url);
  const visited = await visit(browser, {
    viewport: { width: 640, height: 900 },
    forcedColors: "active",
    reducedMotion: "reduce",
  });
  await addWallet(visited.context, service, {});
  await visited.page.goto(url);
  await visited.page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
  await shows(visited.page, "pay");
  await picture(visited.page, "forced-colours-200");
  expect(await visited.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(640);
  await visited.context.close();
});

test("the page is used with the keyboard alone", async () => {
  const session = await service.session({ display: DISPLAY });
  const visited = await visit(browser);
  await addWallet(visited.context, service, {});
  await visited.page.goto(String(session.url));
  await shows(visited.page, "pay");
  const { keyboard } = visited.page;
  const focused = () =>
    visited.page.evaluate(() => {
      const { activeElement, body } = document;
      return activeElement === body ? "" : (activeElement?.textContent ?? "");
    });
  for (let presses = 0; presses < 10 && !(await focused()).includes("Pay with Test wallet"); presses += 1)
    await keyboard.press("Tab");
  await keyboard.press("Enter");
  await shows(visited.page, "complete");
  // A change of view moves the focus to what is new.
  expect(await focused()).toBe("Paid");
  await visited.context.close();
});
