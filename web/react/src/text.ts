import { checksummed } from "checkout-sessions/address";
import { formatAmount, parseAmount, type Terms } from "checkout-sessions/flow";
import { createContext, useContext } from "react";
import { type Translate, translator } from "./messages.js";

export interface Language {
  /** A BCP 47 tag, such as `de`. */
  locale: string;
  direction: "ltr" | "rtl";
  t: Translate;
}

export const LanguageContext = createContext<Language>({ locale: "en", direction: "ltr", t: translator() });

export function useLanguage(): Language {
  return useContext(LanguageContext);
}

const RIGHT_TO_LEFT = /^(ar|dv|fa|he|ps|ur|yi)\b/i;

export function directionOf(locale: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.test(locale) ? "rtl" : "ltr";
}

/** An amount with its symbol, such as `25.00 USDC`. */
export function amountText(amount: string, terms: Pick<Terms, "token">, { locale, direction }: Language): string {
  const text = `${formatAmount(amount, terms.token.decimals, locale)} ${terms.token.symbol}`;
  // Isolated, or the symbol would change sides within a sentence that runs from right to left.
  return direction === "rtl" ? `\u2068${text}\u2069` : text;
}

/** An address with the capitals of its checksum; as it is if it is none. */
export function shownAddress(address: string): string {
  try {
    return checksummed(address);
  } catch {
    return address;
  }
}

/** Reads an amount that a person typed, in smallest units; undefined if it is none. */
export function typedAmount(typed: string, decimals: number): string | undefined {
  try {
    // Many languages write the decimal point as a comma.
    return parseAmount(typed.trim().replace(/^(\d+),(\d+)$/, "$1.$2"), decimals);
  } catch {
    return undefined;
  }
}
