import type { SessionWithOrder } from "../src/types.js";

export const USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
export const SHOP = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
export const DEPOSIT = "0x31befe53c658e1253d72f2dacd7dfaf471c86652";
export const PRICE = 25_000_000n;

export const CONFIGURATION = {
  brand: {},
  chains: [
    { chainId: 8453, name: "Base", tokens: [{ address: USDC, symbol: "USDC", decimals: 6 }], recipients: [SHOP] },
  ],
  redirectSchemes: [],
  onramps: [],
  isLocal: false,
};

export interface Money {
  received?: bigint;
  pending?: bigint;
  isLate?: boolean;
}

/** A session as the API shows it, for 25 USDC. `order` is the order's status; without one there is no order. */
export function sessionOf(status: SessionWithOrder["status"], order?: string, money: Money = {}): SessionWithOrder {
  const { received = 0n, pending = 0n, isLate = false } = money;
  const isSeen = received > 0n || pending > 0n;
  const isPlain = received === PRICE && pending === 0n && !isLate;
  const positive = (amount: bigint) => String(amount > 0n ? amount : 0n);
  const payment = {
    receivedAmount: String(received),
    pendingAmount: String(pending),
    dueAmount: positive(PRICE - received - pending),
    excessAmount: positive(received - PRICE),
    isLate,
  };
  const session = {
    id: "s1",
    status,
    success_url: "https://shop.example/thanks",
    cancel_url: null,
    metadata: {},
    order_id: order === undefined ? null : "o1",
    client_reference_id: "cart-1042",
    expires_at: "2026-01-01T00:30:00.000Z",
    created_at: "2026-01-01T00:00:00.000Z",
    pricing: {
      mode: "exact",
      accepts: [{ chain_id: 8453, token_address: USDC, recipient_address: SHOP, amount: String(PRICE) }],
    },
    order:
      order === undefined
        ? null
        : {
            order: {
              id: "o1",
              status: order,
              srcChain: 8453,
              srcTokenAddress: USDC,
              recipientAddress: SHOP,
              globalAddress: DEPOSIT,
              srcAmount: String(PRICE),
            },
            depositTxs: isPlain ? [{ chain: 8453, amount: String(received) }] : [],
            ...(isSeen && !isPlain ? { payment } : {}),
          },
  };
  return session as unknown as SessionWithOrder;
}
