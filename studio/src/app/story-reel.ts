import { LitElement, type TemplateResult, css, html } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { type Clip, type Narrative, type NarrativeFile, clipAt, fromFile } from "../narrative/narrative";
import { hue } from "../timeline/styles";
import { styled } from "../styled";
import { shared } from "./styles";

/**
 * The story before there is a video: each clip's text for as long as it will be seen, and the image in its place.
 *
 * @fires frame - another moment is shown; `detail` is its share of the whole, 0 to 1
 */
@customElement("story-reel")
export class StoryReel extends LitElement {
  static override styles = [
    shared,
    css`
      .stage {
        position: relative;
        display: grid;
        place-items: center;
        aspect-ratio: 4 / 3;
        max-height: 46vh;
        width: 100%;
        border-radius: 8px;
        overflow: hidden;
        background: color-mix(in srgb, var(--hue) 22%, var(--card));
      }
      img {
        width: 100%;
        height: 100%;
        min-height: 0;
        object-fit: contain;
      }
      .text {
        margin: 0;
        padding: 1.2rem;
        font-size: 1.15rem;
        line-height: 1.35;
        text-align: center;
        text-wrap: balance;
        overflow-wrap: anywhere;
      }
      .caption {
        position: absolute;
        inset: auto 0 0 0;
        padding: 0.4rem 0.8rem;
        background: rgb(0 0 0 / 70%);
        color: #fff;
        font-size: 14px;
        text-align: center;
      }
      .soft {
        margin-left: auto;
      }
    `,
  ];

  @property({ attribute: false }) narrative!: NarrativeFile;
  /** The images as URLs. */
  @property({ attribute: false }) images: readonly string[] = [];
  /** Of the playhead, 0-based. */
  @property({ type: Number }) frame = 0;

  @state() private playing = false;

  private timer = 0;

  toggle(): void {
    this.playing = !this.playing;
    clearInterval(this.timer);
    if (this.playing) {
      this.timer = window.setInterval(() => this.next(), (this.narrative.interval ?? 0.2) * 1000);
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
    this.playing = false;
  }

  override render(): TemplateResult {
    const story = fromFile(this.narrative);
    const place = Math.max(clipAt(story, Math.min(this.frame, story.numFrames - 1)), 0);
    const clip = story.clips[place]!;
    const image = imageAt(story, this.frame, clip);
    return html`
      <div class="stage" ${styled({ "--hue": hue(place) })}>
        ${image !== null && this.images[image]
          ? html`<img src=${this.images[image]!} alt="The image, at its place" />
              <div class="caption">${clip.description}</div>`
          : html`<p class="text">${clip.description}</p>`}
      </div>
      <div class="row">
        <button title="Space" @click=${this.toggle}>${this.playing ? "Pause" : "Play the story"}</button>
        <span class="soft">Clip ${place + 1} of ${story.clips.length}</span>
      </div>
    `;
  }

  private next(): void {
    const frames = this.narrative.num_frames;
    this.dispatchEvent(new CustomEvent("frame", { detail: ((this.frame + 1) % frames) / frames }));
  }
}

/** The image that is seen around a frame: in its clip, for half a second before and after its own frame. */
function imageAt(story: Narrative, frame: number, clip: Clip): number | null {
  const near = story.anchors
    .filter((anchor) => anchor.frame >= clip.start && anchor.frame < clip.end)
    .toSorted((a, b) => Math.abs(a.frame - frame) - Math.abs(b.frame - frame))[0];
  return near && Math.abs(near.frame - frame) * story.interval <= 0.5 ? near.image : null;
}
