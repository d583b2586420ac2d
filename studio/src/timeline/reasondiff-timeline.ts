import { LitElement, type TemplateResult, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { latentFrames, owners, unreadClips, videoFrames } from "../narrative/framePlan";
import { type History, begin, edited, redo, replaced, undo } from "../narrative/history";
import {
  type Anchor,
  type Narrative,
  NarrativeError,
  type NarrativeFile,
  clipAt,
  fromFile,
  lengthOf,
  strip,
  toFile,
} from "../narrative/narrative";
import { type Edit, retime } from "../narrative/reduce";
import { type Units, boundaryAt, clampedEdge, frameAt, label, labelStep, percent, snappedBoundary } from "./geometry";
import { HUES, timelineStyles } from "./styles";
import { styled } from "../styled";

/** Another place for the image that the narrator thought of. */
export interface Candidate {
  /** 1-based, as in files. */
  readonly position: number;
  readonly reasoning: string;
}

/**
 * The story of a video as a timeline that can be edited.
 *
 * Clips cover every frame exactly once: neighbours share an edge, so there are no gaps and no overlaps to repair.
 *
 * @fires change - the story was edited; `detail` is the narrative as its file holds it
 * @fires playhead - the playhead moved; `detail` is the frame, 0-based
 * @fires retell - the narrator is to tell one clip again; `detail` is the clip's number, 0-based
 */
@customElement("reasondiff-timeline")
export class ReasonDiffTimeline extends LitElement {
  static override styles = timelineStyles;

  /** Pictures of the condition images, as URLs. */
  @property({ attribute: false }) images: readonly string[] = [];
  /** Other places for the image; a click takes one. */
  @property({ attribute: false }) candidates: readonly Candidate[] = [];
  /** Pixel frames per latent frame of the model's VAE. */
  @property({ type: Number }) stride = 4;
  /** Whether a clip can be told again by a narrator. */
  @property({ type: Boolean, attribute: "can-retell" }) canRetell = false;

  @state() private history: History | null = null;
  @state() private frame = 0;
  @state() private selected = 0;
  @state() private snaps = true;
  @state() private units: Units = "frames";
  @state() private status = "";
  @state() private refused = false;

  @query(".clips") private readonly track!: HTMLElement;

  private drags = 0;

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
  replace(file: NarrativeFile): void {
    this.history = this.history ? replaced(this.history, fromFile(file)) : begin(fromFile(file));
    this.settle("The story was told anew.");
  }

  undo(): void {
    this.travel(undo, "Undone.");
  }

  redo(): void {
    this.travel(redo, "Done again.");
  }

  // -- edits ------------------------------------------------------------------------------------------------------

  private edit(edit: Edit, group: string | null = null): boolean {
    if (this.history === null) {
      return false;
    }
    const before = this.history.present;
    try {
      this.history = edited(this.history, edit, group);
    } catch (error) {
      if (!(error instanceof NarrativeError)) {
        throw error;
      }
      this.say(error.message, true);
      return false;
    }
    this.settle(told(edit, before, this.history.present));
    return true;
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

  private moveEdge(edge: number, boundary: number, group: string): void {
    const story = this.history!.present;
    const frame = clampedEdge(story, edge, boundary);
    if (story.clips[edge]!.end !== frame) {
      this.edit({ type: "move_edge", edge, frame }, group);
    }
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
    if (to >= 0 && to < this.history!.present.clips.length && this.edit({ type: "move_clip", clip, to })) {
      this.selected = to;
      this.focusClip(to);
    }
  }

  private focusClip(clip: number): void {
    void this.updateComplete.then(() => {
      this.renderRoot.querySelectorAll<HTMLElement>(".clip")[clip]?.focus();
    });
  }

  private setPlayhead(frame: number): void {
    this.playhead = frame;
    this.dispatchEvent(new CustomEvent("playhead", { detail: this.frame, bubbles: true, composed: true }));
  }

  // -- pointers and keys ------------------------------------------------------------------------------------------

  /** Follow a pointer until it is released; all that it does is one step of the history. */
  private drag(event: PointerEvent, move: (event: PointerEvent, group: string) => void): void {
    if (event.button !== 0) {
      return;
    }
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    const group = `drag ${++this.drags}`;
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const follow = (moved: PointerEvent): void => move(moved, group);
    const release = (): void => {
      handle.removeEventListener("pointermove", follow);
      handle.removeEventListener("pointerup", release);
      handle.removeEventListener("pointercancel", release);
    };
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("pointerup", release);
    handle.addEventListener("pointercancel", release);
  }

  private dragEdge(event: PointerEvent, edge: number): void {
    const before = this.history!.present;
    this.drag(event, (moved, group) => {
      const box = this.track.getBoundingClientRect();
      if (moved.shiftKey) {
        const boundary = boundaryAt(moved.clientX, box, before.numFrames);
        const length = Math.max(boundary - before.clips[edge]!.start, 1);
        if (length !== lengthOf(this.history!.present.clips[edge]!)) {
          this.edit({ type: "resize", clip: edge, length }, group);
        }
        return;
      }
      const { numFrames } = this.history!.present;
      const boundary = boundaryAt(moved.clientX, box, numFrames);
      this.moveEdge(edge, this.snaps ? snappedBoundary(boundary, numFrames, this.stride) : boundary, group);
    });
  }

  private edgeKey(event: KeyboardEvent, edge: number): void {
    const story = this.history!.present;
    const at = story.clips[edge]!.end;
    const step = this.stepOf(event);
    if (step === null) {
      return;
    }
    event.preventDefault();
    if (event.shiftKey) {
      const length = lengthOf(story.clips[edge]!) + Math.sign(step) * this.stride;
      this.edit({ type: "resize", clip: edge, length: Math.max(length, 1) }, `resize ${edge}`);
      return;
    }
    this.moveEdge(edge, at + step, `nudge edge ${edge}`);
  }

  private anchorKey(event: KeyboardEvent, anchor: Anchor): void {
    const step = this.stepOf(event);
    if (step !== null) {
      event.preventDefault();
      const { numFrames } = this.history!.present;
      const frame = Math.min(Math.max(anchor.frame + step, 0), numFrames - 1);
      this.moveAnchor(anchor.image, frame, `nudge image ${anchor.image}`);
    }
  }

  private playheadKey(event: KeyboardEvent): void {
    const step = this.stepOf(event);
    if (step !== null) {
      event.preventDefault();
      this.setPlayhead(this.frame + step);
    }
  }

  /** Frames that a key of a slider goes; null for other keys. */
  private stepOf(event: KeyboardEvent): number | null {
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -this.stride,
      PageUp: this.stride,
      Home: -Infinity,
      End: Infinity,
    };
    return event.ctrlKey || event.metaKey || event.altKey ? null : (steps[event.key] ?? null);
  }

  private clipKey(event: KeyboardEvent, clip: number): void {
    const plain = !event.ctrlKey && !event.metaKey;
    const count = this.history!.present.clips.length;
    const actions: Record<string, () => void> = {
      Delete: () => this.edit({ type: "remove", clip }),
      Backspace: () => this.edit({ type: "remove", clip }),
      s: () => this.splitAtPlayhead(),
      m: () => this.mergeWithNext(clip),
      d: () => this.edit({ type: "duplicate", clip }),
      Enter: () => this.focusText(clip),
      ArrowLeft: () => (event.altKey ? this.moveClip(clip, -1) : this.focusClip(Math.max(clip - 1, 0))),
      ArrowRight: () => (event.altKey ? this.moveClip(clip, 1) : this.focusClip(Math.min(clip + 1, count - 1))),
    };
    const action = actions[event.key];
    if (plain && action) {
      event.preventDefault();
      action();
    }
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

  private splitAtPlayhead(): void {
    this.edit({ type: "split", frame: this.frame });
  }

  private mergeWithNext(clip: number): void {
    this.edit({ type: "merge", first: clip, last: clip + 1 });
  }

  private focusText(clip: number): void {
    this.renderRoot.querySelectorAll<HTMLTextAreaElement>("li textarea")[clip]?.focus();
  }

  // -- what is seen -----------------------------------------------------------------------------------------------

  override render(): TemplateResult | typeof nothing {
    if (this.history === null) {
      return nothing;
    }
    const story = this.history.present;
    return html`
      <div @keydown=${this.shortcut} role="group" aria-label="Timeline">
        ${this.toolbar(story)}
        <div class="tracks">
          ${this.ruler(story)} ${this.anchorTrack(story)} ${this.clipTrack(story)} ${this.latentTrack(story)}
        </div>
        <p class="status ${this.refused ? "refused" : ""}" role="status">${this.status}</p>
        ${this.texts(story)}
        <label class="style">
          Style, for the whole video
          <input .value=${story.style} @change=${(event: Event) => this.setStyle(event)} />
        </label>
        ${story.reasoning ? html`<p class="reasoning">Why: ${story.reasoning}</p>` : nothing}
      </div>
    `;
  }

  private toolbar(story: Narrative): TemplateResult {
    const { past, future } = this.history!;
    const clip = this.selected;
    const only = story.clips.length === 1;
    const last = clip === story.clips.length - 1;
    const cut = story.clips.some((each) => each.start === this.frame);
    return html`
      <div class="toolbar" role="toolbar" aria-label="Edits">
        <button ?disabled=${!past.length} @click=${() => this.undo()}>Undo</button>
        <button ?disabled=${!future.length} @click=${() => this.redo()}>Redo</button>
        <button ?disabled=${cut} @click=${() => this.splitAtPlayhead()}>Split at playhead</button>
        <button ?disabled=${last} @click=${() => this.mergeWithNext(clip)}>Merge with next</button>
        <button ?disabled=${only} @click=${() => this.edit({ type: "remove", clip })}>Remove clip</button>
        <button @click=${() => this.edit({ type: "duplicate", clip })}>Duplicate</button>
        <button ?disabled=${clip === 0} @click=${() => this.moveClip(clip, -1)}>Earlier</button>
        <button ?disabled=${last} @click=${() => this.moveClip(clip, 1)}>Later</button>
        <button aria-pressed=${this.snaps} @click=${() => (this.snaps = !this.snaps)}>Snap</button>
        <button @click=${() => (this.units = this.units === "frames" ? "seconds" : "frames")}>
          ${this.units === "frames" ? "Seconds" : "Frames"}
        </button>
        <label class="length">
          Frames
          <input
            type="number"
            min=${story.clips.length}
            max="10000"
            step="1"
            .value=${String(story.numFrames)}
            @change=${(event: Event) => this.setLength(event)}
          />
        </label>
      </div>
    `;
  }

  private ruler(story: Narrative): TemplateResult {
    const step = labelStep(story.numFrames);
    const frames = Array.from({ length: Math.ceil(story.numFrames / step) }, (_, index) => index * step);
    const move = (event: PointerEvent): void => {
      this.setPlayhead(frameAt(event.clientX, this.track.getBoundingClientRect(), story.numFrames));
    };
    return html`
      <div
        class="track ruler"
        role="slider"
        tabindex="0"
        aria-label="Playhead"
        aria-valuemin="1"
        aria-valuemax=${story.numFrames}
        aria-valuenow=${this.frame + 1}
        aria-valuetext=${this.place(this.frame)}
        @keydown=${this.playheadKey}
        @pointerdown=${(event: PointerEvent) => {
          move(event);
          this.drag(event, move);
        }}
      >
        ${frames.map(
          (frame) =>
            html`<span ${styled({ left: percent(frame, story.numFrames) })}>
              ${label(frame, story.interval, this.units)}
            </span>`,
        )}
        <div class="playhead" ${styled({ left: percent(this.frame + 0.5, story.numFrames) })}></div>
      </div>
    `;
  }

  private anchorTrack(story: Narrative): TemplateResult {
    const taken = new Set(story.anchors.map((anchor) => anchor.frame));
    const ghosts = this.candidates.filter((each) => !taken.has(each.position - 1) && each.position <= story.numFrames);
    return html`
      <div class="track anchors">
        ${ghosts.map((ghost, index) => this.ghostPin(ghost, index, story))}
        ${byImage(story).map((anchor) => this.pin(anchor, story))}
      </div>
    `;
  }

  private ghostPin(ghost: Candidate, index: number, story: Narrative): TemplateResult {
    const why = ghost.reasoning ? `: ${ghost.reasoning}` : "";
    return html`
      <button
        class="ghost"
        ${styled({ left: percent(ghost.position - 0.5, story.numFrames) })}
        title="Frame ${ghost.position}${why}"
        aria-label="Idea ${index + 2}: place the image at frame ${ghost.position}${why}"
        @click=${() => this.edit({ type: "move_anchor", frame: ghost.position - 1 })}
      >
        ${index + 2}
      </button>
    `;
  }

  private pin(anchor: Anchor, story: Narrative): TemplateResult {
    const { frame, image } = anchor;
    const picture = this.images[image];
    const move = (event: PointerEvent, group: string): void => {
      const { numFrames } = this.history!.present;
      this.moveAnchor(image, frameAt(event.clientX, this.track.getBoundingClientRect(), numFrames), group);
    };
    return html`
      <div
        class="pin"
        ${styled({ left: percent(frame + 0.5, story.numFrames) })}
        role="slider"
        tabindex="0"
        aria-label=${story.anchors.length > 1 ? `Image ${image + 1}` : "Image"}
        aria-valuemin="1"
        aria-valuemax=${story.numFrames}
        aria-valuenow=${frame + 1}
        aria-valuetext=${this.place(frame)}
        @keydown=${(event: KeyboardEvent) => this.anchorKey(event, anchor)}
        @pointerdown=${(event: PointerEvent) => this.drag(event, move)}
      >
        <div class="head" ${styled({ "background-image": picture ? `url("${picture}")` : "none" })}>
          ${picture ? nothing : frame + 1}
        </div>
      </div>
    `;
  }

  private clipTrack(story: Narrative): TemplateResult {
    const unread = new Set(unreadClips(story, this.stride));
    const anchored = new Set(story.anchors.map((anchor) => clipAt(story, anchor.frame)));
    return html`
      <div class="track clips">
        ${story.clips.map(
          (clip, index) => html`
            <button
              class="clip ${anchored.has(index) ? "anchored" : ""} ${unread.has(index) ? "unread" : ""}"
              ${styled({
                left: percent(clip.start, story.numFrames),
                width: percent(lengthOf(clip), story.numFrames),
                "--hue": hue(index),
              })}
              aria-pressed=${index === this.selected}
              aria-label="Clip ${index + 1}, frames ${clip.start + 1} to ${clip.end}: ${clip.description}"
              @click=${() => (this.selected = index)}
              @focus=${() => (this.selected = index)}
              @dblclick=${() => this.focusText(index)}
              @keydown=${(event: KeyboardEvent) => this.clipKey(event, index)}
            >
              <span class="text">${clip.description}</span>
            </button>
          `,
        )}
        ${story.clips.slice(1).map((clip, edge) => this.edgeHandle(edge, clip.start, story))}
      </div>
    `;
  }

  private edgeHandle(edge: number, frame: number, story: Narrative): TemplateResult {
    const before = story.clips[edge]!;
    const after = story.clips[edge + 1]!;
    return html`
      <div
        class="edge"
        ${styled({ left: percent(frame, story.numFrames) })}
        role="slider"
        tabindex="0"
        aria-label="Edge between clips ${edge + 1} and ${edge + 2}"
        aria-valuemin=${before.start + 2}
        aria-valuemax=${after.end}
        aria-valuenow=${frame + 1}
        aria-valuetext="Clip ${edge + 2} begins at ${this.place(frame)}"
        @keydown=${(event: KeyboardEvent) => this.edgeKey(event, edge)}
        @pointerdown=${(event: PointerEvent) => this.dragEdge(event, edge)}
      ></div>
    `;
  }

  private latentTrack(story: Narrative): TemplateResult {
    const frames = videoFrames(story.numFrames, this.stride);
    const read = owners(retime(story, frames), this.stride);
    return html`
      <div class="track latent" title="Latent frames, in the colour of the clip that each reads" aria-hidden="true">
        ${latentFrames(frames, this.stride).map(
          ({ start, end }, index) => html`
            <span
              ${styled({
                left: percent(start, frames),
                width: percent(end - start, frames),
                "--hue": hue(read[index]!),
              })}
            ></span>
          `,
        )}
      </div>
    `;
  }

  private texts(story: Narrative): TemplateResult {
    const unread = new Set(unreadClips(story, this.stride));
    return html`
      <ol>
        ${story.clips.map(
          (clip, index) => html`
            <li class=${index === this.selected ? "selected" : ""} ${styled({ "--hue": hue(index) })}>
              <div class="span">
                <strong>Clip ${index + 1}</strong>
                ${label(clip.start, story.interval, this.units)} to ${label(clip.end - 1, story.interval, this.units)}
                ${unread.has(index)
                  ? html`<div class="warning">Too short: no latent frame reads it, so it will not be seen.</div>`
                  : nothing}
                ${this.canRetell
                  ? html`<div><button @click=${() => this.retell(index)}>Tell again</button></div>`
                  : nothing}
              </div>
              <textarea
                aria-label="What clip ${index + 1} shows"
                .value=${clip.description}
                @focus=${() => (this.selected = index)}
                @input=${(event: Event) => this.setDescription(event, index)}
              ></textarea>
            </li>
          `,
        )}
      </ol>
    `;
  }

  private retell(clip: number): void {
    this.dispatchEvent(new CustomEvent("retell", { detail: clip, bubbles: true, composed: true }));
  }

  private setDescription(event: Event, clip: number): void {
    const description = (event.target as HTMLTextAreaElement).value;
    if (strip(description)) {
      this.edit({ type: "set_description", clip, description }, `text ${clip}`);
    } else {
      this.say(`Clip ${clip + 1} keeps its text until you write another.`, true);
    }
  }

  private setStyle(event: Event): void {
    this.edit({ type: "set_style", style: (event.target as HTMLInputElement).value });
  }

  private setLength(event: Event): void {
    const input = event.target as HTMLInputElement;
    const wanted = Number(input.value);
    const { numFrames } = this.history!.present;
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > 10000) {
      this.say(`${input.value || "Nothing"} is no number of frames; give 1 to 10,000.`, true);
      input.value = String(numFrames);
    } else if (!this.edit({ type: "retime", num_frames: videoFrames(wanted, this.stride) })) {
      input.value = String(numFrames);
    }
  }

  private place(frame: number): string {
    const { interval } = this.history!.present;
    return this.units === "frames" ? `frame ${frame + 1}` : `${(frame * interval).toFixed(1)} seconds`;
  }
}

/** In the order of the images, which stays while one is dragged past another. */
function byImage(story: Narrative): Anchor[] {
  return story.anchors.toSorted((a, b) => a.image - b.image);
}

function hue(clip: number): string {
  return HUES[clip % HUES.length]!;
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
