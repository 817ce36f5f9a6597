"use client";

import type { Order, Vendor } from "checkout-sessions";
import { depositAddress } from "checkout-sessions/address";
import {
  type Choice,
  type Configuration,
  discoverWallets,
  EMPTY_CONFIGURATION,
  Flow,
  flowApi,
  loadConfiguration,
  type Provider,
  type Snapshot,
  type Trust,
  type Wallet,
} from "checkout-sessions/flow";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";

export interface UseCheckoutOptions {
  /** Where the service is. */
  baseUrl: string;
  /** Proves the deposit address in this page: an order to another recipient, or with another address, is never paid. */
  verify?: { recipient: string; factory?: string } | undefined;
  /** A wallet that the application has connected already (EIP-1193). */
  provider?: Provider | undefined;
  /** What the deployment says of its page; read from it unless given. */
  configuration?: Configuration | undefined;
  /** Which recipients may be paid, without `verify`. The embedding page vouches for its sessions unless it says otherwise. */
  trust?: Trust | undefined;
  /** Another `fetch`, for instance of a test. */
  fetch?: typeof fetch | undefined;
}

export interface CheckoutState extends Snapshot {
  wallets: Wallet[];
  /** The server's time in epoch milliseconds, as far as it is known. */
  now(): number;
  choose(choice: Choice | undefined): void;
  /** Pays what is due. With `again`, although an earlier payment from here may still arrive. */
  pay(wallet: Wallet, options?: { again?: boolean }): Promise<void>;
  /** Leads to one of `view.vendors`: the page is left. */
  buyFrom(vendor: Vendor): Promise<void>;
  /** Creates the order, so that there is an address to pay by hand. */
  showAddress(): Promise<void>;
  refresh(): Promise<boolean>;
}

/** Follows a session to its end, and pays it. */
export function useCheckout(sessionId: string, options: UseCheckoutOptions): CheckoutState {
  const { baseUrl, verify, provider, fetch, trust } = options;
  const loaded = useConfiguration(sessionId, options);
  const configuration = loaded ?? EMPTY_CONFIGURATION;
  const { recipient, factory } = verify ?? {};
  // As text, because a page may write the same object anew at each rendering.
  const trusted = JSON.stringify(recipient === undefined ? (trust ?? "any") : { recipient });

  const flow = useMemo(() => {
    const expectedAddress =
      recipient === undefined
        ? undefined
        : (order: Order) => depositAddress({ orderId: order.id, recipient: order.recipientAddress, factory });
    const api = flowApi({ baseUrl, fetch });
    return new Flow({ api, sessionId, configuration, trust: JSON.parse(trusted) as Trust, expectedAddress });
  }, [sessionId, baseUrl, fetch, configuration, recipient, factory, trusted]);

  const snapshot = useSyncExternalStore(flow.subscribe, flow.getSnapshot, flow.getSnapshot);
  const isReady = loaded !== undefined;
  useEffect(() => (isReady ? flow.start() : undefined), [flow, isReady]);
  const wallets = useWallets(provider, configuration.isLocal, isReady);

  return useMemo(
    () => ({
      ...snapshot,
      wallets,
      now: flow.now,
      choose: (choice) => flow.choose(choice),
      pay: (wallet, { again = false } = {}) => flow.payWith(wallet.provider, { again }),
      buyFrom: (vendor) => flow.buyFrom(vendor),
      showAddress: () => flow.showAddress(),
      refresh: () => flow.refresh(),
    }),
    [snapshot, wallets, flow],
  );
}

/** Reads the deployment's configuration once, and again until that succeeds. */
export function useConfiguration(
  sessionId: string,
  options: Pick<UseCheckoutOptions, "baseUrl" | "configuration" | "fetch">,
): Configuration | undefined {
  const { baseUrl, configuration, fetch } = options;
  const [loaded, setLoaded] = useState<Configuration>();
  useEffect(() => {
    if (configuration !== undefined) return;
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = (pause: number) =>
      loadConfiguration(baseUrl, sessionId, { fetch, signal: controller.signal }).then(setLoaded, () => {
        if (controller.signal.aborted) return;
        timer = setTimeout(() => void load(Math.min(pause * 2, 30_000)), pause);
      });
    void load(1_000);
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [baseUrl, configuration, fetch, sessionId]);
  return configuration ?? loaded;
}

function useWallets(provider: Provider | undefined, onlyTest: boolean, isReady: boolean): Wallet[] {
  const [wallets, setWallets] = useState<Wallet[]>([]);
  useEffect(() => {
    if (!isReady) return;
    if (provider !== undefined) {
      setWallets([{ id: "provided", name: "Wallet", icon: undefined, provider }]);
      return;
    }
    const fallback = () => (window as { ethereum?: unknown }).ethereum;
    return discoverWallets({ target: window, fallback, onlyTest, changed: setWallets });
  }, [provider, onlyTest, isReady]);
  return wallets;
}
