import fc from "fast-check";
import { formatUnits, parseUnits } from "viem";
import { expect, test } from "vitest";
import { formatAmount, parseAmount, toDecimal } from "../src/amounts.js";

const MOST = 2n ** 256n - 1n;
const amount = fc.bigInt({ min: 0n, max: MOST });
const decimals = fc.integer({ min: 0, max: 36 });

test("what is formatted is parsed again, and both agree with viem", () => {
  fc.assert(
    fc.property(amount, decimals, (amount, decimals) => {
      const text = toDecimal(String(amount), decimals);
      expect(text).toBe(formatUnits(amount, decimals));
      expect(parseAmount(text, decimals)).toBe(String(amount));
      expect(parseUnits(text, decimals)).toBe(amount);
    }),
  );
});

test.each(["", " ", "1.", ".5", "-1", "+1", "1e3", "0x10", "1,5", "1.2.3", "ten", "1 000", "٣"])(
  "%j is no amount",
  (text) => {
    expect(() => parseAmount(text, 6)).toThrow(RangeError);
  },
);

test("more digits than the token has are refused, and zeros at the end are not digits", () => {
  expect(() => parseAmount("0.0000001", 6)).toThrow("more than 6 fraction digits");
  expect(parseAmount("25.00", 6)).toBe("25000000");
  expect(parseAmount("25.000000000", 6)).toBe("25000000");
  expect(parseAmount("007", 0)).toBe("7");
});

test("every digit is shown, in the manner of the language", () => {
  expect(formatAmount("25000000", 6, "en")).toBe("25");
  expect(formatAmount("12500000", 6, "en")).toBe("12.50");
  expect(formatAmount("1234567890123456789", 18, "de")).toBe("1,234567890123456789");
  expect(formatAmount("123456789012345678901234567890", 6, "en")).toBe("123,456,789,012,345,678,901,234.56789");
});
