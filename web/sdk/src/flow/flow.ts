import { CheckoutError } from "../errors.js";
import type { Order, SessionWithOrder, Vendor } from "../types.js";
import type { FlowApi } from "./api.js";
import { type Attempt, type AttemptStore, alone, browserAttempts } from "./attempt.js";
import { type Configuration, chainOf, isSame } from "./configuration.js";
import { nextRead, withJitter } from "./polling.js";
import { transaction } from "./transfer.js";
import { type Choice, type Terms, type Trust, type View, viewOf } from "./view.js";
import {
  checkBalance,
  connect,
  isOn,
  isSurelyNotSent,
  PaymentStopped,
  type Problem,
  problemOf,
  receiptStatus,
  switchChain,
} from "./wallet-payment.js";
import type { Provider } from "./wallets.js";

/** What is being done for the payer right now. */
export type Step = "idle" | "connecting" | "switching" | "checking" | "creating_order" | "asking_wallet";

/** Everything that a page shows. It is replaced, never changed. */
export interface Snapshot {
  view: View;
  session: SessionWithOrder | undefined;
  configuration: Configuration;
  step: Step;
  problem: Problem | undefined;
  attempt: Attempt | undefined;
  /** Whether the service could not be reached at the last try; the view is the last one known. */
  isReconnecting: boolean;
}

/** What a flow needs of the machine it runs on. */
export interface Machine {
  now(): number;
  isHidden(): boolean;
  /** Leaves the page for another one. */
  leave(url: string): void;
  /** Calls back when the page is seen or connected again. Returns what ends this. */
  onWake(wake: () => void): () => void;
}

export interface FlowOptions {
  api: FlowApi;
  sessionId: string;
  configuration: Configuration;
  trust?: Trust;
  /** Computes the deposit address that an order must have. Another one is never paid. */
  expectedAddress?: ((order: Order) => string) | undefined;
  attempts?: AttemptStore;
  machine?: Machine;
}

/** The service answers a payment link within 8 seconds, and the page stays until then. */
const LEAVE_MS = 10_000;
const RECEIPT_PAUSE_MS = 2_000;
const MOST_RECEIPT_READS = 150;

/** The payment of one session: reads it until its end, and pays it with a wallet. It decides what is shown; a page renders
 * the snapshot and calls the methods. */
export class Flow {
  readonly #options: FlowOptions;
  readonly #attempts: AttemptStore;
  readonly #machine: Machine;
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot;
  #isUnknown = false;
  #choice: Choice | undefined;
  /** What the server's clock is ahead of this one. */
  #skewMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #starts = 0;
  /** How many reads began, and the latest one of them that succeeded. */
  #reads = 0;
  #newest = 0;
  #failures = 0;
  #retryAfterMs: number | undefined;
  #pace = { of: "", since: 0 };
  /** Counts payments: one that was overtaken by another stops. */
  #payment = 0;
  /** The payment that left the page for a vendor. */
  #left = -1;

