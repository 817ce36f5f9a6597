/** A wallet's interface (EIP-1193). */
export interface Provider {
  request(call: { method: string; params?: unknown[] | object }): Promise<unknown>;
}

/** A wallet that announced itself (EIP-6963), or the one at `window.ethereum`. */
export interface Wallet {
  id: string;
  /** As text, cut to a length that fits. */
  name: string;
  /** A `data:image/…` URI; undefined if the wallet gave none that can be shown. */
  icon: string | undefined;
  provider: Provider;
}

const LONGEST_NAME = 40;
const LONGEST_ICON = 200_000;
const MOST_WALLETS = 20;

export interface DiscoveryOptions {
  /** Where wallets announce themselves. */
  target: EventTarget;
  /** The wallet of before EIP-6963, used if none announces itself. */
  fallback?: () => unknown;
  /** Lists only wallets whose reverse domain name begins with `test.`: in a local run a real wallet would pay real money. */
  onlyTest?: boolean;
  changed(wallets: Wallet[]): void;
}

/** Lists wallets as they announce themselves, however late. Returns what ends this. */
export function discoverWallets({ target, fallback, onlyTest = false, changed }: DiscoveryOptions): () => void {
  const announced = new Map<string, Wallet>();
  const listener = (event: Event) => {
    const wallet = readAnnouncement((event as CustomEvent<unknown>).detail, onlyTest);
    if (wallet === undefined || announced.size >= MOST_WALLETS) return;
    // The first one keeps its name: a later announcement under the same id must not replace it.
    if (announced.has(wallet.id)) return;
    announced.set(wallet.id, wallet);
    changed([...announced.values()]);
  };
  target.addEventListener("eip6963:announceProvider", listener);
  target.dispatchEvent(new Event("eip6963:requestProvider"));
  const legacy = fallback?.();
  if (announced.size === 0 && !onlyTest && isProvider(legacy)) {
    changed([{ id: "injected", name: "Browser wallet", icon: undefined, provider: legacy }]);
  }
  return () => target.removeEventListener("eip6963:announceProvider", listener);
}

/** Reads an announcement. A wallet is any extension's script, so nothing of it is taken on trust. */
function readAnnouncement(detail: unknown, onlyTest: boolean): Wallet | undefined {
  try {
    const { info, provider } = detail as { info: Record<string, unknown>; provider: unknown };
    const { uuid, name, icon, rdns } = info;
    if (typeof uuid !== "string" || typeof name !== "string" || !isProvider(provider)) return undefined;
    if (onlyTest && !(typeof rdns === "string" && rdns.startsWith("test."))) return undefined;
    return { id: uuid.slice(0, 100), name: shortText(name, LONGEST_NAME) || "Wallet", icon: shownIcon(icon), provider };
  } catch {
    return undefined;
  }
}

function isProvider(value: unknown): value is Provider {
  return typeof value === "object" && value !== null && typeof (value as Provider).request === "function";
}

/** Cuts a foreign text, and drops what would change the direction or the lines of the text around it. */
export function shortText(text: string, most: number): string {
  const clean = [...text.slice(0, 4 * most).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "")];
  return (clean.length > most ? `${clean.slice(0, most - 1).join("")}…` : clean.join("")).trim();
}

function shownIcon(icon: unknown): string | undefined {
  const isShown = typeof icon === "string" && icon.length <= LONGEST_ICON && /^data:image\/[a-z+.-]+[;,]/i.test(icon);
  return isShown ? icon : undefined;
}
