import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import { ApiError, Client, type Model, type Told, type Video, isOver } from "../api/client";
import { readRecord } from "../api/record";
import { type NarrativeFile } from "../narrative/narrative";
import { type Candidate, type ReasonDiffTimeline } from "../timeline/reasondiff-timeline";
import "../timeline/reasondiff-timeline";
import "./story-form";
import { shared } from "./styles";
import { type TakeEvent, capital, duration } from "./take-list";
import "./take-list";
import { type Shown, type TakePlayer } from "./take-player";
import "./take-player";

const KEY = "reasondiff.key";
const DRAFT = "reasondiff.draft";
const POLL_MS = 2000;

/** What is kept while the page is away. */
interface Draft {
  readonly prompt: string;
  readonly narrative: NarrativeFile | null;
  readonly seed: number;
  /** As a data URL. */
  readonly picture: string;
}

/** The whole page. It talks to the server's public API and to nothing else. */
@customElement("reasondiff-studio")
export class ReasonDiffStudio extends LitElement {
  static override styles = [
    shared,
    css`
      main {
        display: grid;
        gap: 1rem;
        max-width: 1100px;
        margin: 0 auto;
        padding: 0.8rem;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0.3rem 1rem;
      }
      h1 {
        font-size: 1.35rem;
        margin: 0;
      }
      section {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: 12px;
        padding: 0.9rem;
        min-width: 0;
      }
      .two {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 1rem;
        align-items: start;
      }
      .number input {
        width: 8.5rem;
      }
      .check {
        display: flex;
        gap: 0.4rem;
        align-items: center;
        min-height: 38px;
      }
      .check input {
        min-height: 0;
      }
      @media (max-width: 860px) {
        .two {
          grid-template-columns: 1fr;
        }
      }
    `,
  ];

  @state() private models: readonly Model[] = [];
  @state() private image: Blob | null = null;
  @state() private picture = "";
  @state() private prompt = "";
  @state() private narrative: NarrativeFile | null = null;
  @state() private candidates: readonly Candidate[] = [];
  @state() private telling = false;
  @state() private problem = "";
  @state() private makeProblem = "";
  @state() private seed = 0;
  @state() private seedLocked = false;
  @state() private steps: number | null = null;
  @state() private count = 1;
  @state() private videos: readonly Video[] = [];
  @state() private pictures: ReadonlyMap<string, string> = new Map();
  @state() private shown: readonly Shown[] = [];
  @state() private preview = "";
  @state() private locked = false;
  @state() private offline = false;

  @query("reasondiff-timeline") private readonly timeline!: ReasonDiffTimeline | null;
  @query("take-player") private readonly player!: TakePlayer;

  private readonly client = new Client("v1", () => sessionStorage.getItem(KEY));
  private readonly watched = new Map<string, AbortController>();
  private poll = 0;
  private turn: Promise<void> = Promise.resolve();

