import type { ChainInfo } from "./configuration.js";
import { balanceData, NATIVE } from "./transfer.js";
import type { Terms } from "./view.js";
import { type Provider, shortText } from "./wallets.js";

/** Why a payment did not go on. What a person can do about it follows from the code. */
export type Problem =
  | { code: "declined" }
  | { code: "wrong_chain"; chainName: string }
  | { code: "too_little"; balance: string }
  | { code: "no_fee" }
  | { code: "wallet_busy" }
  | { code: "wallet_failed"; detail: string }
  | { code: "reverted" }
  | { code: "address_mismatch" }
  | { code: "terms_changed" }
  | { code: "another_tab" }
  | { code: "refused"; detail: string }
  | { code: "unreachable" };

/** Ends a payment with a problem. */
export class PaymentStopped extends Error {
  override readonly name = "PaymentStopped";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code);
    this.problem = problem;
  }
}

/** Reads of the chain that a wallet does not answer in this time are skipped. */
const READ_TIMEOUT_MS = 8_000;
const LONGEST_DETAIL = 200;

const DECLINED = 4001;
const UNKNOWN_CHAIN = 4902;
const BUSY = -32_002;
/** The wallet says that it did not do it. After any other error the payment may still be under way. */
const NOT_DONE = [DECLINED, 4100, 4200, 4900, 4901, -32_600, -32_601, -32_602];

/** The code of a wallet's error; undefined if it has none. Some wallets wrap the true one. */
export function errorCode(error: unknown): number | undefined {
  try {
    const { code, data } = Object(error) as { code?: unknown; data?: { originalError?: { code?: unknown } } };
    const inner = data?.originalError?.code;
    if (typeof inner === "number") return inner;
    return typeof code === "number" ? code : undefined;
  } catch {
    // An error is whatever a wallet's script throws, and its members may throw too.
    return undefined;
  }
}

/** What a person is told of a wallet's error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof PaymentStopped) return error.problem;
  const code = errorCode(error);
  if (code === DECLINED) return { code: "declined" };
  if (code === BUSY) return { code: "wallet_busy" };
  return { code: "wallet_failed", detail: messageOf(error) };
}

/** The message of a wallet's error, as text of one line that fits. */
function messageOf(error: unknown): string {
  try {
    const message = (Object(error) as { message?: unknown }).message;
    return typeof message === "string" ? shortText(message, LONGEST_DETAIL) : "";
  } catch {
    return "";
  }
}

/** Whether the wallet surely sent nothing. */
export function isSurelyNotSent(error: unknown): boolean {
  return NOT_DONE.includes(errorCode(error) ?? Number.NaN);
}

/** Asks for the payer's account. */
export async function connect(provider: Provider): Promise<string> {
  const accounts = await provider.request({ method: "eth_requestAccounts" });
  const account: unknown = Array.isArray(accounts) ? accounts[0] : undefined;
  if (typeof account === "string" && /^0x[0-9a-fA-F]{40}$/.test(account)) return account;
  throw new PaymentStopped({ code: "wallet_failed", detail: "" });
}

/** Whether the wallet is on this chain. */
export async function isOn(provider: Provider, chainId: number): Promise<boolean> {
  // A wallet that falls silent here must not hold the page, and every other tab with it.
  return Number(await read(provider, "eth_chainId", [])) === chainId;
}

/** Brings the wallet to the chain; a chain that it does not know is added if the deployment names a public node. */
export async function switchChain(provider: Provider, terms: Terms, chain: ChainInfo | undefined): Promise<void> {
  const { chainId, chainName } = terms;
  if (await isOn(provider, chainId)) return;
  const id = `0x${chainId.toString(16)}`;
  const change = () => provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: id }] });
  try {
    await change();
  } catch (error) {
    if (errorCode(error) === DECLINED) throw new PaymentStopped({ code: "declined" });
    if (errorCode(error) !== UNKNOWN_CHAIN || chain?.rpc === undefined) {
      throw new PaymentStopped({ code: "wrong_chain", chainName });
    }
    const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
    const explorers = chain.explorer === undefined ? {} : { blockExplorerUrls: [chain.explorer] };
    const added = { chainId: id, chainName, nativeCurrency, rpcUrls: [chain.rpc], ...explorers };
    await provider.request({ method: "wallet_addEthereumChain", params: [added] });
    if (!(await isOn(provider, chainId))) await change();
  }
  // A wallet may say yes and stay where it is.
  if (!(await isOn(provider, chainId))) throw new PaymentStopped({ code: "wrong_chain", chainName });
}

/** Compares the payer's balance with what is due. Returns whether there is something to pay the network's fee with. A wallet
 * that cannot say is not asked twice: it will refuse by itself. */
export async function checkBalance(provider: Provider, account: string, terms: Terms, due: string): Promise<boolean> {
  const isNative = terms.token.address === NATIVE;
  const call = { to: terms.token.address, data: balanceData(account) };
  const [native, tokens] = await Promise.all([
    readNumber(provider, "eth_getBalance", [account, "latest"]),
    isNative ? undefined : readNumber(provider, "eth_call", [call, "latest"]),
  ]);
  const balance = isNative ? native : tokens;
  if (balance !== undefined && balance < BigInt(due)) {
    throw new PaymentStopped({ code: "too_little", balance: String(balance) });
  }
  return native !== 0n;
}

/** Whether a transaction went through; undefined while it is not known. */
export async function receiptStatus(provider: Provider, hash: string): Promise<boolean | undefined> {
  const receipt = await read(provider, "eth_getTransactionReceipt", [hash]);
  const status = (Object(receipt) as { status?: unknown }).status;
  return status === "0x1" ? true : status === "0x0" ? false : undefined;
}

async function readNumber(provider: Provider, method: string, params: unknown[]): Promise<bigint | undefined> {
  const value = await read(provider, method, params);
  return typeof value === "string" && /^0x[0-9a-f]{1,64}$/i.test(value) ? BigInt(value) : undefined;
}

async function read(provider: Provider, method: string, params: unknown[]): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, READ_TIMEOUT_MS, undefined);
  });
  try {
    return await Promise.race([provider.request({ method, params }), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
