"use client";

import { NewCheckout, type NewCheckoutProps } from "./new-checkout.js";
import { SessionCheckout, type SessionProps } from "./session-checkout.js";

/** Either a session that exists, or the terms of one that the payer's browser creates. */
export type CheckoutProps = (SessionProps & { checkoutSession?: never }) | NewCheckoutProps;

/** Shows a session to its payer and lets them pay. */
export function Checkout(props: CheckoutProps) {
  return props.checkoutSession === undefined ? <SessionCheckout {...props} /> : <NewCheckout {...props} />;
}
