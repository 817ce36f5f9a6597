import { expect, test } from "vitest";
import { nextRead, type Pace, withJitter } from "../src/flow/polling.js";

const MINUTE = 60_000;
const pace: Pace = {
  status: "open",
  isMoving: false,
  isHidden: false,
  sinceMs: 0,
  failures: 0,
  retryAfterMs: undefined,
  isLatePossible: false,
};

// What a payer waits for is read often, and what nobody waits for seldom.
test.each<[string, Partial<Pace>, number | undefined]>([
  ["an open session", {}, 3_000],
  ["one that is open for long", { sinceMs: 6 * MINUTE }, 4_320],
  ["one that is open for very long", { sinceMs: 60 * MINUTE }, 10_000],
  ["money on its way", { isMoving: true }, 1_000],
  ["money that is on its way for long", { isMoving: true, sinceMs: MINUTE }, 2_000],
  ["a session in processing", { status: "processing" }, 2_000],
  ["one that is in processing for long", { status: "processing", sinceMs: MINUTE }, 5_000],
  ["a hidden tab", { isHidden: true, isMoving: true }, 30_000],
  ["the first failure", { failures: 1 }, 2_000],
  ["many failures", { failures: 20 }, 30_000],
  ["a failure that says when", { failures: 1, retryAfterMs: 7_000 }, 7_000],
  ["a failure that says now", { failures: 9, retryAfterMs: 0 }, 1_000],
  ["a failure that says in a month", { failures: 1, retryAfterMs: 30 * 86_400_000 }, 300_000],
  ["a complete session", { status: "complete", isLatePossible: true }, undefined],
  ["an expired one", { status: "expired" }, undefined],
  ["an expired one that money may still reach", { status: "expired", isLatePossible: true }, 10_000],
  ["the same after ten minutes", { status: "expired", isLatePossible: true, sinceMs: 10 * MINUTE }, undefined],
])("%s is read again in time", (_, change, expected) => {
  const next = nextRead({ ...pace, ...change });
  expect(next === undefined ? undefined : Math.round(next)).toBe(expected);
});

test("jitter only adds, and at most a fifth", () => {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const pause = withJitter(1_000);
    expect(pause).toBeGreaterThanOrEqual(1_000);
    expect(pause).toBeLessThanOrEqual(1_200);
  }
});
