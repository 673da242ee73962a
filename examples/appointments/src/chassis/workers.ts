/** Background work of a module: loops that run every so often until the module stops. */
import { log, reason } from "./logs.js";
import { Bell, within } from "./pauses.js";
import { isTransient } from "./pg_errors.js";

/** Loops of one process. */
export class Workers {
  private readonly bells: Bell[] = [];
  private readonly loops: Promise<void>[] = [];
  private stopping = false;

  /** Runs `work` now and every `everyMs` after its end; a failure is logged and tried again. */
  start(name: string, everyMs: number, work: () => Promise<unknown>): void {
    const bell = new Bell();
    this.bells.push(bell);
    this.loops.push(this.loop(name, everyMs, bell, work));
  }

  private async loop(name: string, everyMs: number, bell: Bell, work: () => Promise<unknown>): Promise<void> {
    while (!this.stopping) {
      try {
        await work();
      } catch (error) {
        if (isTransient(error)) log.warning("worker waits", { worker: name, reason: reason(error) });
        else log.error("worker failed", { worker: name, error });
      }
      await bell.wait(everyMs);
    }
  }

  /** Starts no further run; waits for running ones, at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    for (const bell of this.bells) bell.ring();
    await within(graceMs, Promise.all(this.loops));
  }
}
