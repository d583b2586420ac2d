import { LitElement, type TemplateResult, css, html } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { type NarrativeFile, strip } from "../narrative/narrative";
import { shared } from "./styles";

export interface Redo {
  /** Counted from 0. */
  readonly clip: number;
  /** Other words; null for the same words and another seed. */
  readonly text: string | null;
}

/**
 * One clip of a finished video again, the rest held.
 *
 * @fires redo - `detail` is a `Redo`
 */
@customElement("clip-redo")
export class ClipRedo extends LitElement {
  static override styles = [
    shared,
    css`
      details {
        margin-top: 0.7rem;
        border-top: 1px solid var(--line);
        padding-top: 0.6rem;
      }
      summary {
        cursor: pointer;
      }
      select,
      textarea {
        width: 100%;
        margin-top: 0.2rem;
        min-height: 38px;
      }
      textarea {
        field-sizing: content;
        resize: none;
      }
      label {
        margin-top: 0.5rem;
      }
    `,
  ];

  /** Of the video. */
  @property({ attribute: false }) narrative!: NarrativeFile;

  @state() private clip = 0;
  @state() private text: string | null = null;

  override willUpdate(changed: Map<string, unknown>): void {
    const before = changed.get("narrative") as NarrativeFile | undefined;
    if (before && JSON.stringify(before.clips) !== JSON.stringify(this.narrative.clips)) {
      this.choose(0);
    }
  }

  override render(): TemplateResult {
    const { clips } = this.narrative;
    const was = clips[this.clip]!.description;
    const text = this.text ?? was;
    const isNew = strip(text) !== strip(was);
    return html`
      <details>
        <summary>Redo one clip, keep the rest</summary>
        <label>
          Clip
          <select @change=${(event: Event) => this.choose((event.target as HTMLSelectElement).selectedIndex)}>
            ${clips.map(
              ({ start, end, description }, index) => html`<option .selected=${index === this.clip}>
                ${index + 1} · ${start} to ${end} · ${description}
              </option>`,
            )}
          </select>
        </label>
        <label>
          What it shows
          <textarea
            .value=${text}
            @input=${(event: Event) => (this.text = (event.target as HTMLTextAreaElement).value)}
          ></textarea>
        </label>
        <div class="row">
          <button ?disabled=${!strip(text)} @click=${() => this.redo(isNew ? text : null)}>
            ${isNew ? "Redo with these words" : "Redo with another seed"}
          </button>
        </div>
      </details>
    `;
  }

  private choose(clip: number): void {
    this.clip = clip;
    this.text = null;
  }

  private redo(text: string | null): void {
    const detail: Redo = { clip: this.clip, text };
    this.dispatchEvent(new CustomEvent("redo", { detail }));
  }
}
