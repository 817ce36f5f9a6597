/** A payment that a wallet was asked for from here. It is written before the wallet is asked, so a reload or another tab
 * never offers to pay the same money twice. */
export interface Attempt {
  /** `asked`: the wallet has not answered yet. `sent`: it returned a hash. `reverted`: the chain refused it. */
  state: "asked" | "sent" | "reverted";
  /** What it pays, in smallest units. */
  amount: string;
  /** What the order had received or seen coming before, in smallest units. */
  before: string;
  hash?: string;
  /** When the wallet was asked, in epoch milliseconds. */
  at: number;
}

/** Keeps attempts by session: in the browser's storage, or in memory if that is blocked. */
export interface AttemptStore {
  read(sessionId: string): Attempt | undefined;
  /** `undefined` removes it. */
  write(sessionId: string, attempt: Attempt | undefined): void;
  /** Calls back when another tab wrote. Returns what ends this. */
  watch(sessionId: string, changed: () => void): () => void;
}

const PREFIX = "checkout-attempt:";

export function memoryAttempts(): AttemptStore {
  const attempts = new Map<string, Attempt>();
  return {
    read: (id) => attempts.get(id),
    write: (id, attempt) => {
      if (attempt === undefined) attempts.delete(id);
      else attempts.set(id, attempt);
    },
    watch: () => () => {},
  };
}

export function browserAttempts(): AttemptStore {
  const memory = memoryAttempts();
  const storage = () => {
    try {
      return globalThis.localStorage;
    } catch {
      // Blocked by the browser's settings.
      return undefined;
    }
  };
  return {
    read(id) {
      try {
        return parsed(storage()?.getItem(PREFIX + id) ?? null) ?? memory.read(id);
      } catch {
        return memory.read(id);
      }
    },
    write(id, attempt) {
      memory.write(id, attempt);
      try {
        if (attempt === undefined) storage()?.removeItem(PREFIX + id);
        else storage()?.setItem(PREFIX + id, JSON.stringify(attempt));
      } catch {
        // Full or blocked: memory has it, for this tab.
      }
    },
    watch(id, changed) {
      const listener = (event: StorageEvent) => {
        if (event.key !== PREFIX + id && event.key !== null) return;
        memory.write(id, parsed(event.newValue));
        changed();
      };
      globalThis.addEventListener?.("storage", listener);
      return () => globalThis.removeEventListener?.("storage", listener);
    },
  };
}

function parsed(text: string | null): Attempt | undefined {
  if (text === null) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Attempt> | null;
    const isWhole =
      ["asked", "sent", "reverted"].includes(value?.state ?? "") &&
      /^\d+$/.test(value?.amount ?? "") &&
      /^\d+$/.test(value?.before ?? "") &&
      typeof value?.at === "number";
    return isWhole ? (value as Attempt) : undefined;
  } catch {
    return undefined;
  }
}

/** Runs `task` unless another tab runs its own for the same session. Returns whether it ran. */
export async function alone(sessionId: string, task: () => Promise<void>): Promise<boolean> {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined) {
    // Without a secure context there is no lock. The attempt in the storage still keeps later tabs away.
    await task();
    return true;
  }
  return await locks.request(PREFIX + sessionId, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false;
    await task();
    return true;
  });
}
