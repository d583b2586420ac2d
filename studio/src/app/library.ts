import { type ReactiveController, type ReactiveControllerHost } from "lit";

import { ApiError, type Client, type Model, type Video, isOver } from "../api/client";

const POLL_MS = 2000;
const HIDDEN_POLL_MS = 15_000;

/** What the server has: its models, the queue, and what came of it. */
export class Library implements ReactiveController {
  models: readonly Model[] = [];
  videos: readonly Video[] = [];
  /** Small pictures by the video's id, as URLs; of one that waits, its image. */
  pictures: ReadonlyMap<string, string> = new Map();
  /** What the videos that are being made are becoming, by id, as URLs. */
  previews: ReadonlyMap<string, string> = new Map();
  /** The server asks for a key. */
  locked = false;
  offline = false;
  /** There are older videos than those that are listed. */
  more = false;
  /** Videos that are to be deleted, unless the user thinks better of it. */
  hidden: ReadonlySet<string> = new Set();

  private limit = 30;
  private timer = 0;
  private readonly watched = new Map<string, AbortController>();

  /**
   * @param done - is told of every video that is finished while the page looks on.
   */
  constructor(
    private readonly host: ReactiveControllerHost,
    readonly client: Client,
    private readonly done: (video: Video) => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    void this.refresh();
  }

  hostDisconnected(): void {
    clearTimeout(this.timer);
    this.watched.forEach((watch) => watch.abort());
  }

  get model(): Model | undefined {
    return this.models[0];
  }

  get listed(): readonly Video[] {
    return this.videos.filter((video) => !this.hidden.has(video.id));
  }

  /** Videos that are not over, in the order in which they will be made. */
  get open(): readonly Video[] {
    const place = (video: Video): number => video.reasondiff?.queue_position ?? -1;
    return this.listed.filter((video) => !isOver(video)).toSorted((a, b) => place(a) - place(b));
  }

  hide(id: string, hidden: boolean): void {
    const ids = new Set(this.hidden);
    if (hidden) {
      ids.add(id);
    } else {
      ids.delete(id);
    }
    this.hidden = ids;
    this.host.requestUpdate();
  }

  showOlder(): Promise<void> {
    this.limit = Math.min(this.limit + 30, 100);
    return this.refresh();
  }

  /** Ask for the queue, now and again: other tabs and people fill it, too. */
  async refresh(): Promise<void> {
    clearTimeout(this.timer);
    try {
      const [models, page] = await Promise.all([this.client.models(), this.client.list(this.limit)]);
      this.models = models;
      this.videos = page.videos;
      this.more = page.more && this.limit < 100;
      this.offline = false;
      this.locked = false;
      for (const video of this.videos) {
        this.watch(video);
        void this.fetchPicture(video);
      }
    } catch (error) {
      this.locked = error instanceof ApiError && error.status === 401;
      this.offline = !this.locked;
    }
    this.host.requestUpdate();
    this.timer = window.setTimeout(() => void this.refresh(), document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }

  /** Follow a video's events until it is made. */
  private watch(video: Video): void {
    if (isOver(video) || video.status === "queued" || this.watched.has(video.id)) {
      return;
    }
    const stop = new AbortController();
    this.watched.set(video.id, stop);
    void this.follow(video.id, stop.signal).finally(() => this.watched.delete(video.id));
  }

  private async follow(id: string, stop: AbortSignal): Promise<void> {
    for await (const video of this.client.events(id, stop)) {
      this.videos = this.videos.map((each) => (each.id === id ? { ...each, ...video } : each));
      this.host.requestUpdate();
      if (isOver(video)) {
        this.setPreview(id, null);
      } else if (video.reasondiff?.variants?.includes("preview")) {
        this.setPreview(id, await this.client.content(id, "preview").catch(() => null));
      }
      if (video.status === "completed") {
        await this.fetchPicture(video);
        this.done(video);
      }
    }
  }

  private setPreview(id: string, preview: Blob | null): void {
    const previews = new Map(this.previews);
    const before = previews.get(id);
    if (preview?.size) {
      previews.set(id, URL.createObjectURL(preview));
    } else {
      previews.delete(id);
    }
    this.previews = previews;
    this.host.requestUpdate();
    if (before !== undefined) {
      setTimeout(() => URL.revokeObjectURL(before), 2000); // it is seen until the next one is drawn
    }
  }

  private async fetchPicture(video: Video): Promise<void> {
    const key = video.status === "completed" ? video.id : `${video.id} waits`;
    if (this.pictures.has(key)) {
      return;
    }
    this.pictures = new Map(this.pictures).set(key, "");
    const variant = video.status === "completed" ? "thumbnail" : "image";
    const picture = await this.client.content(video.id, variant).catch(() => null);
    if (picture) {
      const url = URL.createObjectURL(picture);
      this.pictures = new Map(this.pictures).set(key, url).set(video.id, url);
      this.host.requestUpdate();
    }
  }
}
