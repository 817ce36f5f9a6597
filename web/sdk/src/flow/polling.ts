/** What the pause before the next read follows from. */
export interface Pace {
  status: "open" | "processing" | "complete" | "expired" | undefined;
  /** Whether money is on its way: sent from here, or seen and not final. */
  isMoving: boolean;
  isHidden: boolean;
  /** How long it has been so, in milliseconds. */
  sinceMs: number;
  /** How many reads failed one after the other. */
  failures: number;
  /** What the service asked for. */
  retryAfterMs: number | undefined;
  /** Whether a payment was sent from here that may arrive after the deadline. */
  isLatePossible: boolean;
}

const MINUTE = 60_000;

/** Returns the milliseconds until the next read; undefined if there is nothing more to learn. */
export function nextRead(pace: Pace): number | undefined {
  const { status, isMoving, isHidden, sinceMs, failures, retryAfterMs, isLatePossible } = pace;
  if (status === "complete") return undefined;
  // A date in `Retry-After` is read with this device's clock, which may be wrong by days.
  if (failures > 0)
    return Math.min(Math.max(retryAfterMs ?? Math.min(1_000 * 2 ** failures, 30_000), 1_000), 5 * MINUTE);
  if (status === "expired") return isLatePossible && sinceMs < 10 * MINUTE ? 10_000 : undefined;
  if (isHidden) return 30_000;
  if (isMoving) return sinceMs < MINUTE ? 1_000 : 2_000;
  if (status === "processing") return sinceMs < MINUTE ? 2_000 : 5_000;
  if (sinceMs < 5 * MINUTE) return 3_000;
  return Math.min(3_000 * 1.2 ** Math.floor((sinceMs - 5 * MINUTE) / MINUTE + 1), 10_000);
}

/** Adds up to a fifth, so that many pages do not ask at the same moment. */
export function withJitter(ms: number): number {
  return ms * (1 + Math.random() / 5);
}
