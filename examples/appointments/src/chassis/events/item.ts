/** An event in hand, and when to try it again. */
import { type Event, NotYet } from "./event.js";

const DELAYS_MS = [200, 500, 1000, 2000];
const MAX_FAILURES = 10;
const MAX_WAIT_MS = 600_000;

/** An event in hand: where it came from and what became of earlier attempts. */
export class Item {
  failures = 0;
  waits = 0;
  error = "";
  private readonly first = performance.now();

  constructor(
    readonly stream: string,
    readonly entry: string,
    readonly event: Event,
  ) {}

  /** Names the entry among all streams. */
  get key(): string {
    return `${this.stream} ${this.entry}`;
  }

  /** How often it was tried in vain. */
  get attempts(): number {
    return this.failures + this.waits;
  }

  /** Counts an attempt that failed. The pause before the next in milliseconds; undefined: give up. */
  failed(error: unknown): number | undefined {
    this.error = String(error);
    const early = error instanceof NotYet;
    const tries = early ? ++this.waits : ++this.failures;
    const givenUp = early ? performance.now() - this.first > MAX_WAIT_MS : this.failures >= MAX_FAILURES;
    return givenUp ? undefined : DELAYS_MS[Math.min(tries, DELAYS_MS.length) - 1];
  }
}
