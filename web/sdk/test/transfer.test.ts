import fc from "fast-check";
import { encodeFunctionData, erc20Abi } from "viem";
import { expect, test } from "vitest";
import { balanceData, NATIVE, paymentUri, transaction, transferData } from "../src/flow/transfer.js";

const address = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}` as const);

test("call data agree with viem", () => {
  fc.assert(
    fc.property(address, fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (to, amount) => {
      const args = [to, amount] as const;
      expect(transferData(to, String(amount))).toBe(
        encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args }),
      );
      expect(balanceData(to)).toBe(encodeFunctionData({ abi: erc20Abi, functionName: "balanceOf", args: [to] }));
    }),
  );
  expect(() => transferData("0x1", String(2n ** 256n))).toThrow(RangeError);
});

const request = {
  chainId: 8453,
  token: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  to: "0x31befe53c658e1253d72f2dacd7dfaf471c86652",
  amount: "25000000",
};

test("a payment request is ERC-681", () => {
  expect(paymentUri(request)).toBe(`ethereum:${request.token}@8453/transfer?address=${request.to}&uint256=25000000`);
  expect(paymentUri({ ...request, token: NATIVE })).toBe(`ethereum:${request.to}@8453?value=25000000`);
});

test("a transaction names its chain, and the native token is its value", () => {
  expect(transaction(request, "0xfrom")).toEqual({
    from: "0xfrom",
    chainId: "0x2105",
    to: request.token,
    value: "0x0",
    data: transferData(request.to, request.amount),
  });
  expect(transaction({ ...request, token: NATIVE }, "0xfrom")).toEqual({
    from: "0xfrom",
    chainId: "0x2105",
    to: request.to,
    value: "0x17d7840",
  });
});
