import { LitElement, type TemplateResult, html, nothing } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { styled } from "../styled";
import { type Units, frameAt, percent, placeName } from "./geometry";
import { grab, nextGroup, stepOf } from "./gestures";
import { type Anchor, type Narrative, type NarrativeFile } from "../narrative/narrative";
import { anchorStyles, controls } from "./styles";
import { byImage } from "./timeline-tools";

/** Another place for the image that the narrator thought of. */
export interface Candidate {
  /** 1-based, as in files. */
  readonly position: number;
  readonly reasoning: string;
  /** The story that goes with it; without one, only the image is moved. */
  readonly narrative?: NarrativeFile;
  /** As it is called: "2" unless told otherwise, "3" for the next. */
  readonly number?: number;
}

/** A candidate that is called something. */
export type Idea = Candidate & { readonly number: number };

export interface Placing {
  readonly image: number;
  readonly frame: number;
  /** What belongs to one movement has the same group. */
  readonly group: string;
}

/**
 * The images in their places, as pins that are dragged, and the narrator's other ideas as ghosts of pins.
 *
 * @fires place - an image is moved; `detail` is a `Placing`
 * @fires idea - another idea is taken; `detail` is an `Idea`
 */
@customElement("anchor-track")
export class AnchorTrack extends LitElement {
  static override styles = [controls, anchorStyles];

  @property({ attribute: false }) story!: Narrative;
  /** Pictures of the images, as URLs. */
  @property({ attribute: false }) images: readonly string[] = [];
  @property({ attribute: false }) candidates: readonly Candidate[] = [];
  @property({ type: Number }) stride = 4;
  @property() units: Units = "frames";

  @query(".anchors") private readonly track!: HTMLElement;

  override render(): TemplateResult {
    const { anchors, numFrames } = this.story;
    const taken = new Set(anchors.map((anchor) => anchor.frame));
    const ideas = this.candidates.map((each, index): Idea => ({ ...each, number: each.number ?? index + 2 }));
    const ghosts = ideas.filter((each) => !taken.has(each.position - 1) && each.position <= numFrames);
    return html`
      <div class="anchors">
        ${ghosts.map((ghost) => this.ghost(ghost))} ${byImage(this.story).map((anchor) => this.pin(anchor))}
      </div>
    `;
  }

  private ghost(idea: Idea): TemplateResult {
    const why = idea.reasoning ? `: ${idea.reasoning}` : "";
    return html`
      <button
        class="ghost"
        ${styled({ left: percent(idea.position - 0.5, this.story.numFrames) })}
        title="Frame ${idea.position}${why}"
        aria-label="Idea ${idea.number}: place the image at frame ${idea.position}${why}"
        @click=${() => this.send("idea", idea)}
      >
        ${idea.number}
      </button>
    `;
  }

  private pin(anchor: Anchor): TemplateResult {
    const { frame, image } = anchor;
    const { anchors, interval, numFrames } = this.story;
    const picture = this.images[image];
    return html`
      <div
        class="pin"
        ${styled({ left: percent(frame + 0.5, numFrames) })}
        role="slider"
        tabindex="0"
        aria-label=${anchors.length > 1 ? `Image ${image + 1}` : "Image"}
        aria-valuemin="1"
        aria-valuemax=${numFrames}
        aria-valuenow=${frame + 1}
        aria-valuetext=${placeName(frame, interval, this.units)}
        @keydown=${(event: KeyboardEvent) => this.nudge(event, anchor)}
        @pointerdown=${(event: PointerEvent) => this.drag(event, image)}
      >
        <div class="head" ${styled({ "background-image": picture ? `url("${picture}")` : "none" })}>
          ${picture ? nothing : frame + 1}
        </div>
      </div>
    `;
  }

  private drag(event: PointerEvent, image: number): void {
    const group = nextGroup("drag image");
    grab(event, ({ clientX }) => {
      const frame = frameAt(clientX, this.track.getBoundingClientRect(), this.story.numFrames);
      this.send("place", { image, frame, group });
    });
  }

  private nudge(event: KeyboardEvent, { frame, image }: Anchor): void {
    const step = stepOf(event, this.stride);
    if (step !== null) {
      event.preventDefault();
      const there = Math.min(Math.max(frame + step, 0), this.story.numFrames - 1);
      this.send("place", { image, frame: there, group: `nudge image ${image}` });
    }
  }

  private send(name: string, detail: Placing | Idea): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
