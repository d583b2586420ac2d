import { LitElement, type TemplateResult, html } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { styled } from "../styled";
import { type Units, frameAt, label, labelStep, percent, placeName } from "./geometry";
import { grab, stepOf } from "./gestures";
import { rulerStyles } from "./styles";

/**
 * Frames or seconds, and the playhead over all tracks below.
 *
 * @fires seek - the playhead is moved; `detail` is the frame, 0-based
 */
@customElement("time-ruler")
export class TimeRuler extends LitElement {
  static override styles = rulerStyles;

  @property({ type: Number }) numFrames = 1;
  @property({ type: Number }) interval = 0.2;
  @property({ type: Number }) stride = 4;
  /** Of the playhead. */
  @property({ type: Number }) frame = 0;
  @property() units: Units = "frames";

  @query(".ruler") private readonly track!: HTMLElement;

  override render(): TemplateResult {
    const step = labelStep(this.numFrames);
    const labelled = Array.from({ length: Math.ceil(this.numFrames / step) }, (_, index) => index * step);
    return html`
      <div
        class="ruler"
        role="slider"
        tabindex="0"
        aria-label="Playhead"
        aria-valuemin="1"
        aria-valuemax=${this.numFrames}
        aria-valuenow=${this.frame + 1}
        aria-valuetext=${placeName(this.frame, this.interval, this.units)}
        @keydown=${this.nudge}
        @pointerdown=${this.drag}
      >
        ${labelled.map(
          (frame) => html`<span ${styled({ left: percent(frame, this.numFrames) })}>
            ${label(frame, this.interval, this.units)}
          </span>`,
        )}
        <div class="playhead" ${styled({ left: percent(this.frame + 0.5, this.numFrames) })}></div>
      </div>
    `;
  }

  private drag(event: PointerEvent): void {
    const move = ({ clientX }: PointerEvent): void =>
      this.seek(frameAt(clientX, this.track.getBoundingClientRect(), this.numFrames));
    if (grab(event, move)) {
      move(event);
    }
  }

  private nudge(event: KeyboardEvent): void {
    const step = stepOf(event, this.stride);
    if (step !== null) {
      event.preventDefault();
      this.seek(this.frame + step);
    }
  }

  private seek(frame: number): void {
    this.dispatchEvent(new CustomEvent("seek", { detail: frame }));
  }
}
