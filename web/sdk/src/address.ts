import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

/** The factory that `contracts/` of the service deploys to the same address on every chain. */
export const FACTORY = "0x26df64031a6ef946554b03cfa1f119e075b9a870";

/** Returns an address with the capitals of its checksum (EIP-55). Throws a `RangeError` if it is no address. */
export function checksummed(address: string): string {
  const hex = lowerHex(address);
  const hash = bytesToHex(keccak_256(utf8ToBytes(hex)));
  const digits = [...hex].map((digit, index) =>
    Number.parseInt(hash.charAt(index), 16) >= 8 ? digit.toUpperCase() : digit,
  );
  return `0x${digits.join("")}`;
}

export interface DepositAddressOf {
  orderId: string;
  /** The order's recipient: the only address that the deposit address can pay. */
  recipient: string;
  /** The factory of the deployment; the usual one unless given. */
  factory?: string | undefined;
}

/** Computes an order's deposit address, in lower case: the CREATE2 address (EIP-1014) of a minimal proxy (EIP-1167) whose
 * salt binds order and recipient. An address that differs does not belong to this order. */
export function depositAddress({ orderId, recipient, factory = FACTORY }: DepositAddressOf): string {
  const order = hexToBytes(orderId.replaceAll("-", ""));
  if (order.length !== 16) throw new RangeError(`${JSON.stringify(orderId)} is no order id`);
  const factoryBytes = hexToBytes(lowerHex(factory));
  const salt = keccak_256(concatBytes(new Uint8Array(12), hexToBytes(lowerHex(recipient)), new Uint8Array(16), order));
  // The factory's constructor created the implementation, as its first contract: RLP of [factory, 1].
  const implementation = keccak_256(concatBytes(Uint8Array.of(0xd6, 0x94), factoryBytes, Uint8Array.of(1))).slice(12);
  const proxy = concatBytes(
    hexToBytes("3d602d80600a3d3981f3363d3d373d3d3d363d73"),
    implementation,
    hexToBytes("5af43d82803e903d91602b57fd5bf3"),
  );
  const address = keccak_256(concatBytes(Uint8Array.of(0xff), factoryBytes, salt, keccak_256(proxy))).slice(12);
  return `0x${bytesToHex(address)}`;
}

function lowerHex(address: string): string {
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw new RangeError(`${JSON.stringify(address)} is no EVM address`);
  return address.slice(2).toLowerCase();
}
