/** Returns an amount as decimal text in the token's smallest unit: `parseAmount("25.00", 6)` is `"25000000"`.
 *
 * Throws a `RangeError` if the text is no unsigned decimal number, or has more fraction digits than the token. */
export function parseAmount(text: string, decimals: number): string {
  const [, whole, fraction = ""] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`${JSON.stringify(text)} is no amount: expected digits such as 25.00`);
  const digits = fraction.replace(/0+$/, "");
  if (digits.length > decimals) throw new RangeError(`${text} has more than ${decimals} fraction digits`);
  return (whole + digits.padEnd(decimals, "0")).replace(/^0+(?=\d)/, "");
}

/** Returns an amount in whole tokens as plain decimal text: `toDecimal("25000000", 6)` is `"25"`. */
export function toDecimal(amount: string, decimals: number): string {
  if (!/^\d+$/.test(amount)) throw new RangeError(`${JSON.stringify(amount)} is no amount in smallest units`);
  const padded = amount.padStart(decimals + 1, "0");
  const whole = padded.slice(0, padded.length - decimals).replace(/^0+(?=\d)/, "");
  const fraction = padded.slice(padded.length - decimals).replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** More fraction digits are beyond what some platforms format. */
const MOST_FORMATTED_DIGITS = 20;

/** Returns an amount as a person of this language reads it, exact to the last digit. */
export function formatAmount(amount: string, decimals: number, locale?: string): string {
  const text = toDecimal(amount, decimals);
  const shown = Math.max(2, text.split(".")[1]?.length ?? 0);
  if (shown > MOST_FORMATTED_DIGITS) return text;
  const digits = text.includes(".") ? { minimumFractionDigits: shown, maximumFractionDigits: shown } : {};
  // As text, because a number would round. The lib's type admits numeric literals only.
  return new Intl.NumberFormat(locale, digits).format(text as Intl.StringNumericLiteral);
}
