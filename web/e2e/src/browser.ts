import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SCREENSHOTS = new URL("../../../target/checkout-page/", import.meta.url).pathname;

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

export interface Visit {
  context: BrowserContext;
  page: Page;
  /** The origins that were asked. */
  origins: Set<string>;
  /** What the page's console said, and errors that nothing caught. */
  complaints: string[];
}

/** Opens an empty page that records what it asks and what it complains of. */
export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, ...options });
  const [origins, complaints] = [new Set<string>(), [] as string[]];
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:") origins.add(url.origin);
  });
  const page = await context.newPage();
  watch(page, complaints);
  return { context, page, origins, complaints };
}

function watch(page: Page, complaints: string[]): void {
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A response of 4xx or 5xx is part of some tests, and the browser says so by itself.
    const isOwn = message.type() === "error" && !message.text().startsWith("Failed to load resource");
    if (isOwn) complaints.push(message.text());
  });
}

/** Which view the page shows. */
export function view(page: Page): Promise<string> {
  return page.locator(".checkout").getAttribute("data-view").then(String);
}

/** Waits until the page shows a view. */
export async function shows(page: Page, name: string, timeout = 30_000): Promise<void> {
  await page.locator(`.checkout[data-view="${name}"]`).waitFor({ timeout });
}

let axe: string | undefined;

/** Holds what is shown to WCAG 2.2 AA, as far as a program can tell. */
export async function assertAccessible(page: Page): Promise<void> {
  axe ??= await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  // Evaluated, because the page's policy refuses a script tag.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    type Axe = {
      run(
        options: object,
      ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
    };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { axe } = globalThis as unknown as { axe: Axe };
    const { violations } = await axe.run({ runOnly: tags });
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
    );
  });
  expect(violations).toEqual([]);
}

/** Keeps a picture of what is shown, for people. */
export async function picture(page: Page, name: string): Promise<string> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const path = `${SCREENSHOTS}${name}.png`;
  await page.screenshot({ path, fullPage: true, animations: "disabled" });
  return path;
}
