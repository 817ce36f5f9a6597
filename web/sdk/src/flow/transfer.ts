/** The native token's address. */
export const NATIVE = "0x0000000000000000000000000000000000000000";

/** The call data of `transfer(address,uint256)`. */
export function transferData(to: string, amount: string): `0x${string}` {
  return `0xa9059cbb${word(BigInt(to))}${word(BigInt(amount))}`;
}

/** The call data of `balanceOf(address)`. */
export function balanceData(owner: string): `0x${string}` {
  return `0x70a08231${word(BigInt(owner))}`;
}

function word(value: bigint): string {
  if (value < 0n || value >= 2n ** 256n) throw new RangeError("no unsigned 256-bit number");
  return value.toString(16).padStart(64, "0");
}

export interface PaymentRequest {
  chainId: number;
  token: string;
  to: string;
  /** In smallest units. */
  amount: string;
}

/** The transaction that pays, as `eth_sendTransaction` takes it. */
export function transaction(request: PaymentRequest, from: string): Record<string, string> {
  const common = { from, chainId: `0x${request.chainId.toString(16)}` };
  if (request.token === NATIVE) return { ...common, to: request.to, value: `0x${BigInt(request.amount).toString(16)}` };
  return { ...common, to: request.token, value: "0x0", data: transferData(request.to, request.amount) };
}

/** The request as a URI that wallets read from a QR code (ERC-681). */
export function paymentUri({ chainId, token, to, amount }: PaymentRequest): string {
  if (token === NATIVE) return `ethereum:${to}@${chainId}?value=${amount}`;
  return `ethereum:${token}@${chainId}/transfer?address=${to}&uint256=${amount}`;
}

/** Links that open a page inside a wallet's own browser, for phones. */
export function walletLinks(pageUrl: string): { name: string; url: string }[] {
  const encoded = encodeURIComponent(pageUrl);
  return [
    { name: "MetaMask", url: `https://metamask.app.link/dapp/${pageUrl.replace(/^https?:\/\//, "")}` },
    { name: "Coinbase Wallet", url: `cbwallet://dapp?url=${encoded}` },
    { name: "Trust Wallet", url: `trust://open_url?coin_id=60&url=${encoded}` },
    { name: "Rainbow", url: `rainbow://dapp?url=${encoded}` },
    { name: "OKX Wallet", url: `okx://wallet/dapp/url?dappUrl=${encoded}` },
    { name: "Zerion", url: `zerion://browser?url=${encoded}` },
  ];
}
