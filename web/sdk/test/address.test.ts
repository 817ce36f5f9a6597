import fc from "fast-check";
import { concat, getAddress, getContractAddress, getCreate2Address, keccak256, pad } from "viem";
import { expect, test } from "vitest";
import { checksummed, depositAddress } from "../src/address.js";

const address = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}` as const);

test("checksums agree with viem", () => {
  fc.assert(
    fc.property(address, (address) => {
      expect(checksummed(address)).toBe(getAddress(address));
    }),
  );
});

test("deposit addresses agree with viem", () => {
  fc.assert(
    fc.property(fc.uuid(), address, address, (orderId, recipient, factory) => {
      const order = `0x${orderId.replaceAll("-", "")}` as const;
      const implementation = getContractAddress({ from: factory, nonce: 1n });
      const bytecode = concat([
        "0x3d602d80600a3d3981f3363d3d373d3d3d363d73",
        implementation,
        "0x5af43d82803e903d91602b57fd5bf3",
      ]);
      const salt = keccak256(concat([pad(recipient), pad(order)]));
      const expected = getCreate2Address({ from: factory, salt, bytecode });
      expect(depositAddress({ orderId, recipient, factory })).toBe(expected.toLowerCase());
    }),
  );
});

// The vectors of shared/domain/src/deposit_address.rs.
test.each([
  ["0xb8f034f6ab8280ad7534f4850e0c243dc4f92a0d", "0x7b27a06b3b4fe107988d5ea5fb0315520346d1f9"],
  [undefined, "0x31befe53c658e1253d72f2dacd7dfaf471c86652"],
])("the service's vector for factory %s holds", (factory, expected) => {
  const orderId = "5392f7a7-d472-4d6b-9848-bd07117fb82d";
  const recipient = "0xb34facb90a200251318e8841c05102366f2158cf";
  expect(depositAddress({ orderId, recipient, factory })).toBe(expected);
});

test("what is no address or no order id is refused", () => {
  for (const wrong of ["", "0x", "b34facb90a200251318e8841c05102366f2158cf", `0x${"g".repeat(40)}`]) {
    expect(() => checksummed(wrong)).toThrow(RangeError);
  }
  const recipient = "0xb34facb90a200251318e8841c05102366f2158cf";
  expect(() => depositAddress({ orderId: "7", recipient })).toThrow();
});
