/** Pauses that end early when somebody knocks, or when the module stops. */

/** A bell: `wait` returns at the next `ring` or after some time. */
export class Bell {
  private rung = false;
  private wakeUp: (() => void) | undefined;

  /** Ends the pause that is running, or the next one. */
  ring(): void {
    this.rung = true;
    this.wakeUp?.();
  }

  /** Waits for a ring, at most `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wakeUp = () => (clearTimeout(timer), resolve());
      });
    }
    this.rung = false;
    this.wakeUp = undefined;
  }
}

/** Waits for `work`, at most `ms`; says whether it ended in time. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(ms, 0));
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
