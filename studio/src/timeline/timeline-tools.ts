import { LitElement, type TemplateResult, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";

import { type Units } from "./geometry";
import { type Anchor, type Narrative } from "../narrative/narrative";
import { controls, toolStyles } from "./styles";

export type Tool =
  | "undo"
  | "redo"
  | "split"
  | "merge"
  | "duplicate"
  | "remove"
  | "earlier"
  | "later"
  | "snap"
  | "ripple"
  | "units"
  | "guesses";

/**
 * The buttons above the tracks.
 *
 * @fires tool - a button was pressed; `detail` is its name
 * @fires place - an image is to be at a frame; `detail` is `{image, frame}`, 0-based
 * @fires length - the story is to have so many frames; `detail` is their number
 * @fires refuse - a number cannot be used; `detail` says why
 */
@customElement("timeline-tools")
export class TimelineTools extends LitElement {
  static override styles = [controls, toolStyles];

  @property({ attribute: false }) story!: Narrative;
  @property({ type: Boolean }) undoes = false;
  @property({ type: Boolean }) redoes = false;
  @property({ type: Number }) selected = 0;
  /** Of the playhead, 0-based. */
  @property({ type: Number }) frame = 0;
  @property({ type: Boolean }) snaps = true;
  @property({ type: Boolean }) ripples = false;
  @property() units: Units = "frames";
  @property({ attribute: false }) guesses: readonly number[] = [];

  override render(): TemplateResult {
    const { clips } = this.story;
    const last = this.selected === clips.length - 1;
    const cut = clips.some((each) => each.start === this.frame);
    return html`
      <div class="toolbar" role="toolbar" aria-label="Edits">
        <div class="group">
          ${this.button("undo", "Undo", "Ctrl Z", !this.undoes)}
          ${this.button("redo", "Redo", "Ctrl Shift Z", !this.redoes)}
        </div>
        <div class="group">
          ${this.button("split", "Split", "Cut at the playhead (S on a clip)", cut)}
          ${this.button("merge", "Merge", "Join with the next (M on a clip)", last)}
          ${this.button("duplicate", "Duplicate", "D on a clip", false)}
          ${this.button("remove", "Remove", "Delete on a clip", clips.length === 1)}
        </div>
        <div class="group">
          ${this.button("earlier", "Earlier", "Alt and left on a clip, or drag it", this.selected === 0)}
          ${this.button("later", "Later", "Alt and right on a clip, or drag it", last)}
        </div>
        <div class="group">
          ${this.toggle("snap", "Snap", "Edges stand between two latent frames", this.snaps)}
          ${this.toggle("ripple", "Ripple", "An edge takes what follows along (or drag it with Shift)", this.ripples)}
          ${this.button("units", this.units === "frames" ? "Seconds" : "Frames", "What the ruler shows", false)}
        </div>
        <div class="numbers">
          ${this.places()}
          <label>
            Frames
            <input
              type="number"
              min=${clips.length}
              max="10000"
              step="1"
              .value=${String(this.story.numFrames)}
              @change=${(event: Event) => this.setLength(event)}
            />
          </label>
        </div>
      </div>
    `;
  }

  private button(tool: Tool, label: string, title: string, disabled: boolean): TemplateResult {
    return html`<button title=${title} ?disabled=${disabled} @click=${() => this.send("tool", tool)}>${label}</button>`;
  }

  private toggle(tool: Tool, label: string, title: string, on: boolean): TemplateResult {
    return html`<button title=${title} aria-pressed=${on} @click=${() => this.send("tool", tool)}>${label}</button>`;
  }

  /** Where the images are, in numbers, and the way back to where the narrator had them. */
  private places(): TemplateResult {
    const anchors = byImage(this.story);
    const moved = anchors.some(({ frame, image }) => (this.guesses[image] ?? frame + 1) !== frame + 1);
    return html`
      ${moved ? this.button("guesses", "Narrator’s place", "Back to where the narrator had the image", false) : nothing}
      ${anchors.map(
        (anchor) => html`
          <label>
            ${anchors.length > 1 ? `Image ${anchor.image + 1} at` : "Image at"}
            <input
              type="number"
              min="1"
              max=${this.story.numFrames}
              step="1"
              .value=${String(anchor.frame + 1)}
              @change=${(event: Event) => this.setPlace(event, anchor)}
            />
          </label>
        `,
      )}
    `;
  }

  private setPlace(event: Event, { image, frame }: Anchor): void {
    const input = event.target as HTMLInputElement;
    const wanted = Number(input.value);
    const { numFrames } = this.story;
    if (Number.isInteger(wanted) && wanted >= 1 && wanted <= numFrames) {
      this.send("place", { image, frame: wanted - 1 });
    } else {
      this.send("refuse", `${input.value || "Nothing"} is no frame of this story; give 1 to ${numFrames}.`);
      input.value = String(frame + 1);
    }
  }

  private setLength(event: Event): void {
    const input = event.target as HTMLInputElement;
    const wanted = Number(input.value);
    if (Number.isInteger(wanted) && wanted >= 1 && wanted <= 10000) {
      this.send("length", wanted);
    } else {
      this.send("refuse", `${input.value || "Nothing"} is no number of frames; give 1 to 10,000.`);
    }
    input.value = String(this.story.numFrames); // until the story has another length
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** In the order of the images, which stays while one is dragged past another. */
export function byImage(story: Narrative): Anchor[] {
  return story.anchors.toSorted((a, b) => a.image - b.image);
}