  constructor(options: FlowOptions) {
    // The API takes an id in capitals too, and a payment is remembered under one name.
    this.#options = { ...options, sessionId: options.sessionId.toLowerCase() };
    this.#attempts = options.attempts ?? browserAttempts();
    this.#machine = options.machine ?? browserMachine();
    const attempt = this.#attempts.read(this.#options.sessionId);
    const { configuration } = options;
    this.#snapshot = {
      view: viewOf({
        configuration,
        session: undefined,
        isUnknown: false,
        choice: undefined,
        attempt,
        trust: this.#trust,
      }),
      session: undefined,
      configuration,
      step: "idle",
      problem: undefined,
      attempt,
      isReconnecting: false,
    };
  }

  get #trust(): Trust {
    return this.#options.trust ?? "configured";
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): Snapshot => this.#snapshot;

  /** The server's time, as far as it is known. */
  readonly now = (): number => this.#machine.now() + this.#skewMs;

  /** Begins to read. Returns what ends it. */
  readonly start = (): (() => void) => {
    this.#starts += 1;
    const start = this.#starts;
    const wake = () => {
      // Back from a vendor, in a page that the browser kept.
      this.#end(this.#left);
      void this.refresh();
    };
    const offWake = this.#machine.onWake(wake);
    const offAttempts = this.#attempts.watch(this.#options.sessionId, () => this.#update({}));
    wake();
    return () => {
      if (this.#starts === start) this.#starts += 1;
      // A page that is gone asks no wallet. What a wallet was asked for before is still recorded.
      this.#payment += 1;
      this.#snapshot = { ...this.#snapshot, step: "idle" };
      clearTimeout(this.#timer);
      offWake();
      offAttempts();
    };
  };

  /** Chooses an offer, or an amount; undefined goes back to the choice. */
  choose(choice: Choice | undefined): void {
    this.#choice = choice;
    this.#update({ problem: undefined });
  }

  /** Reads the session now. */
  async refresh(): Promise<boolean> {
    clearTimeout(this.#timer);
    const start = this.#starts;
    const asked = this.#machine.now();
    this.#reads += 1;
    const read = this.#reads;
    try {
      const { data, headers } = await this.#options.api.readSession(this.#options.sessionId);
      if (start !== this.#starts) return false;
      // A later read has told more: this one would take back what is shown.
      if (read < this.#newest) return true;
      this.#newest = read;
      this.#noteTime(headers.get("date"), (asked + this.#machine.now()) / 2);
      this.#failures = 0;
      this.#retryAfterMs = undefined;
      this.#isUnknown = false;
      this.#receive(data);
      return true;
    } catch (error) {
      if (start !== this.#starts || read < this.#newest) return false;
      this.#isUnknown = error instanceof CheckoutError && error.code === "session_not_found";
      this.#failures += 1;
      this.#retryAfterMs = error instanceof CheckoutError ? error.retryAfterMs : undefined;
      this.#update({ isReconnecting: !this.#isUnknown });
      return false;
    } finally {
      if (start === this.#starts) this.#schedule();
    }
  }

  /** Creates the order, so that there is an address to pay by hand. */
  async showAddress(): Promise<void> {
    if (!this.#mayLeaveWallet()) return;
    const payment = this.#begin();
    try {
      await this.#link(payment);
      this.#end(payment);
    } catch (error) {
      this.#end(payment, problemOf(error));
    }
  }

  /** Pays what is due. With `again`, although an earlier payment from here may still arrive. */
  async payWith(provider: Provider, { again = false } = {}): Promise<void> {
    const { step } = this.#snapshot;
    // Once a payment is being prepared, it is not prepared twice. A wallet that is silent can be left for another.
    if (step === "checking" || step === "creating_order" || (step === "asking_wallet" && !again)) return;
    if (!this.#mayPay(again)) return;
    const payment = this.#begin();
    try {
      const before = this.#snapshot.view.terms;
      if (before === undefined) return;
      this.#step(payment, "connecting");
      const account = await connect(provider);
      this.#step(payment, "switching");
      await switchChain(provider, before, chainOf(this.#options.configuration, before.chainId));
      this.#step(payment, "checking");
      const hasFee = await checkBalance(provider, account, before, this.#snapshot.view.progress.due);
      if (!hasFee) this.#update({ problem: { code: "no_fee" } });
      let request: Record<string, string> | undefined;
      const ran = await alone(this.#options.sessionId, async () => {
        request = await this.#prepare(payment, provider, account, before, again);
      });
      if (!ran) throw new PaymentStopped({ code: "another_tab" });
      if (request === undefined) return this.#end(payment);
      await this.#ask(payment, provider, request);
    } catch (error) {
      this.#end(payment, problemOf(error));
    }
  }

  /** Leads to a vendor that sells what is due, or charges a card. The order is created for that vendor. */
  async buyFrom(vendor: Vendor): Promise<void> {
    if (!this.#mayLeaveWallet() || !this.#mayPay(false)) return;
    const payment = this.#begin();
    try {
      const agreed = this.#snapshot.view.terms;
      if (agreed === undefined) return;
      this.#step(payment, "creating_order");
      const ran = await alone(this.#options.sessionId, () => this.#link(payment, vendor));
      if (!ran) throw new PaymentStopped({ code: "another_tab" });
      const { session, view } = this.#snapshot;
      // Another caller may have linked an order with other terms, or one without a vendor.
      const isSame = view.terms !== undefined && isAgreed(view.terms, agreed) && view.vendors.includes(vendor);
      if (view.canPay && !isSame) throw new PaymentStopped({ code: "terms_changed" });
      if (!view.canPay || !session?.order_id) return this.#end(payment);
      // Until the vendor's page is there, a second click would only ask for another one.
      this.#left = payment;
      setTimeout(() => this.#end(payment), LEAVE_MS);
      // The link is the service's own, whatever a response says.
      this.#machine.leave(this.#options.api.paymentLink(session.order_id));
    } catch (error) {
      this.#end(payment, problemOf(error));
    }
  }

  /** Whether a wallet that does not answer can be left for another way to pay: not once it was asked to pay. */
  #mayLeaveWallet(): boolean {
    return ["idle", "connecting", "switching"].includes(this.#snapshot.step);
  }

  /** Whether a wallet may be asked now. */
  #mayPay(again: boolean): boolean {
    const { canPay, isPayingAgain } = this.#snapshot.view;
    return canPay || (again && isPayingAgain);
  }

  /** Makes everything ready and records the attempt. Returns the transaction; undefined if nothing is due any more. */
  async #prepare(
    payment: number,
    provider: Provider,
    from: string,
    agreed: Terms,
    again: boolean,
  ): Promise<Record<string, string> | undefined> {
    // Another tab may have asked its wallet meanwhile.
    this.#update({});
    await this.#link(payment);
    if (!this.#mayPay(again)) return undefined;
    const { chainId, chainName } = agreed;
    // The payer may have switched while the order was created, and not every wallet reads the transaction's chain.
    if (!(await isOn(provider, chainId))) throw new PaymentStopped({ code: "wrong_chain", chainName });
    if (payment !== this.#payment || !this.#mayPay(again)) return undefined;
    // Read after the last wait: a deposit may have been seen meanwhile, and another caller may have linked an order with
    // terms that the payer did not agree to.
    const { terms, progress } = this.#snapshot.view;
    if (terms?.depositAddress === undefined) throw new PaymentStopped({ code: "unreachable" });
    if (!isAgreed(terms, agreed)) throw new PaymentStopped({ code: "terms_changed" });
    const { amount, before } = { amount: progress.due, before: BigInt(progress.received) + BigInt(progress.pending) };
    this.#record({ state: "asked", amount, before: String(before), at: this.#machine.now() });
    this.#step(payment, "asking_wallet");
    return transaction({ chainId, token: terms.token.address, to: terms.depositAddress, amount }, from);
  }

  /** Creates the order unless the session has one, and reads the session: what is due is never taken from memory. */
  async #link(payment: number, vendor?: Vendor): Promise<void> {
    const { session, view } = this.#snapshot;
    if (session?.order_id == null && view.terms !== undefined) {
      this.#step(payment, "creating_order");
      const { chainId, token, recipient, amount } = view.terms;
      try {
        await this.#options.api.createOrder({
          checkoutSessionId: this.#options.sessionId,
          type: "swap",
          recipientAddress: recipient,
          srcChain: chainId,
          dstChain: chainId,
          srcTokenAddress: token.address,
          dstTokenAddress: token.address,
          srcAmount: amount,
          payload: { expectedDstAmount: amount },
          ...(vendor && { onramp: { vendor } }),
        });
      } catch (error) {
        if (!(error instanceof CheckoutError)) throw error;
        // Another tab was faster, or the session ended: what it is now says how to go on.
        const isOvertaken = error.code === "session_already_has_order" || error.code === "invalid_status_transition";
        if (error.isRetryable) throw new PaymentStopped({ code: "unreachable" });
        if (!isOvertaken) throw new PaymentStopped({ code: "refused", detail: error.message });
      }
    }
    if (!(await this.refresh())) throw new PaymentStopped({ code: "unreachable" });
    if (payment !== this.#payment) throw new PaymentStopped({ code: "terms_changed" });
    const order = this.#snapshot.session?.order?.order;
    if (order !== undefined && !this.#hasRightAddress(order)) throw new PaymentStopped({ code: "address_mismatch" });
  }

  /** Whether an order's deposit address is the one that can only pay the recipient, if this page can tell. */
  #hasRightAddress(order: Order): boolean {
    const { expectedAddress } = this.#options;
    return expectedAddress === undefined || isSame(expectedAddress(order), order.globalAddress);
  }

  async #ask(payment: number, provider: Provider, request: Record<string, string>): Promise<void> {
    const asked = this.#snapshot.attempt;
    let hash: unknown;
    try {
      hash = await provider.request({ method: "eth_sendTransaction", params: [request] });
    } catch (error) {
      // The attempt stays unless it surely came to nothing: paying again is then the payer's explicit decision.
      if (isSurelyNotSent(error) && this.#isStill(asked)) this.#record(undefined);
      return this.#end(payment, problemOf(error));
    }
    if (asked === undefined || typeof hash !== "string" || !/^0x[0-9a-fA-F]{64}$/.test(hash)) {
      return this.#end(payment, { code: "wallet_failed", detail: "" });
    }
    const sent: Attempt = { ...asked, state: "sent", hash };
    this.#record(sent);
    this.#end(payment);
    void this.refresh();
    await this.#followReceipt(provider, sent, hash);
  }

  async #followReceipt(provider: Provider, sent: Attempt, hash: string): Promise<void> {
    for (let reads = 0; reads < MOST_RECEIPT_READS && this.#isStill(sent); reads += 1) {
      const status = await receiptStatus(provider, hash);
      if (status === true) return;
      if (status === false) {
        if (!this.#isStill(sent)) return;
        this.#record({ ...sent, state: "reverted" });
        this.#update({ problem: { code: "reverted" } });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, RECEIPT_PAUSE_MS));
    }
  }

  #isStill(attempt: Attempt | undefined): boolean {
    const now = this.#snapshot.attempt;
    return now === attempt || (now?.at === attempt?.at && now?.state === attempt?.state);
  }

  #begin(): number {
    this.#payment += 1;
    this.#update({ problem: undefined });
    return this.#payment;
  }

  /** Shows a step, unless another payment was begun. */
  #step(payment: number, step: Step): void {
    if (payment !== this.#payment) throw new PaymentStopped({ code: "terms_changed" });
    this.#update({ step });
  }

  #end(payment: number, problem?: Problem): void {
    if (payment !== this.#payment) return;
    this.#update({ step: "idle", problem });
  }

  #record(attempt: Attempt | undefined): void {
    this.#attempts.write(this.#options.sessionId, attempt);
    this.#update({});
  }

  #receive(session: SessionWithOrder): void {
    const known = this.#snapshot.session;
    // Responses may overtake each other. What is over stays over.
    const isOver = known?.status === "complete" || (known?.status === "expired" && session.status !== "expired");
    const isOlder = known?.order_id != null && session.order_id === null;
    this.#update({ isReconnecting: false, ...(isOver || isOlder ? {} : { session }) });
  }

  #update(change: Partial<Pick<Snapshot, "session" | "step" | "problem" | "isReconnecting">>): void {
    const attempt = this.#attempts.read(this.#options.sessionId);
    const next = { ...this.#snapshot, ...change, attempt };
    const { configuration } = this.#options;
    const facts = { configuration, session: next.session, isUnknown: this.#isUnknown && !next.session };
    const view = viewOf({ ...facts, choice: this.#choice, attempt, trust: this.#trust });
    const order = next.session?.order?.order;
    if (order !== undefined && !this.#hasRightAddress(order) && view.terms !== undefined) {
      // Nothing that cannot be proved is shown as an address to pay.
      view.terms = { ...view.terms, depositAddress: undefined };
      view.canPay = false;
      view.isPayingAgain = false;
      view.vendors = [];
      next.problem = { code: "address_mismatch" };
    }
    this.#snapshot = { ...next, view };
    for (const listener of this.#listeners) listener();
  }

  /** `Date` has whole seconds, so smaller differences say nothing. */
  #noteTime(date: string | null, at: number): void {
    const server = date === null ? Number.NaN : Date.parse(date) + 500;
    if (Math.abs(server - at - this.#skewMs) > 1_500) this.#skewMs = server - at;
  }

  #schedule(): void {
    // Reads may overlap; there is one next read.
    clearTimeout(this.#timer);
    const { session, attempt, view } = this.#snapshot;
    const now = this.#machine.now();
    const isSent = attempt !== undefined && attempt.state !== "reverted";
    const isMoving = session?.status === "open" && (isSent || view.name === "confirming");
    const of = `${session?.status} ${isMoving}`;
    if (this.#pace.of !== of) this.#pace = { of, since: now };
    if (this.#isUnknown && session === undefined) return;
    const pause = nextRead({
      status: session?.status,
      isMoving,
      isHidden: this.#machine.isHidden(),
      sinceMs: now - this.#pace.since,
      failures: this.#failures,
      retryAfterMs: this.#retryAfterMs,
      isLatePossible: isSent && view.name !== "late",
    });
    if (pause === undefined) return;
    const untilDeadline = session === undefined ? pause : Date.parse(session.expires_at) - this.now();
    // At the deadline the service is asked: only its answer ends the session.
    const isNear = session?.status === "open" && this.#failures === 0 && untilDeadline > 0 && untilDeadline < pause;
    this.#timer = setTimeout(() => void this.refresh(), isNear ? untilDeadline + 50 : withJitter(pause));
  }
}

/** The browser, or a machine without one. */
export function browserMachine(): Machine {
  const { document } = globalThis;
  return {
    now: () => Date.now(),
    isHidden: () => document?.visibilityState === "hidden",
    leave: (url) => globalThis.location.assign(url),
    onWake(wake) {
      const seen = () => {
        if (document?.visibilityState !== "hidden") wake();
      };
      const events = ["focus", "online", "pageshow"] as const;
      document?.addEventListener("visibilitychange", seen);
      for (const event of events) globalThis.addEventListener?.(event, seen);
      return () => {
        document?.removeEventListener("visibilitychange", seen);
        for (const event of events) globalThis.removeEventListener?.(event, seen);
      };
    },
  };
}

/** Whether an order asks for what the payer agreed to. */
function isAgreed(terms: Terms, agreed: Terms): boolean {
  return (
    terms.chainId === agreed.chainId &&
    terms.amount === agreed.amount &&
    isSame(terms.token.address, agreed.token.address) &&
    isSame(terms.recipient, agreed.recipient)
  );
}
