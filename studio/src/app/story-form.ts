import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { shared } from "./styles";

/**
 * The image and the text.
 *
 * @fires image - an image was chosen; `detail` is the file
 * @fires restore - an MP4 or a narrative file was dropped; `detail` is the file
 * @fires prompt - the text changed; `detail` is the text
 * @fires tell - the narrator is to tell the story
 */
@customElement("story-form")
export class StoryForm extends LitElement {
  static override styles = [
    shared,
    css`
      .form {
        display: grid;
        grid-template-columns: minmax(150px, 220px) 1fr;
        gap: 1rem;
      }
      .drop {
        position: relative;
        display: grid;
        place-items: center;
        min-height: 160px;
        border: 2px dashed var(--line);
        border-radius: 10px;
        text-align: center;
        padding: 0.5rem;
        cursor: pointer;
        background: var(--track);
      }
      .drop.over,
      .drop:focus-within {
        border-color: var(--focus);
      }
      .drop img {
        max-width: 100%;
        max-height: 220px;
        border-radius: 6px;
        min-width: 96px;
        image-rendering: auto;
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
      textarea {
        width: 100%;
        min-height: 84px;
        margin-top: 0.25rem;
      }
      @media (max-width: 560px) {
        .form {
          grid-template-columns: 1fr;
        }
      }
    `,
  ];

  /** The chosen image's URL. */
  @property() picture = "";
  @property() prompt = "";
  /** Whether the narrator is thinking. */
  @property({ type: Boolean }) telling = false;
  @property() problem = "";

  @state() private over = false;

  override render(): TemplateResult {
    return html`
      <div class="form">
        <label
          class="drop ${this.over ? "over" : ""}"
          @dragover=${this.dragOver}
          @dragleave=${() => (this.over = false)}
          @drop=${this.drop}
        >
          ${this.picture
            ? html`<img src=${this.picture} alt="The condition image" />`
            : html`<span>Drop an image here,<br />or an MP4 or story to restore</span>`}
          <input
            type="file"
            aria-label="Image, or an MP4 or story file to restore"
            accept="image/png,image/jpeg,image/webp,video/mp4,application/json,.json"
            @change=${this.choose}
          />
        </label>
        <div>
          <label>
            What happens? It need not describe the image's moment.
            <textarea
              maxlength="4000"
              placeholder="A cat plays in the room"
              .value=${this.prompt}
              @input=${(event: Event) => this.send("prompt", (event.target as HTMLTextAreaElement).value)}
            ></textarea>
          </label>
          <p class="row">
            <button class="main" ?disabled=${!this.picture || this.telling} @click=${() => this.send("tell", null)}>
              ${this.telling ? "The narrator thinks …" : "Tell the story"}
            </button>
          </p>
          ${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
        </div>
      </div>
    `;
  }

  private dragOver(event: DragEvent): void {
    event.preventDefault();
    this.over = true;
  }

  private drop(event: DragEvent): void {
    event.preventDefault();
    this.over = false;
    this.take(event.dataTransfer?.files[0]);
  }

  private choose(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.take(input.files?.[0]);
    input.value = "";
  }

  private take(file: File | undefined): void {
    if (file) {
      this.send(file.type.startsWith("image/") ? "image" : "restore", file);
    }
  }

  private send(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
