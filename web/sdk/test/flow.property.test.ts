import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CheckoutError } from "../src/errors.js";
import type { FlowApi } from "../src/flow/api.js";
import { memoryAttempts } from "../src/flow/attempt.js";
import { Flow, type Snapshot } from "../src/flow/flow.js";
import type { Provider } from "../src/flow/wallets.js";
import { CONFIGURATION, PRICE, sessionOf } from "./session-double.js";

/** The service and the chain, as far as a payment sees them. */
class World {
  hasOrder = false;
  isExpired = false;
  isExecuted = false;
  hasFailed = false;
  received = 0n;
  pending = 0n;
  /** When the price was covered, the session was open. */
  isInTime = false;
  /** Sent by the wallet, and in no block yet. */
  mempool: bigint[] = [];
  /** What the wallet was asked to send because the page offered it, and because the payer insisted. */
  offered: bigint[] = [];
  insisted = 0;
  delays: number[] = [];
  faults: boolean[] = [];

  get status() {
    if (this.isExecuted && this.isInTime) return "complete" as const;
    if (this.hasFailed) return "expired" as const;
    if (this.isInTime && this.received >= PRICE) return "processing" as const;
    return this.isExpired ? ("expired" as const) : ("open" as const);
  }

  session() {
    const { status, received, pending } = this;
    const isLate = status === "expired" && received >= PRICE && !this.hasFailed;
    const order = this.isExecuted ? "executed" : this.hasFailed ? "failure" : "scanning_deposit_transaction";
    return sessionOf(status, this.hasOrder ? order : undefined, { received, pending, isLate });
  }

  api(): FlowApi {
    const reply = async <T>(data: T) => ({ data, headers: new Headers(), replayed: false, body: undefined as never });
    const network = async () => {
      await new Promise((resolve) => setTimeout(resolve, this.delays.pop() ?? 10));
      if (this.faults.pop()) throw new CheckoutError("lost", { type: "connection_error", code: "connection_failed" });
    };
    return {
      readSession: async () => {
        // The state is that of the moment at which the service answers; the answer may arrive later than another one.
        const session = this.session();
        await network();
        return reply(session);
      },
      createOrder: async () => {
        const { hasOrder, status } = this;
        const refuse = (code: "session_already_has_order" | "invalid_status_transition") =>
          new CheckoutError(code, {
            type: "invalid_request_error",
            code,
            status: code === "session_already_has_order" ? 409 : 400,
          });
        if (status === "open") this.hasOrder = true;
        await network();
        if (status !== "open") throw refuse("invalid_status_transition");
        if (hasOrder) throw refuse("session_already_has_order");
        return reply({} as never);
      },
      paymentLink: () => "",
    };
  }

  wallet(outcome: WalletOutcome, isInsisted: boolean): Provider {
    return {
      request: async ({ method, params }) => {
        if (outcome === "silent_connect" && method === "eth_requestAccounts") return new Promise(() => {});
        if (method === "eth_requestAccounts") return ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"];
        if (method === "eth_chainId") return "0x2105";
        if (method === "eth_getBalance" || method === "eth_call") return "0xffffffffffff";
        if (method === "eth_getTransactionReceipt") return outcome === "reverts" ? { status: "0x0" } : null;
        if (method !== "eth_sendTransaction") throw new Error(method);
        const [{ data }] = params as [{ data: string }];
        const amount = BigInt(`0x${data.slice(-64)}`);
        if (isInsisted) this.insisted += 1;
        else this.offered.push(amount);
        if (outcome === "declines") throw Object.assign(new Error("no"), { code: 4001 });
        if (outcome !== "reverts") this.mempool.push(amount);
        if (outcome === "loses_answer") throw new Error("Internal JSON-RPC error");
        if (outcome === "silent") return new Promise(() => {});
        if (outcome === "declines_late") await new Promise((resolve) => setTimeout(resolve, 5_000));
        return `0x${"a".repeat(64)}`;
      },
    };
  }

