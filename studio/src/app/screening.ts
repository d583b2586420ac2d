import { type ReactiveController, type ReactiveControllerHost } from "lit";

import { type Client, type Variant, type Video } from "../api/client";
import { save } from "../files";
import { type Shown } from "./take-player";

const SUFFIXES: Partial<Record<Variant, string>> = { video: "mp4", gif: "gif", contact_sheet: "png", narrative: "json" };

/** The finished videos that are shown: one, or two beside each other. */
export class Screening implements ReactiveController {
  shown: readonly Shown[] = [];

  private turn: Promise<void> = Promise.resolve();

  /**
   * @param begun - is called when a video has come onto the screen.
   */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly client: Client,
    private readonly begun: () => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {}

  /** Show a video, alone or beside the one that is shown; one after the other, as they were asked for. */
  play(video: Video, beside = false): Promise<void> {
    this.turn = this.turn.catch(() => undefined).then(() => this.show(video, beside));
    return this.turn;
  }

  /** A video is made: it is shown where nothing is, or beside what it varies. */
  finished(video: Video): void {
    const isRedone = this.shown.length === 1 && video.remixed_from_video_id === this.shown[0]!.id;
    if (!this.shown.length || isRedone) {
      void this.play(video, isRedone);
    }
  }

  /** Show nothing, or all but one. */
  leave(id: string | null = null): void {
    this.shown = id === null ? [] : this.shown.filter((each) => each.id !== id);
    this.host.requestUpdate();
  }

  /** Save something of the first one as a file. */
  async export(variant: Variant): Promise<void> {
    const { id } = this.shown[0]!;
    save(await this.client.content(id, variant), `reasondiff-${id.slice(-8)}.${SUFFIXES[variant] ?? "json"}`);
  }

  private async show(video: Video, beside: boolean): Promise<void> {
    const found = this.shown.find((each) => each.id === video.id);
    const shown = found ?? (await this.shownOf(video));
    const first = this.shown.find((each) => each.id !== video.id);
    this.shown = beside && first ? [first, shown] : [shown];
    this.host.requestUpdate();
    await this.host.updateComplete;
    this.begun();
  }

  private async shownOf(video: Video): Promise<Shown> {
    const file = await this.client.content(video.id, "video");
    const seed = video.reasondiff?.seed ?? 0;
    const varied = video.remixed_from_video_id ? ", varied" : "";
    return { id: video.id, url: URL.createObjectURL(file), label: `${video.prompt || "No text"} (seed ${seed})${varied}` };
  }
}
