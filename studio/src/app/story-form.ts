import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { type Place } from "../api/client";
import { type Picture } from "./draft";
import { type Example } from "./examples";
import { shared } from "./styles";

/**
 * The images and the text.
 *
 * @fires images - images were chosen; `detail` are the files
 * @fires restore - an MP4 or a narrative file was dropped; `detail` is the file
 * @fires remove - an image is to go; `detail` is its number
 * @fires place - an image is to be somewhere; `detail` is `{image, place}`
 * @fires prompt - the text changed; `detail` is the text
 * @fires tell - the narrator is to tell the story
 * @fires hush - it is to tell it no more
 * @fires example - an example was chosen; `detail` is the `Example`
 */
@customElement("story-form")
export class StoryForm extends LitElement {
  static override styles = [
    shared,
    css`
      .form {
        display: grid;
        grid-template-columns: minmax(150px, 216px) 1fr;
        gap: 1rem;
      }
      .images {
        display: grid;
        gap: 0.5rem;
        align-content: start;
      }
      .images.several {
        grid-template-columns: 1fr 1fr;
      }
      .drop {
        position: relative;
        display: grid;
        place-items: center;
        align-content: center;
        gap: 0.2rem;
        min-height: 168px;
        border: 2px dashed var(--line);
        border-radius: 10px;
        text-align: center;
        padding: 0.5rem;
        cursor: pointer;
        background: var(--track);
      }
      .drop.more {
        min-height: 44px;
        font-size: 14px;
        grid-column: 1 / -1;
      }
      .drop:hover {
        border-color: var(--soft);
      }
      .drop.over,
      .drop:focus-within {
        border-color: var(--focus);
      }
      .drop strong {
        font-weight: 600;
      }
      .drop small {
        color: var(--soft);
        font-size: 13px;
      }
      .drop input {
        position: absolute;
        inset: 0;
        opacity: 0;
        cursor: pointer;
        min-height: 0;
        width: 100%;
        height: 100%;
      }
      figure {
        position: relative;
        margin: 0;
        display: grid;
        gap: 0.3rem;
        align-content: start;
      }
      figure img {
        width: 100%;
        height: 150px;
        object-fit: contain;
        border-radius: 8px;
        background: var(--track);
      }
      .several figure img {
        height: 92px;
      }
      figure > button {
        position: absolute;
        top: 4px;
        right: 4px;
        min-height: 30px;
        width: 30px;
        padding: 0;
        border-radius: 50%;
        line-height: 1;
      }
      figure .place {
        display: flex;
        gap: 0.3rem;
      }
      figure select {
        width: 100%;
        min-width: 0;
        min-height: 34px;
        font-size: 14px;
      }
      figure .place input {
        width: 4.2rem;
        min-height: 34px;
      }
      textarea {
        width: 100%;
        min-height: 92px;
        margin-top: 0.25rem;
        resize: vertical;
      }
      .examples {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        align-items: center;
        margin-top: 0.9rem;
      }
      .examples span {
        width: 100%;
      }
      .examples button {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        padding: 0.25rem 0.7rem 0.25rem 0.25rem;
        font-size: 14px;
        text-align: left;
      }
      .examples img {
        width: 40px;
        height: 40px;
        border-radius: 4px;
      }
      @media (max-width: 560px) {
        .form {
          grid-template-columns: 1fr;
        }
        .drop {
          min-height: 110px;
        }
      }
    `,
  ];

  @property({ attribute: false }) pictures: readonly Picture[] = [];
  @property() prompt = "";
  /** Seconds for which the narrator has been thinking; null if it does not. */
  @property({ attribute: false }) telling: number | null = null;
  /** Whether there is a story already. */
  @property({ type: Boolean }) told = false;
  @property() problem = "";
  @property({ attribute: false }) examples: readonly Example[] = [];

  @state() private over = false;

