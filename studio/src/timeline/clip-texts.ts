import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, queryAll } from "lit/decorators.js";

import { styled } from "../styled";
import { type Units, label } from "./geometry";
import { type Clip, strip } from "../narrative/narrative";
import { controls, hue } from "./styles";

/**
 * What every clip shows, to be written.
 *
 * @fires describe - a text was changed; `detail` is `{clip, description}`
 * @fires refuse - a text was emptied; `detail` is the clip's number
 * @fires choose - a clip is worked on; `detail` is its number
 * @fires retell - the narrator is to tell a clip again; `detail` is its number
 */
@customElement("clip-texts")
export class ClipTexts extends LitElement {
  static override styles = [
    controls,
    css`
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 0.4rem;
      }
      li {
        display: grid;
        grid-template-columns: 6.2rem 1fr auto;
        gap: 0.6rem;
        align-items: start;
        border-left: 4px solid var(--hue);
        border-radius: 4px;
        padding: 0.15rem 0 0.15rem 0.6rem;
      }
      li.selected {
        background: color-mix(in srgb, var(--hue) 12%, transparent);
      }
      .span {
        font-variant-numeric: tabular-nums;
        color: var(--soft);
        font-size: 13px;
        line-height: 1.35;
        padding-top: 0.15rem;
      }
      .span strong {
        color: var(--ink);
        display: block;
        font-size: 14px;
      }
      button {
        font-size: 14px;
        padding: 0 0.55rem;
      }
      .warning {
        grid-column: 2 / -1;
        color: var(--accent);
        font-size: 13px;
      }
      textarea {
        width: 100%;
        box-sizing: border-box;
        padding: 0.4rem 0.55rem;
        field-sizing: content;
        min-height: 2.4rem;
        resize: none;
      }
      @media (max-width: 560px) {
        li {
          grid-template-columns: 1fr auto;
          gap: 0.15rem 0.4rem;
        }
        textarea,
        .warning {
          grid-column: 1 / -1;
          grid-row: 2;
        }
        .warning {
          grid-row: 3;
        }
        .span strong {
          display: inline;
        }
      }
    `,
  ];

  @property({ attribute: false }) clips: readonly Clip[] = [];
  @property({ attribute: false }) unread: ReadonlySet<number> = new Set();
  @property({ type: Number }) selected = 0;
  @property({ type: Number }) interval = 0.2;
  @property() units: Units = "frames";
  @property({ type: Boolean, attribute: "can-retell" }) canRetell = false;
  /** The clip that the narrator tells again at the moment; -1 for none. */
  @property({ type: Number }) retelling = -1;

  @queryAll("textarea") private readonly fields!: NodeListOf<HTMLTextAreaElement>;

  focusText(clip: number): void {
    this.fields[clip]?.focus();
  }

  override render(): TemplateResult {
    return html`<ol>
      ${this.clips.map((clip, index) => this.row(clip, index))}
    </ol>`;
  }

  private row(clip: Clip, index: number): TemplateResult {
    return html`
      <li class=${index === this.selected ? "selected" : ""} ${styled({ "--hue": hue(index) })}>
        <div class="span">
          <strong>Clip ${index + 1}</strong>
          ${label(clip.start, this.interval, this.units)} to ${label(clip.end - 1, this.interval, this.units)}
        </div>
        <textarea
          aria-label="What clip ${index + 1} shows"
          .value=${clip.description}
          @focus=${() => this.send("choose", index)}
          @input=${(event: Event) => this.write(event, index)}
        ></textarea>
        ${this.canRetell
          ? html`<button
              ?disabled=${this.retelling >= 0}
              aria-label="Tell again: clip ${index + 1}"
              title="The narrator writes this clip anew; the others stay"
              @click=${() => this.send("retell", index)}
            >
              ${this.retelling === index ? "Telling …" : "Tell again"}
            </button>`
          : nothing}
        ${this.unread.has(index)
          ? html`<div class="warning">Too short: no latent frame reads it, so it will not be seen.</div>`
          : nothing}
      </li>
    `;
  }

  private write(event: Event, clip: number): void {
    const description = (event.target as HTMLTextAreaElement).value;
    if (strip(description)) {
      this.send("describe", { clip, description });
    } else {
      this.send("refuse", clip);
    }
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
