import { LitElement, type TemplateResult, html } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { unreadClips } from "../narrative/framePlan";
import { type Clip, type Narrative, clipAt, lengthOf } from "../narrative/narrative";
import { type Edit } from "../narrative/reduce";
import { styled } from "../styled";
import { MAX_FRAMES, type Units, boundaryAt, clampedEdge, frameAt, percent, placeName, snappedBoundary } from "./geometry";
import { follow, grab, nextGroup, stepOf } from "./gestures";
import { clipStyles, controls, hue } from "./styles";
import { type Tool } from "./timeline-tools";

export interface GroupedEdit {
  readonly edit: Edit;
  /** What belongs to one movement has the same group. */
  readonly group: string;
}

/**
 * The clips beside each other, with an edge between any two and one at the end.
 *
 * @fires edit - the story is changed; `detail` is a `GroupedEdit`
 * @fires choose - a clip is worked on; `detail` is its number, 0-based
 * @fires tool - a tool is used on the chosen clip; `detail` is a `Tool`
 * @fires write - a clip's text is to be written; `detail` is its number, 0-based
 */
@customElement("clip-track")
export class ClipTrack extends LitElement {
  static override styles = [controls, clipStyles];

  @property({ attribute: false }) story!: Narrative;
  @property({ type: Number }) stride = 4;
  @property({ type: Number }) selected = 0;
  /** Edges stand where latent frames begin. */
  @property({ type: Boolean }) snaps = true;
  /** An edge takes what follows along. */
  @property({ type: Boolean }) ripples = false;
  @property() units: Units = "frames";

  @query(".clips") private readonly track!: HTMLElement;

  private reordered = false;

  override render(): TemplateResult {
    const { anchors, clips } = this.story;
    const unread = new Set(unreadClips(this.story, this.stride));
    const anchored = new Set(anchors.map((anchor) => clipAt(this.story, anchor.frame)));
    return html`
      <div class="clips">
        ${clips.map((clip, index) =>
          this.clip(clip, index, `${anchored.has(index) ? "anchored" : ""} ${unread.has(index) ? "unread" : ""}`),
        )}
        ${clips.slice(1).map((clip, edge) => this.edge(edge, clip.start))} ${this.end()}
      </div>
    `;
  }

  private clip(clip: Clip, index: number, marks: string): TemplateResult {
    return html`
      <button
        class="clip ${marks}"
        ${styled({
          left: percent(clip.start, this.story.numFrames),
          width: percent(lengthOf(clip), this.story.numFrames),
          "--hue": hue(index),
        })}
        aria-pressed=${index === this.selected}
        aria-label="Clip ${index + 1}, frames ${clip.start + 1} to ${clip.end}: ${clip.description}"
        @click=${() => this.send("choose", this.reordered ? this.selected : index)}
        @pointerdown=${(event: PointerEvent) => this.dragClip(event, index)}
        @focus=${() => this.send("choose", index)}
        @dblclick=${() => this.send("write", index)}
        @keydown=${(event: KeyboardEvent) => this.clipKey(event, index)}
      >
        <span class="text">${clip.description}</span>
      </button>
    `;
  }

  private edge(edge: number, frame: number): TemplateResult {
    const { clips, interval, numFrames } = this.story;
    return html`
      <div
        class="edge"
        ${styled({ left: percent(frame, numFrames) })}
        role="slider"
        tabindex="0"
        aria-label="Edge between clips ${edge + 1} and ${edge + 2}"
        aria-valuemin=${clips[edge]!.start + 2}
        aria-valuemax=${clips[edge + 1]!.end}
        aria-valuenow=${frame + 1}
        aria-valuetext="Clip ${edge + 2} begins at ${placeName(frame, interval, this.units)}"
        @keydown=${(event: KeyboardEvent) => this.edgeKey(event, edge)}
        @pointerdown=${(event: PointerEvent) => this.dragEdge(event, edge)}
      ></div>
    `;
  }

  /** The last clip's end, and the story's. */
  private end(): TemplateResult {
    const { clips, interval, numFrames } = this.story;
    const last = clips.length - 1;
    return html`
      <div
        class="edge end"
        role="slider"
        tabindex="0"
        aria-label="End of the story"
        aria-valuemin=${clips[last]!.start + 1}
        aria-valuemax=${MAX_FRAMES}
        aria-valuenow=${numFrames}
        aria-valuetext="Clip ${last + 1} ends at ${placeName(numFrames - 1, interval, this.units)}"
        @keydown=${(event: KeyboardEvent) => this.edgeKey(event, last)}
        @pointerdown=${(event: PointerEvent) => this.dragEdge(event, last)}
      ></div>
    `;
  }

