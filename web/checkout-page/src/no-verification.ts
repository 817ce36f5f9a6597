export { checksummed } from "../../sdk/src/address.js";

/** Stands for the computation of deposit addresses: the service serves this page itself, so there is no one to check. */
export function depositAddress(): never {
  throw new Error("The page verifies no deposit address.");
}