  /** What can happen without the page. */
  happen(event: WorldEvent): void {
    if (event === "block") {
      for (const amount of this.mempool.splice(0)) this.pending += amount;
    } else if (event === "final") {
      const isOpen = this.status === "open";
      this.received += this.pending;
      this.pending = 0n;
      if (isOpen && this.received >= PRICE) this.isInTime = true;
    } else if (event === "stranger_pays" && this.hasOrder) {
      this.mempool.push(PRICE / 5n);
    } else if (event === "reorganises") {
      this.pending = 0n;
    } else if (event === "expires" && this.received + this.pending < PRICE) {
      this.isExpired ||= this.status === "open";
    } else if (event === "executes" && this.received >= PRICE) {
      this.isExecuted = true;
    } else if (event === "fails" && this.status === "processing") {
      this.hasFailed = !this.isExecuted;
    }
  }
}

const OUTCOMES = [
  "pays",
  "pays",
  "declines",
  "loses_answer",
  "silent",
  "silent_connect",
  "reverts",
  "declines_late",
] as const;
type WalletOutcome = (typeof OUTCOMES)[number];
const EVENTS = ["block", "block", "final", "stranger_pays", "reorganises", "expires", "executes", "fails"] as const;
type WorldEvent = (typeof EVENTS)[number];

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("world" as const), event: fc.constantFrom(...EVENTS) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("pay" as const),
      outcome: fc.constantFrom(...OUTCOMES),
      again: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("address" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reload" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("network" as const),
      delay: fc.integer({ min: 0, max: 9_000 }),
      fault: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 1, max: 20_000 }) }) },
);

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T00:00:00Z") });
});

afterEach(() => {
  vi.useRealTimers();
});

test("whatever interleaves, the page tells the truth and asks for the price once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const world = new World();
      const attempts = memoryAttempts();
      const machine = { now: () => Date.now(), isHidden: () => false, onWake: () => () => {}, leave: () => {} };
      // Collected, because an error within a listener would reach the flow and not this test.
      const wrong: string[] = [];
      let last: Snapshot | undefined;
      let flow = begin();

      function begin(): { flow: Flow; stop: () => void } {
        last = undefined;
        const flow = new Flow({ api: world.api(), sessionId: "s1", configuration: CONFIGURATION, attempts, machine });
        const unsubscribe = flow.subscribe(() => check(flow.getSnapshot()));
        const end = flow.start();
        const stop = () => {
          unsubscribe();
          end();
        };
        return { flow, stop };
      }

      function check(snapshot: Snapshot): void {
        const { view } = snapshot;
        if (view.name === "complete" && world.status !== "complete") wrong.push("complete is shown, and it is not");
        const isOffered = view.canPay || view.isPayingAgain;
        if (isOffered && BigInt(view.progress.due) <= 0n) wrong.push("a payment is offered, and nothing is due");
        if (isOffered && snapshot.session?.status !== "open")
          wrong.push("a payment is offered, and the session is not open");
        // What is over stays over, for as long as the page is open.
        if (last?.view.name === "complete" && view.name !== "complete") wrong.push("complete is left");
        if (last?.session?.status === "expired" && snapshot.session?.status !== "expired")
          wrong.push("expired is left");
        last = snapshot;
      }

      for (const action of steps) {
        if (action.kind === "world") world.happen(action.event);
        else if (action.kind === "pay") {
          const again = action.again && flow.flow.getSnapshot().view.isPayingAgain;
          void flow.flow.payWith(world.wallet(action.outcome, again), { again });
        } else if (action.kind === "address") void flow.flow.showAddress();
        else if (action.kind === "time") await vi.advanceTimersByTimeAsync(action.ms);
        else if (action.kind === "network") {
          world.delays.push(action.delay);
          world.faults.push(action.fault);
        } else {
          flow.stop();
          flow = begin();
        }
        await vi.advanceTimersByTimeAsync(1);
      }
      // What a wallet was asked for because the page offered it never exceeds the price, unless the payer declined.
      const declines = steps.filter((action) => action.kind === "pay" && action.outcome === "declines").length;
      const asked = world.offered.reduce((sum, amount) => sum + amount, 0n);
      if (asked > PRICE * BigInt(1 + declines)) wrong.push(`the wallet was asked for ${asked}`);

      // Left alone, the page finds out how it ended.
      world.delays = [];
      world.faults = [];
      world.happen("block");
      world.happen("final");
      await vi.advanceTimersByTimeAsync(60_000);
      expect(flow.flow.getSnapshot().session?.status).toBe(world.status);
      flow.stop();
      expect(wrong).toEqual([]);
    }),
    { numRuns: Number(process.env.FLOW_RUNS ?? 500) },
  );
}, 120_000);
