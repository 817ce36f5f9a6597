import type { Configuration } from "./configuration.js";

export interface LoadOptions {
  fetch?: typeof fetch | undefined;
  signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 10_000;

/** Reads what a deployment says of its checkout page, for a component in another page. Throws if it cannot be read. */
export async function loadConfiguration(
  baseUrl: string,
  sessionId: string,
  options: LoadOptions = {},
): Promise<Configuration> {
  const { fetch = globalThis.fetch } = options;
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  const url = `${baseUrl.replace(/\/+$/, "")}/checkout/${encodeURIComponent(sessionId)}`;
  const response = await fetch(url, { headers: { accept: "application/json" }, signal });
  if (!response.ok) throw new Error(`the configuration of the checkout page answered ${response.status}`);
  return (await response.json()) as Configuration;
}
