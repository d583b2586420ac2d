import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { styled } from "../styled";
import { shared } from "./styles";

export interface Shown {
  readonly id: string;
  readonly url: string;
  readonly label: string;
}

/**
 * One video, or two in step with a wipe between them; a picture of the one that is being made.
 *
 * @fires frame - the video shows another moment; `detail` is its share of the whole, 0 to 1
 */
@customElement("take-player")
export class TakePlayer extends LitElement {
  static override styles = [
    shared,
    css`
      .stage {
        position: relative;
        display: grid;
        background: #000;
        border-radius: 10px;
        overflow: hidden;
        max-height: 70vh;
        aspect-ratio: var(--aspect, 16 / 9);
        margin: 0 auto;
        width: min(100%, 720px);
      }
      video,
      .stage img {
        grid-area: 1 / 1;
        width: 100%;
        height: 100%;
        object-fit: contain;
      }
      .second {
        clip-path: inset(0 0 0 var(--wipe));
        background: #000;
      }
      .line {
        position: absolute;
        top: 0;
        bottom: 0;
        left: var(--wipe);
        border-left: 2px solid #fff;
        pointer-events: none;
      }
      input[type="range"] {
        width: 100%;
        padding: 0;
      }
      .row {
        margin-top: 0.5rem;
      }
    `,
  ];

  /** One video, or two to compare. */
  @property({ attribute: false }) shown: readonly Shown[] = [];
  /** The picture of a video that is being made. */
  @property() preview = "";

  @state() private wipe = 50;
  @state() private playing = false;
  @state() private aspect = "16 / 9";

  @query("video.first") private readonly first!: HTMLVideoElement | null;
  @query("video.second") private readonly second!: HTMLVideoElement | null;

  private watching = 0;

  /** Show the moment at a share (0 to 1) of the video. */
  seek(share: number): void {
    for (const video of [this.first, this.second]) {
      if (video && Number.isFinite(video.duration)) {
        video.currentTime = Math.min(share, 0.9999) * video.duration;
      }
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    cancelAnimationFrame(this.watching);
  }

  override render(): TemplateResult | typeof nothing {
    const [one, two] = this.shown;
    if (!one && !this.preview) {
      return html`<p class="soft">The video will be here.</p>`;
    }
    return html`
      <div class="stage" ${styled({ "--wipe": `${this.wipe}%`, "--aspect": this.aspect })}>
        ${one
          ? html`<video
              class="first"
              src=${one.url}
              muted
              loop
              playsinline
              aria-label=${one.label}
              @loadedmetadata=${this.loaded}
              @play=${this.began}
              @pause=${() => (this.playing = false)}
            ></video>`
          : html`<img src=${this.preview} alt="The video as it is so far" @load=${this.pictured} />`}
        ${two
          ? html`<video class="second" src=${two.url} muted loop playsinline aria-label=${two.label}></video>
              <div class="line"></div>`
          : nothing}
      </div>
      ${one ? this.controls(one, two) : html`<p class="soft">As it is so far.</p>`}
    `;
  }

  private controls(one: Shown, two: Shown | undefined): TemplateResult {
    return html`
      <div class="row">
        <button @click=${this.toggle}>${this.playing ? "Pause" : "Play"}</button>
        <a class="button" href=${one.url} download="reasondiff-${one.id}.mp4">Save MP4</a>
        <span class="soft">${two ? `${one.label} | ${two.label}` : one.label}</span>
      </div>
      ${two
        ? html`<label>
            Wipe
            <input
              type="range"
              min="0"
              max="100"
              .value=${String(this.wipe)}
              @input=${(event: Event) => (this.wipe = Number((event.target as HTMLInputElement).value))}
            />
          </label>`
        : nothing}
    `;
  }

  private loaded(event: Event): void {
    const video = event.target as HTMLVideoElement;
    this.aspect = `${video.videoWidth} / ${video.videoHeight}`;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
      void video.play().catch(() => undefined);
    }
  }

  private pictured(event: Event): void {
    const picture = event.target as HTMLImageElement;
    this.aspect = `${picture.naturalWidth} / ${picture.naturalHeight}`;
  }

  private began(): void {
    this.playing = true;
    void this.second?.play().catch(() => undefined);
    this.follow();
  }

  private toggle(): void {
    if (this.playing) {
      this.first?.pause();
      this.second?.pause();
    } else {
      void this.first?.play();
    }
  }

  /** Keep the second video in step, and say which moment is shown. */
  private follow(): void {
    cancelAnimationFrame(this.watching);
    const { first, second } = this;
    if (!first || first.paused) {
      return;
    }
    if (second && Math.abs(second.currentTime - first.currentTime) > 0.05) {
      second.currentTime = first.currentTime;
    }
    if (first.duration) {
      this.dispatchEvent(new CustomEvent("frame", { detail: first.currentTime / first.duration }));
    }
    this.watching = requestAnimationFrame(() => this.follow());
  }
}
