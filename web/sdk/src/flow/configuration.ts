import type { components } from "../openapi.js";

type Schemas = components["schemas"];

/** What a deployment says of its checkout page: `GET /checkout/{id}` with `Accept: application/json`. */
export type Configuration = Schemas["PageConfiguration"];
export type Brand = Schemas["PageBrand"];
export type ChainInfo = Schemas["PageChain"];
export type TokenInfo = Schemas["PageToken"];

export const EMPTY_CONFIGURATION: Configuration = {
  brand: {},
  chains: [],
  redirectSchemes: [],
  onramps: [],
  isLocal: false,
};

export function chainOf(configuration: Configuration, chainId: number): ChainInfo | undefined {
  return configuration.chains.find((chain) => chain.chainId === chainId);
}

/** A token of which enough is known to show an amount of it. */
export interface KnownToken {
  address: string;
  symbol: string;
  decimals: number;
}

/** Symbol and decimals come from the deployment alone: an order's `metadata` is written by its creator, who may be anyone. */
export function tokenOf(configuration: Configuration, chainId: number, address: string): KnownToken | undefined {
  const token = chainOf(configuration, chainId)?.tokens.find((token) => isSame(token.address, address));
  if (token?.symbol === undefined || token.decimals === undefined) return undefined;
  return { address: token.address, symbol: token.symbol, decimals: token.decimals };
}

/** Whether two texts are the same address. */
export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Whether a URL may be opened: a redirect of the API is checked again before the browser follows it. */
export function isAllowedRedirect(url: string, configuration: Configuration): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined || ["javascript", "data", "file", "blob", "vbscript"].includes(scheme)) return false;
  return scheme === "https" || scheme === "http" || configuration.redirectSchemes.includes(scheme);
}
