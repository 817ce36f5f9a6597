import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Checkout, type CreatedSession, type SessionParams } from "checkout-sessions";
import { transferData } from "checkout-sessions/flow";

const DEV = new URL("../../../target/debug/dev", import.meta.url).pathname;

export const USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
export const CHAIN = 8453;
/** Whom the sessions of these tests are paid to: an account that nothing else uses. */
export const SHOP = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
/** The funded account that the node signs for. */
export const PAYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/** A running `cargo dev --chain`. */
export class Service {
  readonly #process: ChildProcess;
  readonly base: string;
  readonly node: string;
  readonly page: string;
  readonly secret: string;
  /** Where the vendors' doubles are, if they run. */
  readonly vendors: string[];
  readonly checkout: Checkout;

  private constructor(process: ChildProcess, greeting: Map<string, string>) {
    this.#process = process;
    this.base = greeting.get("Serving") ?? "";
    this.page = greeting.get("Page") ?? "";
    this.secret = (greeting.get("Secret") ?? "").replace(/^[^=]*=/, "");
    this.vendors = ["Coinbase", "Stripe"].flatMap((name) => greeting.get(name)?.match(/http:[^ ,]+/) ?? []);
    this.node = /http:\S+?(?=,)/.exec(greeting.get("Chain") ?? "")?.[0] ?? "";
    this.checkout = new Checkout({ baseUrl: this.base, apiKey: greeting.get("API key") });
  }

  /** Starts it and waits for the end of its greeting. */
  static async start(...options: string[]): Promise<Service> {
    const process = spawn(DEV, ["--chain", "--port", "0", ...options], { stdio: ["ignore", "pipe", "inherit"] });
    const greeting = new Map<string, string>();
    for await (const line of createInterface({ input: process.stdout })) {
      const [, name, value] = /^(\S.*?) {2,}(.*)$/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) greeting.set(name, value);
      if (name === "Stop") break;
    }
    if (!greeting.has("Stop")) throw new Error("cargo dev --chain did not start; build it with `cargo build -p dev`");
    // What it prints from here on is not kept, but must be read.
    process.stdout.resume();
    return new Service(process, greeting);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
  }

  /** Creates a session for 25 USDC, or with other terms. */
  session(params: SessionParams = {}): Promise<CreatedSession> {
    return this.checkout.sessions.create({
      success_url: `${this.base}/shop?session={SESSION_ID}`,
      cancel_url: `${this.base}/shop`,
      client_reference_id: "cart-1042",
      pricing: { amount: "25.00", currency: "USD", recipient_address: SHOP },
      ...params,
    });
  }

  async rpc<T = unknown>(method: string, ...params: unknown[]): Promise<T> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const response = await fetch(this.node, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { result, error } = (await response.json()) as { result: T; error?: { message: string; code: number } };
    if (error) throw Object.assign(new Error(error.message), { code: error.code });
    return result;
  }

  /** Sends USDC from the payer's account, as a wallet elsewhere does. */
  pay(to: string, amount: string): Promise<string> {
    return this.rpc("eth_sendTransaction", { from: PAYER, to: USDC, data: transferData(to, amount) });
  }

  /** What an account has of USDC. */
  async balance(account: string): Promise<bigint> {
    const data = `0x70a08231${account.slice(2).toLowerCase().padStart(64, "0")}`;
    return BigInt(await this.rpc<string>("eth_call", { to: USDC, data }, "latest"));
  }

  /** Holds the chain: what is sent waits until `release`. */
  hold(): Promise<unknown> {
    return this.rpc("evm_setIntervalMining", 0);
  }

  release(): Promise<unknown> {
    return this.rpc("evm_setIntervalMining", 1);
  }

  /** The session's status, and that of its order. */
  async status(id: string): Promise<string> {
    const session = await this.checkout.sessions.retrieveWithOrder(id);
    return `${session.status} ${session.order?.order.status ?? "-"}`;
  }

  /** The deposit address of a session's order. */
  async depositAddress(id: string): Promise<string> {
    const session = await this.checkout.sessions.retrieveWithOrder(id);
    return session.order?.order.globalAddress ?? "";
  }
}
