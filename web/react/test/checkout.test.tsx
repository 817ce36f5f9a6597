import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { depositAddress } from "checkout-sessions/address";
import { browserAttempts } from "checkout-sessions/flow";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Checkout } from "../src/index.js";
import { ServiceDouble, SHOP, USDC } from "./service-double.js";

let service: ServiceDouble;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T00:00:00Z") });
  service = new ServiceDouble();
  localStorage.clear();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const common = () => ({
  baseUrl: "https://pay.example",
  fetch: service.fetch,
  sessionId: "s1",
  redirect: "manual" as const,
});
const heading = () => screen.getByRole("heading", { level: 1 }).textContent;

test("a component loads the deployment's configuration and follows the session", async () => {
  render(<Checkout {...common()} />);
  expect(heading()).toBe("Loading…");
  await pass(100);
  expect(service.asked).toEqual(["GET /checkout/s1", "GET /checkout-sessions/s1"]);
  expect(heading()).toBe("Pay 25 USDC");
  service.set("processing", "executing", { received: 25_000_000n });
  await pass(4_000);
  expect(heading()).toBe("Payment received");
});

test("each event is told once, and only when the session says so", async () => {
  const told: string[] = [];
  const tell = ({ status }: { status: string }) => told.push(status);
  render(<Checkout {...common()} onComplete={tell} onExpired={tell} onProcessing={tell} />);
  service.set("open", "scanning_deposit_transaction", { pending: 25_000_000n });
  await pass(5_000);
  expect(told).toEqual([]);
  service.set("processing", "executing", { received: 25_000_000n });
  await pass(10_000);
  service.set("complete", "executed", { received: 25_000_000n });
  await pass(60_000);
  expect(told).toEqual(["processing", "complete"]);
  const asked = service.asked.length;
  await pass(600_000);
  expect(service.asked.length).toBe(asked);
});

test("verify pays its own recipient at the address that it computes, and no other", async () => {
  const request = vi.fn(async () => null);
  const { rerender } = render(<Checkout {...common()} verify={{ recipient: USDC }} provider={{ request }} />);
  await pass(100);
  expect(heading()).toBe("This checkout cannot be paid here");

  // The right recipient, but an address that is not the order's.
  service.set("open", "scanning_deposit_transaction");
  const order = service.session.order?.order;
  if (order === undefined) throw new Error("no order");
  order.id = "5392f7a7-d472-4d6b-9848-bd07117fb82d";
  rerender(<Checkout {...common()} verify={{ recipient: SHOP }} provider={{ request }} />);
  await pass(5_000);
  expect(screen.getByRole("alert").textContent).toContain("Do not pay.");
  expect(screen.queryByRole("button", { name: /Pay/ })).toBeNull();

  order.globalAddress = depositAddress({ orderId: order.id, recipient: SHOP });
  await pass(10_000);
  expect(screen.getByRole("button", { name: "Pay with Wallet" })).toBeTruthy();
});

test("a provider that the application connected is asked to pay", async () => {
  const calls: string[] = [];
  const request = async ({ method }: { method: string }) => {
    calls.push(method);
    if (method === "eth_requestAccounts") return ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"];
    if (method === "eth_chainId") return "0x2105";
    return method === "eth_sendTransaction" ? `0x${"a".repeat(64)}` : "0xffffffffff";
  };
  render(<Checkout {...common()} provider={{ request }} />);
  await pass(100);
  fireEvent.click(screen.getByRole("button", { name: "Pay with Wallet" }));
  await pass(1_000);
  // The chain is looked at once more, right before the wallet is asked.
  expect(calls.slice(0, 6)).toEqual([
    "eth_requestAccounts",
    "eth_chainId",
    "eth_getBalance",
    "eth_call",
    "eth_chainId",
    "eth_sendTransaction",
  ]);
  expect(screen.getByText("Payment sent. The network has not shown it yet.")).toBeTruthy();
});

test("terms of the page's own create a session and its order when the payer goes on", async () => {
  const { sessionId: _, ...rest } = common();
  const terms = { recipientAddress: SHOP, destinationTokenAddress: USDC, destinationTokenChainId: 8453 };
  render(<Checkout {...rest} {...terms} checkoutSession={{ success_url: "https://shop.example/thanks" }} />);
  await pass(100);
  expect(service.asked).toEqual(["GET /checkout/new"]);
  fireEvent.change(screen.getByLabelText("Amount (USDC · Base)"), { target: { value: "25" } });
  fireEvent.click(screen.getByRole("button", { name: "Continue" }));
  await pass(1_000);
  expect(service.asked.slice(1, 4)).toEqual(["POST /checkout-sessions", "POST /orders", "GET /checkout-sessions/s1"]);
  expect(heading()).toBe("Pay 25 USDC");
});

test("after a reload, a payment that a wallet was asked for is continued and not offered again", async () => {
  const { sessionId: _, ...rest } = common();
  const terms = { recipientAddress: SHOP, destinationTokenAddress: USDC, destinationTokenChainId: 8453 };
  const open = () => render(<Checkout {...rest} {...terms} checkoutSession={{}} />);
  const first = open();
  await pass(100);
  fireEvent.change(screen.getByLabelText("Amount (USDC · Base)"), { target: { value: "25" } });
  fireEvent.click(screen.getByRole("button", { name: "Continue" }));
  await pass(1_000);
  first.unmount();

  const second = open();
  await pass(100);
  expect(screen.getByRole("button", { name: "Continue" })).toBeTruthy();
  second.unmount();

  browserAttempts().write("s1", { state: "asked", amount: "25000000", before: "0", at: Date.now() });
  open();
  await pass(1_000);
  expect(screen.queryByRole("button", { name: "Continue" })).toBeNull();
  expect(service.asked.filter((call) => call === "POST /orders")).toHaveLength(1);
  browserAttempts().write("s1", undefined);
});

test("vendors are offered for what they sell, with what the payer should know before the click", async () => {
  const sold = (vendor: string, chainId = 8453) => ({ vendor, chainId, tokenAddress: USDC });
  service.onramps = ["coinbase", "stripe", "stripe-web2"].map((vendor) => sold(vendor));
  service.onramps.push(sold("moonpay", 1));
  const { unmount } = render(<Checkout {...common()} />);
  await pass(100);
  const buttons = () => screen.getAllByRole("button").map((button) => button.textContent);
  expect(buttons()).toEqual(["Buy with Coinbase", "Buy with Stripe", "Pay by card", "Pay by QR code or address"]);
  screen.getByText("Coinbase / Stripe may ask you to sign in and to confirm your identity.");
  unmount();
  service.onramps = [sold("stripe-web2")];
  render(<Checkout {...common()} />);
  await pass(100);
  expect(buttons()).toEqual(["Pay by card", "Pay by QR code or address"]);
  expect(screen.queryByText(/identity/)).toBeNull();
});

test("texts, direction and colours are the application's", async () => {
  const { container } = render(
    <Checkout {...common()} locale="ar" messages={{ pay: "{amount}!" }} colorScheme="dark" />,
  );
  await pass(100);
  const section = container.querySelector(".checkout");
  expect(section?.getAttribute("dir")).toBe("rtl");
  expect(section?.getAttribute("data-color-scheme")).toBe("dark");
  expect(heading()).toMatch(/USDC.*!$/);
});

test("nothing runs on a server but the first rendering", async () => {
  const { renderToString } = await import("react-dom/server");
  expect(renderToString(<Checkout {...common()} />)).toContain("Loading…");
  expect(service.asked).toEqual([]);
});
