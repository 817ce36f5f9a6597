import type { Offer, Order, OrderWithTransactions, SessionWithOrder, Vendor } from "../types.js";
import type { Attempt } from "./attempt.js";
import { type Configuration, chainOf, isSame, type KnownToken, tokenOf } from "./configuration.js";

/** What is paid: chain, token, amount and receiver. Amounts are in smallest units. */
export interface Terms {
  chainId: number;
  chainName: string;
  explorer: string | undefined;
  token: KnownToken;
  recipient: string;
  amount: string;
  /** Where to pay; undefined until there is an order. */
  depositAddress: string | undefined;
}

/** An offer of a priced session, with what the deployment knows of it. */
export interface ShownOffer extends Terms {
  /** The most that the payer may choose; undefined if the price is exact. */
  most: string | undefined;
  suggested: string | undefined;
}

/** What the payer chose. */
export interface Choice {
  /** Index into the offers. */
  offer: number;
  /** With `at_least`: the amount, in smallest units. */
  amount: string;
}

/** How much of the price was paid, in smallest units. */
export interface Progress {
  received: string;
  pending: string;
  due: string;
  excess: string;
}

export type ViewName =
  | "loading"
  | "not_found"
  | "not_payable"
  | "choose"
  | "pay"
  | "confirming"
  | "partial"
  | "processing"
  | "complete"
  | "failed"
  | "refunded"
  | "late"
  | "expired_partial"
  | "expired";

export interface View {
  name: ViewName;
  /** With `choose`: what there is to choose from. */
  offers: ShownOffer[];
  /** The price that may be chosen freely. */
  isOpenAmount: boolean;
  /** Of the order, or of the choice before there is one. */
  terms: Terms | undefined;
  progress: Progress;
  /** Whether a wallet may be asked to pay `progress.due` now. */
  canPay: boolean;
  /** Whether paying again needs an explicit decision: an earlier attempt may still arrive. */
  isPayingAgain: boolean;
  /** From whom the payer can buy what is due, or by whom a card is charged: vendors of `onramp.vendor`. */
  vendors: Vendor[];
  /** With `expired`: a payment that was asked for here was not seen yet. The page must not say that nothing was paid. */
  isOnItsWay: boolean;
}

/** What the view follows from. */
export interface Facts {
  configuration: Configuration;
  /** Undefined before the first response. */
  session: SessionWithOrder | undefined;
  isUnknown: boolean;
  choice: Choice | undefined;
  attempt: Attempt | undefined;
  /** Which recipients may be paid. */
  trust: Trust;
}

/** `configured`: only the deployment's recipients; any in a local run that names none. `any`: all, because the embedding
 * page vouches for the session. Else this address alone. */
export type Trust = "configured" | "any" | { recipient: string };

const NOTHING: Progress = { received: "0", pending: "0", due: "0", excess: "0" };

/** Decides what to show: the first rule that fits. The session's own status decides whether something is paid. */
export function viewOf(facts: Facts): View {
  const { session } = facts;
  const view = (name: ViewName, parts: Partial<View> = {}): View => ({
    name,
    offers: [],
    isOpenAmount: false,
    terms: undefined,
    progress: NOTHING,
    canPay: false,
    isPayingAgain: false,
    vendors: [],
    isOnItsWay: false,
    ...parts,
  });
  if (facts.isUnknown) return view("not_found");
  if (session === undefined) return view("loading");

  const offers = offersOf(facts);
  const order = session.order?.order;
  const terms = order ? termsOf(order, facts) : chosen(offers, facts.choice);
  const progress = session.order ? progressOf(session.order) : { ...NOTHING, due: terms?.amount ?? "0" };
  const has = (amount: string) => BigInt(amount) > 0n;
  const isSeen = has(progress.received) || has(progress.pending);
  const isOpenAmount = session.pricing?.mode === "at_least";
  const shown = { terms, progress, offers, isOpenAmount };

  switch (session.status) {
    case "open": {
      if (order ? terms === undefined : offers.length === 0) return view("not_payable", shown);
      if (terms === undefined) return view("choose", shown);
      if (isSeen && !has(progress.due)) return view("confirming", shown);
      const { attempt } = facts;
      const isWaiting = attempt !== undefined && !hasArrived(attempt, progress);
      const canPay = has(progress.due) && !isWaiting;
      const vendors = canPay ? vendorsOf(facts, terms) : [];
      const isPayingAgain = isWaiting && has(progress.due);
      return view(isSeen ? "partial" : "pay", { ...shown, canPay, vendors, isPayingAgain });
    }
    case "processing":
      return view(has(progress.pending) && !has(progress.due) ? "confirming" : "processing", shown);
    case "complete":
      return view("complete", shown);
    case "expired": {
      const status = order?.status;
      if (status === "failure") return view("failed", shown);
      if (status === "refunded") return view("refunded", shown);
      const isPaid = isSeen && !has(progress.due);
      if (session.order?.payment?.isLate || isPaid || status === "executed") return view("late", shown);
      const { attempt } = facts;
      const isOnItsWay = attempt !== undefined && attempt.state !== "reverted" && !hasArrived(attempt, progress);
      return view(isSeen ? "expired_partial" : "expired", { ...shown, isOnItsWay });
    }
  }
}

