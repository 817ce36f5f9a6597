import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { assertAccessible, launch, shows, visit } from "../src/browser.js";
import { PAYER, Service, SHOP } from "../src/service.js";
import { addWallet } from "../src/wallet.js";

let service: Service;
let browser: Browser;
let shop: Server;
let origin: string;

/** Bundles the page as an application does, from the packages as they are built. */
async function bundle(): Promise<{ script: string; style: string }> {
  const input = new URL("../src/embedded.tsx", import.meta.url).pathname;
  const result = await build({
    configFile: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"development"' },
    build: { write: false, modulePreload: false, rolldownOptions: { input, onwarn: () => {} } },
  });
  const files = [result].flat().flatMap((built) => ("output" in built ? built.output : []));
  const script = files.map((file) => (file.type === "chunk" ? file.code : "")).join("");
  const style = files.map((file) => (file.type === "asset" ? String(file.source) : "")).join("");
  return { script, style };
}

beforeAll(async () => {
  const [started, launched, { script, style }] = await Promise.all([Service.start(), launch(), bundle()]);
  [service, browser] = [started, launched];
  const html = `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><style>${style}</style><body><script type="module" src="/script.js"></script></body></html>`;
  shop = createServer((request, response) => {
    const isScript = request.url === "/script.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : html);
  });
  await new Promise<void>((resolve) => shop.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;
});

afterAll(async () => {
  shop?.close();
  await browser?.close();
  await service?.stop();
});

test("a component in a page on another origin takes a payment", async () => {
  const session = await service.session();
  const visited = await visit(browser);
  const calls = await addWallet(visited.context, service, {});
  await visited.page.goto(`${origin}/?session=${session.id}&service=${service.base}&recipient=${SHOP}`);
  await shows(visited.page, "pay");
  await assertAccessible(visited.page);
  await visited.page.getByRole("button", { name: "Pay with Test wallet" }).click();
  await visited.page.getByText(`complete ${session.id}`).waitFor();
  // The merchant's page decides where to go.
  expect(visited.page.url()).toContain(origin);
  expect(calls.filter((method) => method === "eth_sendTransaction")).toHaveLength(1);
  expect([...visited.origins].sort()).toEqual([origin, service.base].sort());
  expect(visited.complaints).toEqual([]);
  await visited.context.close();
});

test("a component pays nobody but the recipient that its page names", async () => {
  const session = await service.session();
  const visited = await visit(browser);
  await addWallet(visited.context, service, {});
  await visited.page.goto(`${origin}/?session=${session.id}&service=${service.base}&recipient=${PAYER}`);
  await shows(visited.page, "not_payable");
  expect(await visited.page.getByRole("button").count()).toBe(0);
  await visited.context.close();
});

test("a deposit address that is not the order's is never shown", async () => {
  const session = await service.session();
  const visited = await visit(browser);
  const calls = await addWallet(visited.context, service, {});
  // A hacked host answers with an address of the thief's.
  await visited.page.route("**/checkout-sessions/**", async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({
      response,
      body: text.replace(/"globalAddress":"0x[0-9a-f]{40}"/, `"globalAddress":"${PAYER.toLowerCase()}"`),
    });
  });
  await visited.page.goto(`${origin}/?session=${session.id}&service=${service.base}&recipient=${SHOP}`);
  await visited.page.getByRole("button", { name: "Pay with Test wallet" }).click();
  await visited.page.getByText("The deposit address does not belong to this order. Do not pay.").waitFor();
  expect(calls).not.toContain("eth_sendTransaction");
  expect((await visited.page.content()).toLowerCase()).not.toContain(PAYER.toLowerCase());
  await visited.context.close();
});
