import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";

import { type Model } from "../api/client";
import { videoFrames } from "../narrative/framePlan";
import { shared } from "./styles";
import { capital, duration } from "./words";

/** What is to be made. */
export interface Making {
  readonly seed: number;
  readonly seedLocked: boolean;
  readonly steps: number | null;
  readonly count: number;
}

/**
 * The settings of a video, what it will take, and the button that makes it.
 *
 * @fires making - a setting changed; `detail` are those that did
 * @fires make - the video is to be made
 * @fires leave - the waiting video that is being changed is left as it is
 */
@customElement("make-form")
export class MakeForm extends LitElement {
  static override styles = [
    shared,
    css`
      .settings {
        display: grid;
        grid-template-columns: 1.5fr 1fr 1fr;
        gap: 0.6rem;
      }
      input[type="number"] {
        width: 100%;
        margin-top: 0.2rem;
      }
      .check {
        display: flex;
        gap: 0.4rem;
        align-items: center;
        margin: 0.5rem 0;
      }
      .check input {
        min-height: 0;
        width: 1.1rem;
        height: 1.1rem;
        margin: 0;
        accent-color: var(--accent);
      }
      .cost {
        font-variant-numeric: tabular-nums;
        margin: 0.6rem 0;
      }
      button.main {
        width: 100%;
        min-height: 44px;
      }
      .row button.main {
        width: auto;
        flex: 1;
      }
    `,
  ];

  @property({ attribute: false }) making!: Making;
  @property({ attribute: false }) model: Model | undefined;
  /** Frames of the story; null while there is none. */
  @property({ attribute: false }) frames: number | null = null;
  /** Videos that will be made before it. */
  @property({ type: Number }) waiting = 0;
  /** What speaks against making it; "" for nothing. */
  @property() obstacle = "";
  /** What should be known before it is made. */
  @property({ attribute: false }) warnings: readonly string[] = [];
  @property() problem = "";
  /** A video that waits is being changed. */
  @property({ type: Boolean }) changes = false;
  @property({ type: Boolean }) busy = false;

  override render(): TemplateResult {
    const { seed, seedLocked, steps, count } = this.making;
    const usual = this.model?.reasondiff?.num_inference_steps;
    return html`
      <div class="settings">
        <label>Seed ${this.number("seed", seed, 0, 2 ** 32 - 1)}</label>
        <label>Steps ${this.number("steps", steps, 1, 1000, usual ? String(usual) : "")}</label>
        <label>Videos ${this.number("count", count, 1, 8)}</label>
      </div>
      <label class="check">
        <input
          type="checkbox"
          .checked=${seedLocked}
          @change=${(event: Event) => this.send("making", { seedLocked: (event.target as HTMLInputElement).checked })}
        />
        Keep the seed for the next one
      </label>
      <p class="cost soft">${this.cost()}</p>
      ${this.warnings.map((warning) => html`<p class="warning">${warning}</p>`)}
      ${this.changes
        ? html`<div class="row">
            ${this.button("Save the change")}<button @click=${() => this.send("leave", null)}>Leave it</button>
          </div>`
        : this.button(count > 1 ? `Make ${count} videos` : "Make the video")}
      ${this.obstacle ? html`<p class="soft">${this.obstacle}</p>` : nothing}
      ${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
    `;
  }

  private button(label: string): TemplateResult {
    const disabled = this.obstacle !== "" || this.busy;
    return html`<button class="main" ?disabled=${disabled} @click=${() => this.send("make", null)}>${label}</button>`;
  }

  private number(name: string, value: number | null, min: number, max: number, placeholder = ""): TemplateResult {
    const change = (event: Event): void => {
      const input = event.target as HTMLInputElement;
      const given = input.value === "" ? null : Math.min(Math.max(Math.round(Number(input.value)), min), max);
      const number = given ?? (name === "steps" ? null : min);
      input.value = number === null ? "" : String(number);
      this.send("making", { [name]: number });
    };
    return html`<input
      type="number"
      min=${min}
      max=${max}
      placeholder=${placeholder}
      .value=${value === null ? "" : String(value)}
      @change=${change}
    />`;
  }

  /** Length, steps and time, as far as they are known. */
  private cost(): string {
    const about = this.model?.reasondiff;
    if (!about) {
      return "";
    }
    const frames = this.frames ?? about.num_frames ?? 0;
    const made = videoFrames(frames, about.stride ?? 4);
    const steps = this.making.steps ?? about.num_inference_steps ?? 0;
    const parts = [`${made} frames, ${(made * (about.interval ?? 0.2)).toFixed(1)} s`, `${steps} steps`];
    if (about.width && about.height) {
      parts.push(`near ${about.width} × ${about.height}`);
    }
    if ((about.memory_gb ?? 0) >= 1) {
      parts.push(`about ${about.memory_gb!.toFixed(1)} GB of GPU memory`);
    }
    const one = secondsOf(about, made, steps);
    const before = this.waiting ? `, with ${this.waiting} before it` : "";
    const time = one === null ? "the first one will show how long it takes" : `about ${duration(one * (this.making.count + this.waiting))}${before}`;
    return `${parts.join(" · ")} · ${one === null ? time : capital(time)}.`;
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** How long a video takes, from how long the last ones took; null before the first. */
function secondsOf(about: NonNullable<Model["reasondiff"]>, frames: number, steps: number): number | null {
  const { seconds_per_video: seconds, num_frames: usualFrames, num_inference_steps: usualSteps } = about;
  if (!seconds) {
    return null;
  }
  return seconds * (usualFrames ? frames / usualFrames : 1) * (usualSteps ? steps / usualSteps : 1);
}