  override render(): TemplateResult {
    const ready = this.pictures.length > 0 && this.prompt.trim() !== "";
    return html`
      <div class="form">
        <div class="images ${this.pictures.length > 1 ? "several" : ""}">
          ${this.pictures.map((picture, index) => this.picture(picture, index))} ${this.dropZone()}
        </div>
        <div>
          <label>
            What happens? It need not describe the image’s moment.
            <textarea
              .value=${this.prompt}
              placeholder="A cat plays in the room."
              @input=${(event: Event) => this.send("prompt", (event.target as HTMLTextAreaElement).value)}
              @keydown=${(event: KeyboardEvent) => {
                if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && ready) this.send("tell", null);
              }}
            ></textarea>
          </label>
          <p class="row">
            ${this.telling === null
              ? html`<button
                  class=${this.told ? "" : "main"}
                  title="Ctrl Enter"
                  ?disabled=${!ready}
                  @click=${() => this.send("tell", null)}
                >
                  ${this.told ? "Tell it anew" : "Tell the story"}
                </button>`
              : html`<button @click=${() => this.send("hush", null)}>Stop</button>
                  <span class="soft" role="status">The narrator thinks … ${Math.round(this.telling)} s</span>`}
            ${this.hint()}
          </p>
          ${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
          ${this.pictures.length || this.prompt || !this.examples.length ? nothing : this.exampleRow()}
        </div>
      </div>
    `;
  }

  private hint(): TemplateResult | typeof nothing {
    if (this.telling !== null || (this.pictures.length && this.prompt.trim())) {
      return nothing;
    }
    return html`<span class="soft">${this.pictures.length ? "Write what happens first." : "Needs an image first."}</span>`;
  }

  private exampleRow(): TemplateResult {
    return html`
      <div class="examples">
        <span class="soft">No image at hand? Try one of these:</span>
        ${this.examples.map(
          (each) => html`
            <button @click=${() => this.send("example", each)}>
              <img src=${each.image} alt=${each.about} width="40" height="40" />${each.prompt}
            </button>
          `,
        )}
      </div>
    `;
  }

  private dropZone(): TemplateResult {
    const first = !this.pictures.length;
    return html`
      <label
        class="drop ${first ? "" : "more"} ${this.over ? "over" : ""}"
        @dragover=${this.dragOver}
        @dragleave=${() => (this.over = false)}
        @drop=${this.drop}
      >
        ${first
          ? html`<strong>Drop an image here</strong><small>or several; or an MP4 or story that ReasonDiff made</small>`
          : html`<span>Add an image, or restore</span>`}
        <input
          type="file"
          multiple
          aria-label="Images, or an MP4 or story file to restore"
          accept="image/png,image/jpeg,image/webp,video/mp4,application/json,.json"
          @change=${this.choose}
        />
      </label>
    `;
  }

  private picture({ url, place }: Picture, index: number): TemplateResult {
    const name = this.pictures.length > 1 ? `Image ${index + 1}` : "The image";
    return html`
      <figure>
        <img src=${url} alt=${name} />
        <button aria-label="Remove ${name.toLowerCase()}" title="Remove" @click=${() => this.send("remove", index)}>✕</button>
        <div class="place">
          <select
            aria-label="Where ${name.toLowerCase()} is"
            @change=${(event: Event) => this.choosePlace((event.target as HTMLSelectElement).value, index)}
          >
            ${PLACES.map(([type, label]) => html`<option value=${type} .selected=${type === place.type}>${label}</option>`)}
          </select>
          ${place.type === "frame_index"
            ? html`<input
                type="number"
                min="1"
                aria-label="Frame of ${name.toLowerCase()}"
                .value=${String(place.frame + 1)}
                @change=${(event: Event) => this.chooseFrame(event, index)}
              />`
            : nothing}
        </div>
      </figure>
    `;
  }

  private choosePlace(type: string, image: number): void {
    const place = type === "frame_index" ? { type, frame: 0 } : { type };
    this.send("place", { image, place: place as Place });
  }

  private chooseFrame(event: Event, image: number): void {
    const position = Math.max(1, Math.round(Number((event.target as HTMLInputElement).value)) || 1);
    this.send("place", { image, place: { type: "frame_index", frame: position - 1 } });
  }

  private dragOver(event: DragEvent): void {
    event.preventDefault();
    this.over = true;
  }

  private drop(event: DragEvent): void {
    event.preventDefault();
    event.stopPropagation();
    this.over = false;
    this.take([...(event.dataTransfer?.files ?? [])]);
  }

  private choose(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.take([...(input.files ?? [])]);
    input.value = "";
  }

  /** Files that were chosen or dropped: images, or something to restore. */
  take(files: readonly File[]): void {
    const images = files.filter((file) => file.type.startsWith("image/"));
    if (images.length) {
      this.send("images", images);
    }
    const other = files.find((file) => !file.type.startsWith("image/"));
    if (other) {
      this.send("restore", other);
    }
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

const PLACES = [
  ["auto", "Automatic"],
  ["first_frame", "First frame"],
  ["last_frame", "Last frame"],
  ["frame_index", "At frame"],
] as const;
