import { LitElement, type TemplateResult, css, html } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { shared } from "./styles";

/** What a video is becoming: its latent frames in rows, cut from the server's strip of them. */
@customElement("latent-preview")
export class LatentPreview extends LitElement {
  static override styles = [
    shared,
    css`
      canvas {
        display: block;
        width: 100%;
        border-radius: 8px;
        background: var(--track);
        image-rendering: pixelated;
      }
    `,
  ];

  /** The strip's address. */
  @property() url = "";
  /** Latent frames in it. */
  @property({ type: Number }) count = 1;
  @property() label = "";

  @query("canvas") private readonly canvas!: HTMLCanvasElement;

  override render(): TemplateResult {
    return html`<canvas role="img" aria-label=${this.label} width="0" height="0"></canvas>`;
  }

  override updated(changed: Map<string, unknown>): void {
    if (changed.has("url") || changed.has("count")) {
      void this.draw();
    }
  }

  /** The strip is decoded before it takes the last one's place, so that nothing flickers. */
  private async draw(): Promise<void> {
    const { url, count } = this;
    const strip = new Image();
    strip.src = url;
    try {
      await strip.decode();
    } catch {
      return; // the next one comes soon
    }
    if (url !== this.url) {
      return;
    }
    const [width, height] = [strip.naturalWidth / count, strip.naturalHeight];
    const columns = count <= 4 ? count : count <= 12 ? 3 : 5;
    const gap = Math.max(1, Math.round(width / 40));
    this.canvas.width = columns * (width + gap) - gap;
    this.canvas.height = Math.ceil(count / columns) * (height + gap) - gap;
    const context = this.canvas.getContext("2d")!;
    for (let frame = 0; frame < count; frame++) {
      const [x, y] = [(frame % columns) * (width + gap), Math.floor(frame / columns) * (height + gap)];
      context.drawImage(strip, frame * width, 0, width, height, x, y, width, height);
    }
  }
}
