import { LitElement, type TemplateResult, css, html } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { styled } from "../styled";
import { shared } from "./styles";

/** What a video is becoming: its latent frames in rows, cut from the server's strip of them. */
@customElement("latent-preview")
export class LatentPreview extends LitElement {
  static override styles = [
    shared,
    css`
      .frames {
        display: grid;
        grid-template-columns: repeat(var(--columns), 1fr);
        gap: 2px;
        border-radius: 8px;
        overflow: hidden;
        background: #000;
      }
      .frames div {
        aspect-ratio: var(--aspect);
        background-size: calc(var(--count) * 100%) 100%;
        image-rendering: pixelated;
      }
      img {
        display: none;
      }
    `,
  ];

  /** The strip's address. */
  @property() url = "";
  /** Latent frames in it. */
  @property({ type: Number }) count = 1;
  @property() label = "";

  @state() private aspect = 1;

  override render(): TemplateResult {
    const columns = this.count <= 4 ? this.count : this.count <= 12 ? 3 : 5;
    const all = { "--columns": `${columns}`, "--count": `${this.count}`, "--aspect": `${this.aspect}` };
    return html`
      <img src=${this.url} alt="" @load=${this.measure} />
      <div class="frames" role="img" aria-label=${this.label} ${styled(all)}>
        ${Array.from({ length: this.count }, (_, index) => {
          const left = this.count > 1 ? (index / (this.count - 1)) * 100 : 0;
          return html`<div ${styled({ "background-image": `url("${this.url}")`, "background-position": `${left}% 0` })}></div>`;
        })}
      </div>
    `;
  }

  private measure(event: Event): void {
    const { naturalWidth, naturalHeight } = event.target as HTMLImageElement;
    this.aspect = naturalWidth / this.count / naturalHeight;
  }
}