  /** A clip that is dragged over the middle of another changes places with it. */
  private dragClip(event: PointerEvent, clip: number): void {
    if (event.button !== 0) {
      return;
    }
    const [from, group] = [event.clientX, nextGroup("drag clip")];
    let at = clip;
    this.reordered = false;
    follow(event, (moved) => {
      if (!this.reordered && Math.abs(moved.clientX - from) < 8) {
        return;
      }
      const frame = frameAt(moved.clientX, this.track.getBoundingClientRect(), this.story.numFrames);
      const to = clipAt(this.story, frame);
      const over = this.story.clips[to]!;
      const middle = (over.start + over.end - 1) / 2;
      if ((to > at && frame >= middle) || (to < at && frame <= middle)) {
        this.reordered = true;
        this.edit({ type: "move_clip", clip: at, to }, group);
        at = to;
        this.send("choose", to);
      }
    });
  }

  private dragEdge(event: PointerEvent, edge: number): void {
    const before = this.story;
    const group = nextGroup("drag edge");
    grab(event, (moved) => {
      const box = this.track.getBoundingClientRect();
      if (this.isRipple(moved, edge)) {
        const boundary = boundaryAt(moved.clientX, box, before.numFrames, MAX_FRAMES);
        this.resize(edge, boundary - before.clips[edge]!.start, group);
        return;
      }
      const { numFrames } = this.story;
      const boundary = boundaryAt(moved.clientX, box, numFrames);
      this.moveEdge(edge, this.snaps ? snappedBoundary(boundary, numFrames, this.stride) : boundary, group);
    });
  }

  /** Whether an edge takes what follows along, so that the whole gets another length: the last one always does. */
  private isRipple(event: MouseEvent | KeyboardEvent, edge: number): boolean {
    return event.shiftKey || this.ripples || edge === this.story.clips.length - 1;
  }

  private edgeKey(event: KeyboardEvent, edge: number): void {
    const clip = this.story.clips[edge]!;
    const step = stepOf(event, this.stride);
    if (step === null) {
      return;
    }
    event.preventDefault();
    if (this.isRipple(event, edge)) {
      this.resize(edge, lengthOf(clip) + Math.sign(step) * this.stride, `resize ${edge}`);
    } else {
      this.moveEdge(edge, clip.end + step, `nudge edge ${edge}`);
    }
  }

  private clipKey(event: KeyboardEvent, clip: number): void {
    const tools: Record<string, Tool> = { Delete: "remove", Backspace: "remove", s: "split", m: "merge", d: "duplicate" };
    const tool = tools[event.key];
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (event.ctrlKey || event.metaKey || !(tool || step || event.key === "Enter")) {
      return;
    }
    event.preventDefault();
    this.send("choose", clip);
    if (tool) {
      this.send("tool", tool);
    } else if (step) {
      this.goOn(clip, step, event.altKey);
    } else {
      this.send("write", clip);
    }
  }

  /** To the next clip on one side, or with this one to its place. */
  private goOn(clip: number, step: number, carries: boolean): void {
    const to = clip + step;
    if (to < 0 || to >= this.story.clips.length) {
      return;
    }
    if (carries) {
      this.send("tool", step < 0 ? "earlier" : "later");
    }
    // By then the parent has changed the story, and both have drawn it.
    setTimeout(() => this.renderRoot.querySelectorAll<HTMLElement>(".clip")[to]?.focus());
  }

  private moveEdge(edge: number, boundary: number, group: string): void {
    const frame = clampedEdge(this.story, edge, boundary);
    if (this.story.clips[edge]!.end !== frame) {
      this.edit({ type: "move_edge", edge, frame }, group);
    }
  }

  private resize(clip: number, frames: number, group: string): void {
    const length = Math.max(frames, 1);
    if (length !== lengthOf(this.story.clips[clip]!)) {
      this.edit({ type: "resize", clip, length }, group);
    }
  }

  private edit(edit: Edit, group: string): void {
    this.send("edit", { edit, group });
  }

  private send(name: string, detail: GroupedEdit | Tool | number): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
