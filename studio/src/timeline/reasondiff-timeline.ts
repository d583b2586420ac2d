import { LitElement, type TemplateResult, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { unreadClips, videoFrames } from "../narrative/framePlan";
import { type History, begin, edited, redo, replaced, undo } from "../narrative/history";
import {
  type Anchor,
  type Narrative,
  NarrativeError,
  type NarrativeFile,
  fromFile,
  toFile,
} from "../narrative/narrative";
import { type Edit } from "../narrative/reduce";
import { type Candidate, type Idea, type Placing } from "./anchor-track";
import "./anchor-track";
import { type ClipTexts } from "./clip-texts";
import "./clip-texts";
import { type GroupedEdit } from "./clip-track";
import "./clip-track";
import { type Units } from "./geometry";
import { nextGroup } from "./gestures";
import "./latent-track";
import { controls, timelineStyles } from "./styles";
import "./time-ruler";
import { type Tool } from "./timeline-tools";
import "./timeline-tools";

export { type Candidate } from "./anchor-track";

/**
 * The story of a video as a timeline that can be edited.
 *
 * Clips cover every frame exactly once: neighbours share an edge, so there are no gaps and no overlaps to repair.
 *
 * @fires change - the story was edited; `detail` is the narrative as its file holds it
 * @fires playhead - the playhead moved; `detail` is the frame, 0-based
 * @fires retell - the narrator is to tell one clip again; `detail` is the clip's number, 0-based
 * @fires candidate - another idea of the narrator was taken; `detail` is the `Candidate`
 */
@customElement("reasondiff-timeline")
export class ReasonDiffTimeline extends LitElement {
  static override styles = [controls, timelineStyles];

  /** Pictures of the condition images, as URLs. */
  @property({ attribute: false }) images: readonly string[] = [];
  /** Other ideas of the narrator; a click takes one. */
  @property({ attribute: false }) candidates: readonly Candidate[] = [];
  /** Where the narrator would have the images, 1-based and in the images' order; none where nobody was asked. */
  @property({ attribute: false }) guesses: readonly number[] = [];
  /** Pixel frames per latent frame of the model's VAE. */
  @property({ type: Number }) stride = 4;
  /** Whether a clip can be told again by a narrator. */
  @property({ type: Boolean, attribute: "can-retell" }) canRetell = false;
  /** The clip that is being told again, 0-based; -1 for none. */
  @property({ type: Number }) retelling = -1;

  @state() private history: History | null = null;
  @state() private frame = 0;
  @state() private selected = 0;
  @state() private snaps = true;
  @state() private ripples = false;
  @state() private units: Units = "frames";
  @state() private status = "";
  @state() private refused = false;

  @query("clip-texts") private readonly texts!: ClipTexts;

  /** The story as its file holds it. Setting it begins a new history. */
  get value(): NarrativeFile | null {
    return this.history && toFile(this.history.present);
  }

  set value(file: NarrativeFile | null) {
    this.history = file && begin(fromFile(file));
    this.selected = 0;
    this.frame = Math.min(this.frame, (file?.num_frames ?? 1) - 1);
    this.say("");
  }

  /** The frame that is shown beside the timeline, 0-based. */
  get playhead(): number {
    return this.frame;
  }

  set playhead(frame: number) {
    const last = (this.history?.present.numFrames ?? 1) - 1;
    this.frame = Math.min(Math.max(Math.round(frame), 0), last);
  }

  /** Another story in place of this one, as an edit that can be undone. */
  replace(file: NarrativeFile, message = "The story was told anew."): void {
    this.history = this.history ? replaced(this.history, fromFile(file)) : begin(fromFile(file));
    this.settle(message);
  }

  /** Put an image, counted from 0, at a frame, counted from 0. */
  place(image: number, frame: number): void {
    if (this.history?.present.anchors.some((anchor) => anchor.image === image)) {
      this.moveAnchor(image, frame, nextGroup("place"));
    }
  }

  undo(): void {
    this.travel(undo, "Undone.");
  }

  redo(): void {
    this.travel(redo, "Done again.");
  }

  // -- edits ------------------------------------------------------------------------------------------------------

  private edit(edit: Edit, group: string | null = null): void {
    if (this.history === null) {
      return;
    }
    const before = this.history.present;
    try {
      this.history = edited(this.history, edit, group);
    } catch (error) {
      if (!(error instanceof NarrativeError)) {
        throw error;
      }
      this.say(error.message, true);
      return;
    }
    this.settle(told(edit, before, this.history.present));
  }

  private travel(step: (history: History) => History, message: string): void {
    if (this.history === null) {
      return;
    }
    const history = step(this.history);
    if (history !== this.history) {
      this.history = history;
      this.settle(message);
    }
  }

  private settle(message: string): void {
    const { clips, numFrames } = this.history!.present;
    this.selected = Math.min(this.selected, clips.length - 1);
    this.frame = Math.min(this.frame, numFrames - 1);
    this.say(message);
    this.dispatchEvent(new CustomEvent("change", { detail: this.value, bubbles: true, composed: true }));
  }

  private say(message: string, refused = false): void {
    this.status = message;
    this.refused = refused;
  }

  private moveAnchor(image: number, frame: number, group: string): void {
    const { anchors } = this.history!.present;
    if (anchors.find((anchor) => anchor.image === image)?.frame !== frame) {
      const alone = anchors.length === 1;
      this.edit(alone ? { type: "move_anchor", frame } : { type: "move_image", image, frame }, group);
    }
  }

  private moveClip(clip: number, by: -1 | 1): void {
    const to = clip + by;
    if (to >= 0 && to < this.history!.present.clips.length) {
      this.edit({ type: "move_clip", clip, to });
      this.selected = to;
    }
  }

  private setPlayhead(frame: number): void {
    this.playhead = frame;
    this.dispatchEvent(new CustomEvent("playhead", { detail: this.frame, bubbles: true, composed: true }));
  }

  private shortcut(event: KeyboardEvent): void {
    const typing = event.composedPath()[0] instanceof HTMLTextAreaElement;
    if (!(event.ctrlKey || event.metaKey) || typing) {
      return;
    }
    const key = event.key.toLowerCase();
    if (key === "z" || key === "y") {
      event.preventDefault();
      key === "y" || event.shiftKey ? this.redo() : this.undo();
    }
  }

  // -- what is seen -----------------------------------------------------------------------------------------------

  override render(): TemplateResult | typeof nothing {
    if (this.history === null) {
      return nothing;
    }
    const story = this.history.present;
    return html`
      <div @keydown=${this.shortcut} role="group" aria-label="Timeline">
        ${this.tools(story)}
        <div class="tracks">
          ${this.ruler(story)} ${this.anchorTrack(story)} ${this.clipTrack(story)}
          <latent-track .story=${story} .stride=${this.stride}></latent-track>
        </div>
        <p class="status ${this.refused ? "refused" : ""}" role="status">${this.status}</p>
        ${story.reasoning ? html`<p class="reasoning"><span>Why:</span> ${story.reasoning}</p>` : nothing}
        <clip-texts
          .clips=${story.clips}
          .unread=${new Set(unreadClips(story, this.stride))}
          .selected=${this.selected}
          .interval=${story.interval}
          .units=${this.units}
          .canRetell=${this.canRetell}
          .retelling=${this.retelling}
          @choose=${(event: CustomEvent<number>) => (this.selected = event.detail)}
          @describe=${this.describe}
          @refuse=${(event: CustomEvent<number>) =>
            this.say(`Clip ${event.detail + 1} keeps its text until you write another.`, true)}
          @retell=${(event: CustomEvent<number>) => this.retell(event.detail)}
        ></clip-texts>
        <label class="style">
          Style of all
          <input
            .value=${story.style}
            placeholder="Said before every clip, such as: a water colour"
            @change=${(event: Event) => this.setStyle(event)}
          />
        </label>
      </div>
    `;
  }

  private tools(story: Narrative): TemplateResult {
    const { past, future } = this.history!;
    return html`
      <timeline-tools
        .story=${story}
        .undoes=${past.length > 0}
        .redoes=${future.length > 0}
        .selected=${this.selected}
        .frame=${this.frame}
        .snaps=${this.snaps}
        .ripples=${this.ripples}
        .units=${this.units}
        .guesses=${this.guesses}
        @tool=${(event: CustomEvent<Tool>) => this.use(event.detail)}
        @place=${(event: CustomEvent<Anchor>) => this.place(event.detail.image, event.detail.frame)}
        @length=${(event: CustomEvent<number>) =>
          this.edit({ type: "retime", num_frames: videoFrames(event.detail, this.stride) })}
        @refuse=${(event: CustomEvent<string>) => this.say(event.detail, true)}
      ></timeline-tools>
    `;
  }

  private use(tool: Tool): void {
    const clip = this.selected;
    const tools: Record<Tool, () => void> = {
      undo: () => this.undo(),
      redo: () => this.redo(),
      split: () => this.edit({ type: "split", frame: this.frame }),
      merge: () => this.edit({ type: "merge", first: clip, last: clip + 1 }),
      duplicate: () => this.edit({ type: "duplicate", clip }),
      remove: () => this.edit({ type: "remove", clip }),
      earlier: () => this.moveClip(clip, -1),
      later: () => this.moveClip(clip, 1),
      snap: () => (this.snaps = !this.snaps),
      ripple: () => (this.ripples = !this.ripples),
      units: () => (this.units = this.units === "frames" ? "seconds" : "frames"),
      guesses: () => this.toGuesses(),
    };
    tools[tool]();
  }

  private ruler(story: Narrative): TemplateResult {
    return html`<time-ruler
      .numFrames=${story.numFrames}
      .interval=${story.interval}
      .stride=${this.stride}
      .frame=${this.frame}
      .units=${this.units}
      @seek=${(event: CustomEvent<number>) => this.setPlayhead(event.detail)}
    ></time-ruler>`;
  }

  private anchorTrack(story: Narrative): TemplateResult {
    return html`<anchor-track
      .story=${story}
      .images=${this.images}
      .candidates=${this.candidates}
      .stride=${this.stride}
      .units=${this.units}
      @place=${({ detail: { image, frame, group } }: CustomEvent<Placing>) => this.moveAnchor(image, frame, group)}
      @idea=${(event: CustomEvent<Idea>) => this.take(event.detail)}
    ></anchor-track>`;
  }

  private take(idea: Idea): void {
    if (idea.narrative) {
      this.replace(idea.narrative, `Idea ${idea.number} is on the timeline.`);
    } else {
      this.edit({ type: "move_anchor", frame: idea.position - 1 });
    }
    this.dispatchEvent(new CustomEvent("candidate", { detail: idea, bubbles: true, composed: true }));
  }

  private clipTrack(story: Narrative): TemplateResult {
    return html`<clip-track
      .story=${story}
      .stride=${this.stride}
      .selected=${this.selected}
      .snaps=${this.snaps}
      .ripples=${this.ripples}
      .units=${this.units}
      @edit=${({ detail: { edit, group } }: CustomEvent<GroupedEdit>) => this.edit(edit, group)}
      @choose=${(event: CustomEvent<number>) => (this.selected = event.detail)}
      @tool=${(event: CustomEvent<Tool>) => this.use(event.detail)}
      @write=${(event: CustomEvent<number>) => this.texts.focusText(event.detail)}
    ></clip-track>`;
  }

  private retell(clip: number): void {
    this.dispatchEvent(new CustomEvent("retell", { detail: clip, bubbles: true, composed: true }));
  }

  private describe(event: CustomEvent<{ clip: number; description: string }>): void {
    const { clip, description } = event.detail;
    this.edit({ type: "set_description", clip, description }, `text ${clip}`);
  }

  private toGuesses(): void {
    const group = nextGroup("guess");
    for (const { image } of this.history!.present.anchors) {
      const guess = this.guesses[image];
      if (guess !== undefined) {
        this.moveAnchor(image, guess - 1, group);
      }
    }
  }

  private setStyle(event: Event): void {
    this.edit({ type: "set_style", style: (event.target as HTMLInputElement).value });
  }
}

/** What an edit did, where that cannot be seen at once. */
function told(edit: Edit, before: Narrative, after: Narrative): string {
  if (edit.type === "set_description") {
    return "";
  }
  if (after.numFrames !== before.numFrames) {
    return `The story has ${after.numFrames} frames now.`;
  }
  if (edit.type === "move_edge") {
    return `Clip ${edit.edge + 2} begins at frame ${edit.frame + 1}.`;
  }
  if (edit.type === "move_anchor" || edit.type === "move_image") {
    return `The image is at frame ${edit.frame + 1}.`;
  }
  return `The story has ${after.clips.length} clips.`;
}

declare global {
  interface HTMLElementTagNameMap {
    "reasondiff-timeline": ReasonDiffTimeline;
  }
}
