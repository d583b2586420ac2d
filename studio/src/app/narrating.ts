import { type ReactiveController, type ReactiveControllerHost } from "lit";

import { messageOf } from "./words";

/** The narrator at work: its seconds are counted, and it can be stopped. */
export class Narrating implements ReactiveController {
  /** Since it began; null while it does nothing. */
  seconds: number | null = null;

  private hush: AbortController | null = null;

  /**
   * @param say - is told what went wrong; "" for nothing.
   */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly say: (problem: string) => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {}

  async run(work: (stop: AbortSignal) => Promise<void>): Promise<void> {
    const hush = new AbortController();
    this.hush = hush;
    this.say("");
    this.count(0);
    const began = performance.now();
    const clock = setInterval(() => this.count((performance.now() - began) / 1000), 1000);
    try {
      await work(hush.signal);
    } catch (error) {
      this.say(hush.signal.aborted ? "" : messageOf(error));
    } finally {
      clearInterval(clock);
      this.hush = null;
      this.count(null);
    }
  }

  stop(): void {
    this.hush?.abort();
  }

  private count(seconds: number | null): void {
    this.seconds = seconds;
    this.host.requestUpdate();
  }
}
