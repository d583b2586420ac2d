import { LitElement, type TemplateResult, html, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import { Client, type Place, type Variant, type Video } from "../api/client";
import { save } from "../files";
import { latentFrames } from "../narrative/framePlan";
import { type NarrativeFile } from "../narrative/narrative";
import { type Candidate, type ReasonDiffTimeline } from "../timeline/reasondiff-timeline";
import "../timeline/reasondiff-timeline";
import { type Redo } from "./clip-redo";
import "./clip-redo";
import { type Notice, Desk, NOTICE_MS } from "./desk";
import { positions } from "./draft";
import { type Example, examplesOf } from "./examples";
import "./key-form";
import "./latent-preview";
import { Library } from "./library";
import { type Making } from "./make-form";
import "./make-form";
import { Narrating } from "./narrating";
import { obstacleOf, warningsOf } from "./readiness";
import { Screening } from "./screening";
import { type StoryForm } from "./story-form";
import "./story-form";
import { type StoryReel } from "./story-reel";
import "./story-reel";
import { pageStyles } from "./page-styles";
import { shared } from "./styles";
import { type TakeEvent } from "./take-list";
import "./take-list";
import { type TakePlayer } from "./take-player";
import "./take-player";
import { describe, messageOf } from "./words";

const SERVER_KEY = "reasondiff.key";
const MAX_SEED = 2 ** 32 - 1;
/** The whole page. It talks to the server's public API and to nothing else. */
@customElement("reasondiff-studio")
export class ReasonDiffStudio extends LitElement {
  static override styles = [shared, pageStyles];

  @state() private count = 1;
  @state() private retelling = -1;
  @state() private makeProblem = "";
  @state() private busy = false;
  @state() private frame = 0;
  /** The waiting video that is being changed. */
  @state() private changing: string | null = null;

  @query("reasondiff-timeline") private readonly timeline!: ReasonDiffTimeline | null;
  @query("take-player") private readonly player!: TakePlayer | null;
  @query("story-reel") private readonly reel!: StoryReel | null;
  @query("story-form") private readonly form!: StoryForm;

  private readonly client = new Client("v1", () => sessionStorage.getItem(SERVER_KEY));
  private readonly library = new Library(this, this.client, (video) => this.screening.finished(video));
  private readonly desk = new Desk(
    this,
    this.client,
    (story, isFirst) => this.putOnTimeline(story, isFirst),
    () => this.library.model?.reasondiff?.num_inference_steps,
  );
  private readonly narrating = new Narrating(this, (problem) => (this.desk.problem = problem));
  private readonly screening = new Screening(this, this.client, () => this.player?.scrollIntoView({ block: "nearest" }));

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("keydown", this.onKey);
    addEventListener("dragover", keepPage);
    addEventListener("drop", this.onDrop);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("keydown", this.onKey);
    removeEventListener("dragover", keepPage);
    removeEventListener("drop", this.onDrop);
  }

  /** Frames per latent frame of the model. */
  private get stride(): number {
    return this.library.model?.reasondiff?.stride ?? 4;
  }

  private unlock(key: string): void {
    sessionStorage.setItem(SERVER_KEY, key);
    void this.library.refresh();
  }

  private putOnTimeline(narrative: NarrativeFile, isFirst: boolean): void {
    void this.updateComplete.then(() => {
      if (isFirst) {
        this.timeline!.value = narrative;
      } else {
        this.timeline!.replace(narrative);
      }
    });
  }

  private setPlace({ image, place }: { image: number; place: Place }): void {
    const frame = this.desk.setPlace(image, place);
    if (frame !== null) {
      this.timeline?.place(image, frame);
    }
  }

  private async useExample(example: Example): Promise<void> {
    const image = await (await fetch(example.image)).blob();
    this.desk.change({ prompt: example.prompt, pictures: [] });
    await this.desk.addImages([image]);
    await this.tell();
  }

  // -- the story --------------------------------------------------------------------------------------------------

  private async tell(): Promise<void> {
    await this.narrating.run(async (stop) => {
      const { narrative, candidates } = await this.client.tell(this.desk.images(), this.desk.draft.prompt, stop);
      this.desk.set({ ...this.desk.draft, narrative, ideas: [narrative, ...candidates] });
    });
  }

  private async retell(clip: number): Promise<void> {
    const { narrative, prompt } = this.desk.draft;
    if (narrative === null) {
      return;
    }
    this.retelling = clip;
    await this.narrating.run(async (stop) => {
      const told = await this.client.retell(this.desk.toldImages(), prompt, narrative, clip, stop);
      this.timeline!.replace(told.narrative, `Clip ${clip + 1} was told again.`);
    });
    this.retelling = -1;
  }

  private took(event: CustomEvent<Candidate>): void {
    this.desk.tell(`Idea ${event.detail.number} is on the timeline.`, () => this.timeline!.undo());
  }

  // -- making videos ----------------------------------------------------------------------------------------------

  private async make(): Promise<void> {
    this.makeProblem = "";
    this.busy = true;
    try {
      const { prompt, narrative, seed, seedLocked, steps } = this.desk.draft;
      const images = this.desk.toldImages();
      for (let take = 0; take < this.count; take++) {
        const asked = { images, prompt, narrative, steps, seed: (seed + take) % (MAX_SEED + 1) };
        const video = await this.client.create(asked, crypto.randomUUID());
        if (this.changing !== null) {
          await this.takePlaceOf(video);
        }
      }
      this.screening.leave();
      if (!seedLocked) {
        this.desk.change({ seed: (seed + this.count) % (MAX_SEED + 1) });
      }
      await this.library.refresh();
    } catch (error) {
      this.makeProblem = messageOf(error);
    } finally {
      this.busy = false;
    }
  }

  /** The changed video comes where the waiting one was, which goes. */
  private async takePlaceOf(video: Video): Promise<void> {
    const old = this.library.videos.find((each) => each.id === this.changing);
    this.changing = null;
    if (old) {
      await this.client.move(video.id, old.reasondiff?.queue_position ?? 0).catch(() => undefined); // it may have begun
      await this.client.remove(old.id);
    }
  }

  private async take({ detail: { action, video } }: CustomEvent<TakeEvent>): Promise<void> {
    const place = video.reasondiff?.queue_position ?? 0;
    const actions: Record<TakeEvent["action"], () => Promise<unknown>> = {
      play: () => this.screening.play(video),
      compare: () => this.screening.play(video, true),
      restore: () => this.desk.use(video),
      change: async () => {
        await this.desk.use(video);
        this.changing = video.id;
      },
      duplicate: () => this.client.again(video, ((video.reasondiff?.seed ?? 0) + 1) % (MAX_SEED + 1)),
      cancel: () => this.client.cancel(video.id),
      remove: async () => this.forget(video),
      sooner: () => this.client.move(video.id, Math.max(place - 1, 0)),
      later: () => this.client.move(video.id, place + 1),
    };
    await this.ask(actions[action]);
  }

  /** Ask the server for something, and look at once at what came of it. */
  private async ask(what: () => Promise<unknown>): Promise<void> {
    this.makeProblem = "";
    try {
      await what();
      await this.library.refresh();
    } catch (error) {
      this.makeProblem = messageOf(error);
    }
  }

  /** Gone from the list at once, and from the server when it is too late to think better of it. */
  private forget(video: Video): void {
    this.library.hide(video.id, true);
    this.screening.leave(video.id);
    const timer = setTimeout(() => {
      void this.client.remove(video.id).then(
        () => this.library.refresh(),
        (error: unknown) => {
          this.library.hide(video.id, false);
          this.makeProblem = messageOf(error);
        },
      );
    }, NOTICE_MS);
    this.desk.tell("The video is deleted.", () => {
      clearTimeout(timer);
      this.library.hide(video.id, false);
    });
  }

  // -- keys and files anywhere on the page ------------------------------------------------------------------------

  private readonly onKey = (event: KeyboardEvent): void => {
    const focused = event.composedPath()[0] as HTMLElement;
    if (event.defaultPrevented || focused.matches?.("input:not([type=range]), textarea, select")) {
      return;
    }
    const key = event.key.toLowerCase();
    if (key === " " && !focused.matches?.("button, a, input")) {
      event.preventDefault();
      (this.player ?? this.reel)?.toggle();
    } else if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) {
        this.timeline?.redo();
      } else {
        this.timeline?.undo();
      }
    }
  };

  private readonly onDrop = (event: DragEvent): void => {
    event.preventDefault();
    this.form.take([...(event.dataTransfer?.files ?? [])]);
  };

  // -- what is seen -----------------------------------------------------------------------------------------------

  override render(): TemplateResult {
    const { model, offline, locked } = this.library;
    return html`
      <header>
        <img src="./icon.svg" alt="" width="28" height="28" />
        <h1>ReasonDiff</h1>
        <span class="soft motto">An image, a text, and the story that joins them</span>
        <span class="soft model">${model ? model.id : ""}</span>
      </header>
      ${offline ? html`<p class="band error" role="alert">The server does not answer. What you have here is kept.</p>` : nothing}
      ${locked ? html`<key-form class="band" @key=${(event: CustomEvent<string>) => this.unlock(event.detail)}></key-form>` : nothing}
      <main>
        <div class="column work">
          <section aria-labelledby="story" class="story">
            <h2 id="story">Story</h2>
            <story-form
              .pictures=${this.desk.draft.pictures}
              .prompt=${this.desk.draft.prompt}
              .telling=${this.narrating.seconds}
              .told=${this.desk.draft.narrative !== null}
              .problem=${this.desk.problem}
              .examples=${examplesOf(model?.id)}
              @images=${(event: CustomEvent<File[]>) => this.desk.addImages(event.detail)}
              @restore=${(event: CustomEvent<File>) => this.desk.restore(event.detail)}
              @remove=${(event: CustomEvent<number>) => this.desk.removeImage(event.detail)}
              @place=${(event: CustomEvent<{ image: number; place: Place }>) => this.setPlace(event.detail)}
              @prompt=${(event: CustomEvent<string>) => this.desk.change({ prompt: event.detail })}
              @tell=${() => this.tell()}
              @hush=${() => this.narrating.stop()}
              @example=${(event: CustomEvent<Example>) => this.useExample(event.detail)}
            ></story-form>
          </section>
          ${this.desk.draft.narrative ? this.timelineCard(this.desk.draft.narrative) : this.timelineToBe()}
          <section aria-labelledby="takes" class="takes">
            <h2 id="takes">Queue and takes</h2>
            <take-list
              .videos=${this.library.listed}
              .pictures=${this.library.pictures}
              .shown=${this.screening.shown.map((each) => each.id)}
              .more=${this.library.more}
              @take=${(event: CustomEvent<TakeEvent>) => this.take(event)}
              @older=${() => this.library.showOlder()}
            ></take-list>
          </section>
        </div>
        <div class="column result">
          <section aria-labelledby="player" class="player">
            <h2 id="player">Player</h2>
            ${this.stage()}
          </section>
          <section aria-labelledby="make" class="make">
            <h2 id="make">Video</h2>
            ${this.makeForm()}
          </section>
        </div>
      </main>
      ${this.desk.notice ? this.noticeBar(this.desk.notice) : nothing}
    `;
  }

  private timelineToBe(): TemplateResult {
    return html`
      <section aria-labelledby="timeline" class="timeline">
        <h2 id="timeline">Timeline</h2>
        <ol class="ways soft">
          <li>Give an image and say what happens. The image may show another moment: before, in the middle, after.</li>
          <li>The narrator works out the story and where in it your image belongs. It lies here then, clip by clip, and
            every clip, edge and place can be changed.</li>
          <li>Make the video, watch it come, and compare takes.</li>
        </ol>
      </section>
    `;
  }

  private timelineCard(narrative: NarrativeFile): TemplateResult {
    const { ideas, pictures } = this.desk.draft;
    const others = ideas.map((idea, index): Candidate => ({
      position: positions(idea)[0]!,
      reasoning: idea.reasoning ?? "",
      narrative: idea,
      number: index + 1,
    }));
    const told = JSON.stringify(narrative.clips);
    return html`
      <section aria-labelledby="timeline" class="timeline">
        <div class="heading">
          <h2 id="timeline">Timeline</h2>
          <button class="small" @click=${this.saveStory}>Save story</button>
        </div>
        <reasondiff-timeline
          .images=${pictures.map((each) => each.url)}
          .candidates=${others.filter((each) => JSON.stringify(each.narrative!.clips) !== told)}
          .guesses=${ideas[0] ? positions(ideas[0]) : []}
          .stride=${this.stride}
          .canRetell=${pictures.length > 0}
          .retelling=${this.retelling}
          @change=${(event: CustomEvent<NarrativeFile>) => this.desk.edited(event.detail)}
          @playhead=${this.seeks}
          @retell=${(event: CustomEvent<number>) => this.retell(event.detail)}
          @candidate=${this.took}
        ></reasondiff-timeline>
      </section>
    `;
  }

  /** The chosen videos; else the one that is being made; else the story, told by its texts. */
  private stage(): TemplateResult {
    if (this.screening.shown.length) {
      return html`<take-player
        .shown=${this.screening.shown}
        @frame=${this.follows}
        @export=${(event: CustomEvent<Variant>) => this.ask(() => this.screening.export(event.detail))}
      ></take-player>
      ${this.redoForm()}`;
    }
    const made = this.library.open.find((video) => this.library.previews.has(video.id));
    if (made) {
      return html`
        <latent-preview
          .url=${this.library.previews.get(made.id)!}
          .count=${latentFrames(made.reasondiff?.num_frames ?? 1, this.stride).length}
          label="The video as it is after this step, one picture per latent frame"
        ></latent-preview>
        <div class="row">
          <button @click=${() => this.ask(() => this.client.cancel(made.id))}>Stop it here</button>
          <span class="soft" role="status">${describe(made)}</span>
        </div>
      `;
    }
    if (this.desk.draft.narrative) {
      return html`<story-reel
        .narrative=${this.desk.draft.narrative}
        .images=${this.desk.draft.pictures.map((each) => each.url)}
        .frame=${this.frame}
        @frame=${this.follows}
      ></story-reel>`;
    }
    return html`<div class="empty soft">First the story, then the video.</div>`;
  }

  private redoForm(): TemplateResult | typeof nothing {
    const { shown } = this.screening;
    const video = this.library.videos.find((each) => each.id === shown[0]!.id);
    if (shown.length > 1 || !video?.reasondiff?.narrative) {
      return nothing;
    }
    const { narrative } = video.reasondiff;
    return html`<clip-redo
      .narrative=${narrative}
      @redo=${(event: CustomEvent<Redo>) =>
        this.ask(() => this.client.redo(video, event.detail.clip, event.detail.text))}
    ></clip-redo>`;
  }

  private makeForm(): TemplateResult {
    const { seed, seedLocked, steps, narrative } = this.desk.draft;
    const making: Making = { seed, seedLocked, steps, count: this.changing ? 1 : this.count };
    const waiting = this.library.open.filter((video) => video.id !== this.changing).length;
    return html`<make-form
      .making=${making}
      .model=${this.library.model}
      .frames=${narrative?.num_frames ?? null}
      .waiting=${waiting}
      .obstacle=${obstacleOf(this.desk.draft)}
      .warnings=${narrative ? warningsOf(narrative, this.stride) : []}
      .problem=${this.makeProblem}
      .changes=${this.changing !== null}
      .busy=${this.busy}
      @making=${(event: CustomEvent<Partial<Making>>) => this.setMaking(event.detail)}
      @make=${() => this.make()}
      @leave=${() => (this.changing = null)}
    ></make-form>`;
  }

  private setMaking({ count, ...changes }: Partial<Making>): void {
    this.count = count ?? this.count;
    if (Object.keys(changes).length) {
      this.desk.change(changes);
    }
  }

  private noticeBar(notice: Notice): TemplateResult {
    return html`<div class="notice" role="status">
      <span>${notice.text}</span> <button class="small" @click=${() => this.desk.takeBack()}>Take it back</button>
    </div>`;
  }

  /** The timeline's playhead goes with what is shown. */
  private follows(event: CustomEvent<number>): void {
    if (this.timeline && this.desk.draft.narrative) {
      const frame = Math.floor(event.detail * this.desk.draft.narrative.num_frames + 1e-6);
      this.frame = frame;
      this.timeline.playhead = frame;
    }
  }

  /** What is shown goes with the playhead. */
  private seeks(event: CustomEvent<number>): void {
    if (this.desk.draft.narrative) {
      this.frame = event.detail;
      this.player?.seek((event.detail + 0.5) / this.desk.draft.narrative.num_frames);
    }
  }

  private saveStory(): void {
    const text = JSON.stringify(this.desk.draft.narrative, null, 2) + "\n";
    save(new Blob([text], { type: "application/json" }), "story.json");
  }
}

/** A file that is dropped beside the mark does not take the page away. */
function keepPage(event: DragEvent): void {
  event.preventDefault();
}

declare global {
  interface HTMLElementTagNameMap {
    "reasondiff-studio": ReasonDiffStudio;
  }
}