/** The vendors of the deployment for these terms. An order has one vendor, or none, for good. */
function vendorsOf({ configuration, session }: Facts, { chainId, token }: Terms): Vendor[] {
  const order = session?.order?.order;
  if (order !== undefined) {
    const vendor = order.onrampMetadata?.vendor;
    return order.oneClickBuyUrl == null || vendor === undefined ? [] : [vendor];
  }
  const sells = configuration.onramps.filter(
    (onramp) => onramp.chainId === chainId && isSame(onramp.tokenAddress, token.address),
  );
  return sells.map(({ vendor }) => vendor);
}

/** Whether the money of an attempt was seen on the chain. */
export function hasArrived(attempt: Attempt, progress: Progress): boolean {
  const seen = BigInt(progress.received) + BigInt(progress.pending);
  return seen >= BigInt(attempt.before) + BigInt(attempt.amount);
}

/** The offers that this page may pay: their token is known and their recipient allowed. */
function offersOf(facts: Facts): ShownOffer[] {
  const pricing = facts.session?.pricing;
  return (pricing?.accepts ?? []).flatMap((offer: Offer) => {
    const token = tokenOf(facts.configuration, offer.chain_id, offer.token_address);
    if (token === undefined || !mayReceive(offer.recipient_address, offer.chain_id, facts)) return [];
    const isExact = pricing?.mode !== "at_least";
    return [
      {
        ...chainTerms(facts.configuration, offer.chain_id),
        token,
        recipient: offer.recipient_address,
        amount: offer.amount,
        depositAddress: undefined,
        most: isExact ? undefined : (offer.max_amount ?? String(2n ** 256n - 1n)),
        suggested: isExact ? undefined : offer.suggested_amount,
      },
    ];
  });
}

/** The terms of the choice. With one offer of an exact price there is nothing to choose. */
function chosen(offers: ShownOffer[], choice: Choice | undefined): Terms | undefined {
  const only = offers.length === 1 && offers[0]?.most === undefined ? offers[0] : undefined;
  const offer = choice === undefined ? only : offers[choice.offer];
  if (offer === undefined) return undefined;
  return { ...offer, amount: choice === undefined || offer.most === undefined ? offer.amount : choice.amount };
}

/** The terms that the order stores: after linking, these count and not the choice. */
function termsOf(order: Order, facts: Facts): Terms | undefined {
  const token = tokenOf(facts.configuration, order.srcChain, order.srcTokenAddress);
  if (token === undefined || !mayReceive(order.recipientAddress, order.srcChain, facts)) return undefined;
  return {
    ...chainTerms(facts.configuration, order.srcChain),
    token,
    recipient: order.recipientAddress,
    amount: order.srcAmount,
    depositAddress: order.globalAddress,
  };
}

function chainTerms(configuration: Configuration, chainId: number) {
  const chain = chainOf(configuration, chainId);
  return { chainId, chainName: chain?.name ?? `Chain ${chainId}`, explorer: chain?.explorer };
}

function mayReceive(recipient: string, chainId: number, { configuration, trust }: Facts): boolean {
  if (trust === "any") return true;
  if (trust !== "configured") return isSame(trust.recipient, recipient);
  const allowed = chainOf(configuration, chainId)?.recipients ?? [];
  if (allowed.length === 0) return configuration.isLocal;
  return allowed.some((address) => isSame(address, recipient));
}

/** What the API says of the payment, or else what the reported deposits sum to. */
export function progressOf(order: OrderWithTransactions): Progress {
  const { payment } = order;
  if (payment !== undefined) {
    const { receivedAmount: received, pendingAmount: pending, dueAmount: due, excessAmount: excess } = payment;
    return { received, pending, due, excess };
  }
  const asked = BigInt(order.order.srcAmount);
  const onChain = order.depositTxs.filter((deposit) => deposit.chain === order.order.srcChain);
  const received = onChain.reduce((sum, deposit) => sum + BigInt(deposit.amount), 0n);
  const missing = asked - received;
  return {
    received: String(received),
    pending: "0",
    due: String(missing > 0n ? missing : 0n),
    excess: String(missing < 0n ? -missing : 0n),
  };
}

/** Whether more than the price was paid, of a session that is paid. */
export function hasExcess({ name, progress }: View): boolean {
  return ["processing", "confirming", "complete"].includes(name) && BigInt(progress.excess) > 0n;
}
