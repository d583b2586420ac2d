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
 * One video, or two in step with a wipe between them.
 *
 * @fires frame - the video shows another moment; `detail` is its share of the whole, 0 to 1
 * @fires export - a file is to be saved; `detail` is its variant
 */
@customElement("take-player")
export class TakePlayer extends LitElement {
  static override styles = [
    shared,
    css`
      .stage {
        position: relative;
        display: grid;
        background: var(--track);
        border-radius: 8px;
        overflow: hidden;
        max-height: 62vh;
        aspect-ratio: var(--aspect, 16 / 9);
        margin: 0 auto;
        width: min(100%, 720px);
        touch-action: pan-y;
      }
      .stage.two {
        cursor: ew-resize;
      }
      video {
        grid-area: 1 / 1;
        width: 100%;
        height: 100%;
        object-fit: cover;
        min-height: 0;
        min-width: 0;
      }
      .second {
        clip-path: inset(0 0 0 var(--wipe));
        background: var(--track);
      }
      .line {
        position: absolute;
        top: 0;
        bottom: 0;
        left: var(--wipe);
        border-left: 2px solid #fff;
        filter: drop-shadow(0 0 2px #000);
        pointer-events: none;
      }
      .side {
        position: absolute;
        top: 6px;
        padding: 1px 8px;
        border-radius: 10px;
        background: rgb(0 0 0 / 65%);
        color: #fff;
        font-size: 13px;
        pointer-events: none;
      }
      .side.right {
        right: 6px;
      }
      .side.left {
        left: 6px;
      }
      input[type="range"] {
        width: 100%;
        min-height: 26px;
        padding: 0;
        margin: 0.2rem 0 0;
        border: 0;
        background: none;
        accent-color: var(--accent);
      }
      .row {
        justify-content: space-between;
        gap: 0.4rem;
      }
      .about {
        overflow-wrap: anywhere;
        margin: 0.5rem 0 0;
      }
      .save {
        display: flex;
        gap: 0.3rem;
        align-items: center;
      }
      .wipe {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.6rem;
        align-items: center;
      }
    `,
  ];

  /** One video, or two to compare. */
  @property({ attribute: false }) shown: readonly Shown[] = [];

  @state() private wipe = 50;
  @state() private playing = false;
  @state() private aspect = "16 / 9";
  @state() private share = 0;

  @query("video.first") private readonly first!: HTMLVideoElement | null;
  @query("video.second") private readonly second!: HTMLVideoElement | null;
  @query(".stage") private readonly stage!: HTMLElement;

  private watching = 0;

  /** Show the moment at a share (0 to 1) of the video. */
  seek(share: number): void {
    this.share = share;
    for (const video of [this.first, this.second]) {
      if (video && Number.isFinite(video.duration)) {
        video.currentTime = Math.min(share, 0.9999) * video.duration;
      }
    }
  }

  toggle(): void {
    if (this.playing) {
      this.first?.pause();
      this.second?.pause();
      this.seek(this.share); // both stand at the same moment
    } else {
      void this.first?.play().catch(() => undefined);
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    cancelAnimationFrame(this.watching);
  }

  override render(): TemplateResult | typeof nothing {
    const [one, two] = this.shown;
    if (!one) {
      return nothing;
    }
    return html`
      <div
        class="stage ${two ? "two" : ""}"
        ${styled({ "--wipe": `${this.wipe}%`, "--aspect": this.aspect })}
        @pointerdown=${this.grab}
        @pointermove=${this.pull}
      >
        <video
          class="first"
          src=${one.url}
          preload="auto"
          muted
          loop
          playsinline
          aria-label=${one.label}
          @loadedmetadata=${this.loaded}
          @play=${this.began}
          @pause=${() => (this.playing = false)}
        ></video>
        ${two
          ? html`<video class="second" src=${two.url} muted loop playsinline aria-label=${two.label}></video>
              <div class="line"></div>
              <span class="side left" aria-hidden="true">A</span><span class="side right" aria-hidden="true">B</span>`
          : nothing}
      </div>
      ${two ? this.wipeSlider() : nothing}
      <input
        type="range"
        min="0"
        max="1"
        step="0.001"
        aria-label="Moment"
        .value=${String(this.share)}
        @input=${(event: Event) => this.scrub(Number((event.target as HTMLInputElement).value))}
      />
      <div class="row">
        <button title="Space" @click=${this.toggle}>${this.playing ? "Pause" : "Play"}</button>
        <span class="save" role="group" aria-label="Save the video">
          <span class="soft">Save</span>
          ${EXPORTS.map(
            ([variant, label, title]) => html`<button
              class="small"
              title=${title}
              aria-label="Save ${label}"
              @click=${() => this.send("export", variant)}
            >
              ${label}
            </button>`,
          )}
        </span>
      </div>
      <p class="about soft">${two ? html`A: ${one.label}<br />B: ${two.label}` : one.label}</p>
    `;
  }

  private wipeSlider(): TemplateResult {
    return html`<label class="wipe">
      Wipe
      <input
        type="range"
        min="0"
        max="100"
        .value=${String(this.wipe)}
        @input=${(event: Event) => (this.wipe = Number((event.target as HTMLInputElement).value))}
      />
    </label>`;
  }

  private grab(event: PointerEvent): void {
    if (this.shown.length === 2 && event.button === 0) {
      this.stage.setPointerCapture(event.pointerId);
      this.pull(event);
    }
  }

  private pull(event: PointerEvent): void {
    if (this.stage.hasPointerCapture(event.pointerId)) {
      const { left, width } = this.stage.getBoundingClientRect();
      this.wipe = Math.min(Math.max(((event.clientX - left) / width) * 100, 0), 100);
    }
  }

  private scrub(share: number): void {
    this.seek(share);
    this.send("frame", share);
  }

  private loaded(event: Event): void {
    const video = event.target as HTMLVideoElement;
    this.aspect = `${video.videoWidth} / ${video.videoHeight}`;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.seek(0.0001); // so that its first frame is seen
    } else {
      void video.play().catch(() => undefined);
    }
  }

  private began(): void {
    this.playing = true;
    void this.second?.play().catch(() => undefined);
    this.follow();
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
      this.share = first.currentTime / first.duration;
      this.send("frame", this.share);
    }
    this.watching = requestAnimationFrame(() => this.follow());
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

const EXPORTS = [
  ["video", "MP4", "The video; dropped here again, it brings everything back"],
  ["gif", "GIF", "For a message or a page"],
  ["contact_sheet", "Sheet", "A picture of its frames over its story"],
  ["narrative", "Story", "The story as a JSON file"],
] as const;
