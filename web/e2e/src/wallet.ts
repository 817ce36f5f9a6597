import type { BrowserContext } from "playwright-core";
import { CHAIN, PAYER, type Service } from "./service.js";

/** How a wallet in the browser behaves. Each call is recorded. */
export interface WalletHabits {
  name?: string;
  icon?: string;
  account?: string;
  /** The chain that it is on. */
  chainId?: number;
  /** Whether it announces itself this many milliseconds late. */
  lateMs?: number;
  /** Answers a call instead of the node; `undefined` leaves it to the node. `never` keeps silent. */
  answer?: (method: string, params: unknown[]) => unknown;
}

export const NEVER = Symbol("never");

/** An error as a wallet throws it. */
export function refusal(code: number, message = "refused", data?: unknown): Error {
  return Object.assign(new Error(message), { code, data });
}

/** Puts a wallet into every page of a context. It announces itself before the page's own script runs. */
export async function addWallet(
  context: BrowserContext,
  service: Service,
  habits: WalletHabits = {},
): Promise<string[]> {
  const calls: string[] = [];
  const state = { chainId: habits.chainId ?? CHAIN };
  const binding = `wallet_${Math.random().toString(36).slice(2)}`;
  await context.exposeBinding(binding, async (_source, method: string, params: unknown[]) => {
    calls.push(method);
    try {
      const answer = habits.answer?.(method, params);
      if (answer === NEVER) await new Promise(() => {});
      if (answer instanceof Error) throw answer;
      if (answer !== undefined) return { result: await answer };
      if (method === "eth_requestAccounts") return { result: [habits.account ?? PAYER] };
      if (method === "eth_chainId") return { result: `0x${state.chainId.toString(16)}` };
      if (method === "wallet_switchEthereumChain") {
        state.chainId = Number((params[0] as { chainId: string }).chainId);
        return { result: null };
      }
      return { result: await service.rpc(method, ...params) };
    } catch (error) {
      const { code = -32_603, message, data } = error as { code?: number; message: string; data?: unknown };
      return { error: { code, message, data } };
    }
  });
  const script = ({ binding, name, icon, lateMs }: { binding: string; name: string; icon: string; lateMs: number }) => {
    const ask = (globalThis as unknown as Record<string, (method: string, params: unknown[]) => Promise<Reply>>)[
      binding
    ];
    type Reply = { result?: unknown; error?: { code: number; message: string; data?: unknown } };
    const request = async ({ method, params = [] }: { method: string; params?: unknown[] }) => {
      const { result, error } = (await ask?.(method, params)) ?? {};
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    };
    const info = { uuid: binding, name, icon, rdns: "test.e2e" };
    const detail = Object.freeze({ info: Object.freeze(info), provider: Object.freeze({ request }) });
    const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    setTimeout(() => {
      addEventListener("eip6963:requestProvider", announce);
      announce();
    }, lateMs);
  };
  const {
    name = "Test wallet",
    icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E",
    lateMs = 0,
  } = habits;
  await context.addInitScript(script, { binding, name, icon, lateMs });
  return calls;
}