  override connectedCallback(): void {
    super.connectedCallback();
    void this.begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.poll);
    this.watched.forEach((watch) => watch.abort());
  }

  // -- begin and go on --------------------------------------------------------------------------------------------

  private async begin(): Promise<void> {
    await this.restoreDraft();
    await this.refresh();
  }

  /** Ask for the queue, now and again: other tabs and people fill it, too. */
  private async refresh(): Promise<void> {
    clearTimeout(this.poll);
    try {
      if (!this.models.length) {
        this.models = await this.client.models();
      }
      this.videos = await this.client.list();
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
    this.poll = window.setTimeout(() => void this.refresh(), POLL_MS);
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
      if (video.reasondiff?.variants?.includes("preview") && !isOver(video) && !this.shown.length) {
        await this.fetchPreview(id);
      }
      if (video.status === "completed") {
        await this.fetchPicture(video);
        await this.play(video);
      }
    }
  }

  private async fetchPreview(id: string): Promise<void> {
    const preview = await this.client.content(id, "preview").catch(() => null);
    if (preview?.size) {
      URL.revokeObjectURL(this.preview);
      this.preview = URL.createObjectURL(preview);
    }
  }

  private async fetchPicture(video: Video): Promise<void> {
    if (video.status !== "completed" || this.pictures.has(video.id)) {
      return;
    }
    this.pictures = new Map(this.pictures).set(video.id, "");
    const picture = await this.client.content(video.id, "thumbnail").catch(() => null);
    if (picture) {
      this.pictures = new Map(this.pictures).set(video.id, URL.createObjectURL(picture));
    }
  }

  // -- the story --------------------------------------------------------------------------------------------------

  private async takeImage(file: Blob): Promise<void> {
    this.image = file;
    this.picture = await dataUrl(file);
    this.candidates = [];
    this.problem = "";
    this.keepDraft();
  }

  /** A narrative file, or a video of ours with the record of how it was made. */
  private async restore(file: File): Promise<void> {
    this.problem = "";
    try {
      if (file.name.endsWith(".json") || file.type === "application/json") {
        this.setNarrative(JSON.parse(await file.text()) as NarrativeFile);
        return;
      }
      const record = await readRecord(file);
      if (record === null) {
        this.problem = `${file.name} holds no story; give a video that ReasonDiff made, or a narrative file.`;
        return;
      }
      this.prompt = record.prompt;
      this.seed = record.seed;
      this.seedLocked = true;
      if (record.image) {
        await this.takeImage(pngOf(record.image));
      }
      this.setNarrative(record.narrative);
    } catch {
      this.problem = `${file.name} cannot be read as a story; give a narrative file or a video that ReasonDiff made.`;
    }
  }

  private async tell(): Promise<void> {
    if (this.image === null) {
      return;
    }
    this.telling = true;
    this.problem = "";
    try {
      const told: Told = await this.client.tell(this.image, this.prompt);
      this.setNarrative(told.narrative, told.candidates);
    } catch (error) {
      this.problem = messageOf(error);
    } finally {
      this.telling = false;
    }
  }

  private setNarrative(narrative: NarrativeFile, candidates: readonly NarrativeFile[] = []): void {
    const isNew = this.narrative === null;
    this.narrative = narrative;
    this.candidates = candidates.map((each) => ({
      position: each.position ?? each.anchors?.[0]?.position ?? 1,
      reasoning: each.reasoning ?? "",
    }));
    this.keepDraft();
    void this.updateComplete.then(() => {
      if (isNew) {
        this.timeline!.value = narrative;
      } else {
        this.timeline!.replace(narrative);
      }
    });
  }

  private edited(event: CustomEvent<NarrativeFile>): void {
    this.narrative = event.detail;
    this.keepDraft();
  }

  // -- making videos ----------------------------------------------------------------------------------------------

  private async make(): Promise<void> {
    this.makeProblem = "";
    for (let take = 0; take < this.count && !this.makeProblem; take++) {
      await this.ask(this.image, this.prompt, this.narrative, this.seed + take);
    }
    if (!this.seedLocked) {
      this.seed += this.count;
      this.keepDraft();
    }
    await this.refresh();
  }

  private async ask(
    image: Blob | null,
    prompt: string,
    narrative: NarrativeFile | null,
    seed: number,
  ): Promise<void> {
    if (image === null) {
      this.makeProblem = "There is no image; drop one first.";
      return;
    }
    try {
      const { steps } = this;
      this.shown = [];
      await this.client.create({ image, prompt, narrative, seed, steps, size: null }, crypto.randomUUID());
    } catch (error) {
      this.makeProblem = messageOf(error);
    }
  }

  private async take({ detail: { action, video } }: CustomEvent<TakeEvent>): Promise<void> {
    this.makeProblem = "";
    const place = video.reasondiff?.queue_position ?? 0;
    try {
      switch (action) {
        case "play":
          return await this.play(video);
        case "compare":
          return await this.play(video, true);
        case "restore":
          return await this.useStory(video);
        case "duplicate":
          await this.onceMore(video);
          break;
        case "cancel":
          await this.client.cancel(video.id);
          break;
        case "remove":
          await this.client.remove(video.id);
          this.shown = this.shown.filter((each) => each.id !== video.id);
          break;
        case "sooner":
          await this.client.move(video.id, Math.max(place - 1, 0));
          break;
        case "later":
          await this.client.move(video.id, place + 1);
          break;
      }
      await this.refresh();
    } catch (error) {
      this.makeProblem = messageOf(error);
    }
  }

  /** Show a video, alone or beside the one that is shown; one after the other, as they were asked for. */
  private play(video: Video, beside = false): Promise<void> {
    this.turn = this.turn.catch(() => undefined).then(() => this.show(video, beside));
    return this.turn;
  }

  private async show(video: Video, beside: boolean): Promise<void> {
    const found = this.shown.find((each) => each.id === video.id);
    const shown = found ?? (await this.shownOf(video));
    const first = this.shown.find((each) => each.id !== video.id);
    this.shown = beside && first ? [first, shown] : [shown];
  }

  private async shownOf(video: Video): Promise<Shown> {
    const file = await this.client.content(video.id, "video");
    const seed = video.reasondiff?.seed ?? 0;
    return { id: video.id, url: URL.createObjectURL(file), label: `${video.prompt || "No text"} (seed ${seed})` };
  }

  private async useStory(video: Video): Promise<void> {
    const record = await this.recordOf(video);
    this.prompt = video.prompt ?? "";
    this.seed = video.reasondiff?.seed ?? 0;
    if (record?.image) {
      await this.takeImage(pngOf(record.image));
    }
    const narrative = record?.narrative ?? video.reasondiff?.narrative;
    if (narrative) {
      this.setNarrative(narrative);
    }
  }

  /** The same image, text and story with the next seed. */
  private async onceMore(video: Video): Promise<void> {
    const record = await this.recordOf(video);
    const image = record?.image ? pngOf(record.image) : this.image;
    const narrative = record?.narrative ?? video.reasondiff?.narrative ?? null;
    await this.ask(image, video.prompt ?? "", narrative, (video.reasondiff?.seed ?? 0) + 1);
  }

  private async recordOf(video: Video): ReturnType<typeof readRecord> {
    return video.status === "completed" ? readRecord(await this.client.content(video.id, "video")) : null;
  }

  // -- the draft --------------------------------------------------------------------------------------------------

  private keepDraft(): void {
    const draft: Draft = { prompt: this.prompt, narrative: this.narrative, seed: this.seed, picture: this.picture };
    try {
      localStorage.setItem(DRAFT, JSON.stringify(draft));
    } catch {
      localStorage.setItem(DRAFT, JSON.stringify({ ...draft, picture: "" })); // the picture is too large to keep
    }
  }

  private async restoreDraft(): Promise<void> {
    const kept = localStorage.getItem(DRAFT);
    if (kept === null) {
      return;
    }
    const draft = JSON.parse(kept) as Draft;
    this.prompt = draft.prompt;
    this.seed = draft.seed;
    if (draft.picture) {
      this.picture = draft.picture;
      this.image = blobOf(draft.picture);
    }
    if (draft.narrative) {
      this.setNarrative(draft.narrative);
    }
  }

  // -- what is seen -----------------------------------------------------------------------------------------------

  override render(): TemplateResult {
    const model = this.models[0];
    return html`
      <main>
        <header>
          <h1>ReasonDiff</h1>
          <span class="soft">${model ? model.id : ""}</span>
          ${this.offline ? html`<span class="error" role="alert">The server does not answer.</span>` : nothing}
        </header>
        ${this.locked ? this.keyForm() : nothing}
        <section aria-labelledby="story">
          <h2 id="story">Story</h2>
          <story-form
            .picture=${this.picture}
            .prompt=${this.prompt}
            .telling=${this.telling}
            .problem=${this.problem}
            @image=${(event: CustomEvent<File>) => this.takeImage(event.detail)}
            @restore=${(event: CustomEvent<File>) => this.restore(event.detail)}
            @prompt=${this.setPrompt}
            @tell=${() => this.tell()}
          ></story-form>
        </section>
        ${this.narrative ? this.timelineCard(model) : nothing}
        <section aria-labelledby="make">
          <h2 id="make">Video</h2>
          ${this.makeForm(model)}
        </section>
        <div class="two">
          <section aria-labelledby="player">
            <h2 id="player">Player</h2>
            <take-player .shown=${this.shown} .preview=${this.preview} @frame=${this.follows}></take-player>
          </section>
          <section aria-labelledby="takes">
            <h2 id="takes">Queue and takes</h2>
            <take-list
              .videos=${this.videos}
              .pictures=${this.pictures}
              .shown=${this.shown.map((each) => each.id)}
              @take=${(event: CustomEvent<TakeEvent>) => this.take(event)}
            ></take-list>
          </section>
        </div>
      </main>
    `;
  }

  private timelineCard(model: Model | undefined): TemplateResult {
    return html`
      <section aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <reasondiff-timeline
          .images=${this.picture ? [this.picture] : []}
          .candidates=${this.candidates}
          .stride=${model?.reasondiff?.stride ?? 4}
          @change=${this.edited}
          @playhead=${this.seeks}
        ></reasondiff-timeline>
        <p class="row"><button @click=${this.saveStory}>Save story</button></p>
      </section>
    `;
  }

  private makeForm(model: Model | undefined): TemplateResult {
    const seconds = model?.reasondiff?.seconds_per_video;
    const waiting = this.videos.filter((video) => !isOver(video)).length;
    const cost = seconds ? `about ${duration(seconds * (this.count + waiting))}` : "";
    const frames = this.narrative?.num_frames ?? model?.reasondiff?.num_frames;
    return html`
      <div class="row">
        <label class="number">
          Seed
          <input
            type="number"
            min="0"
            max="4294967295"
            .value=${String(this.seed)}
            @change=${(event: Event) => this.setSeed(event)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            .checked=${this.seedLocked}
            @change=${(event: Event) => (this.seedLocked = (event.target as HTMLInputElement).checked)}
          />
          Keep it
        </label>
        <label class="number">
          Steps
          <input
            type="number"
            min="1"
            max="1000"
            placeholder=${model?.reasondiff?.num_inference_steps ?? ""}
            .value=${this.steps === null ? "" : String(this.steps)}
            @change=${(event: Event) => this.setSteps(event)}
          />
        </label>
        <label class="number">
          Videos
          <input
            type="number"
            min="1"
            max="8"
            .value=${String(this.count)}
            @change=${(event: Event) => (this.count = clamp(Number((event.target as HTMLInputElement).value), 1, 8))}
          />
        </label>
        <button class="main" ?disabled=${this.image === null} @click=${() => this.make()}>Make the video</button>
      </div>
      <p class="soft">
        ${frames ? `${frames} frames. ` : ""}${cost ? `${waiting ? `With ${waiting} before it, ${cost}` : capital(cost)}.` : ""}
        ${this.narrative ? "" : "Without a story, the narrator tells one first."}
      </p>
      ${this.makeProblem ? html`<p class="error" role="alert">${this.makeProblem}</p>` : nothing}
    `;
  }

  private keyForm(): TemplateResult {
    const unlock = (event: Event): void => {
      event.preventDefault();
      const data = new FormData(event.target as HTMLFormElement);
      sessionStorage.setItem(KEY, String(data.get("key")));
      void this.refresh();
    };
    return html`
      <section>
        <form class="row" @submit=${unlock}>
          <label>This server asks for a key <input name="key" type="password" autocomplete="off" required /></label>
          <button>Go on</button>
        </form>
      </section>
    `;
  }

  private setPrompt(event: CustomEvent<string>): void {
    this.prompt = event.detail;
    this.keepDraft();
  }

  private setSeed(event: Event): void {
    this.seed = clamp(Number((event.target as HTMLInputElement).value), 0, 2 ** 32 - 1);
    this.keepDraft();
  }

  private setSteps(event: Event): void {
    const { value } = event.target as HTMLInputElement;
    this.steps = value ? clamp(Number(value), 1, 1000) : null;
  }

  /** The timeline's playhead goes with the video. */
  private follows(event: CustomEvent<number>): void {
    if (this.timeline && this.narrative) {
      this.timeline.playhead = Math.floor(event.detail * this.narrative.num_frames);
    }
  }

  /** The video shows the frame under the playhead. */
  private seeks(event: CustomEvent<number>): void {
    if (this.narrative) {
      this.player.seek((event.detail + 0.5) / this.narrative.num_frames);
    }
  }

  private saveStory(): void {
    const link = document.createElement("a");
    const file = new Blob([JSON.stringify(this.narrative, null, 2) + "\n"], { type: "application/json" });
    link.href = URL.createObjectURL(file);
    link.download = "story.json";
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    return error.message;
  }
  return error instanceof TypeError ? "The server does not answer; is it still running?" : String(error);
}

function clamp(value: number, low: number, high: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(Math.round(value), low), high) : low;
}

function pngOf(base64: string): Blob {
  return blobOf(`data:image/png;base64,${base64}`);
}

/** The file in a data URL. */
function blobOf(dataUrl: string): Blob {
  const [, type, base64] = /^data:([^;,]*);base64,(.*)$/.exec(dataUrl)!;
  const bytes = Uint8Array.from(atob(base64!), (each) => each.charCodeAt(0));
  return new Blob([bytes], { type: type! });
}

function dataUrl(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

declare global {
  interface HTMLElementTagNameMap {
    "reasondiff-studio": ReasonDiffStudio;
  }
}
