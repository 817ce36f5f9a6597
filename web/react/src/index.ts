"use client";

export { Checkout, type CheckoutProps } from "./checkout.js";
export type { Messages } from "./messages.js";
export type { NewCheckoutProps } from "./new-checkout.js";
export { type CheckoutEvents, type CheckoutLook, SessionCheckout, type SessionProps } from "./session-checkout.js";
export { type CheckoutState, type UseCheckoutOptions, useCheckout } from "./use-checkout.js";
