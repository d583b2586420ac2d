import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { type Video, isOver } from "../api/client";
import { shared } from "./styles";
import { describe } from "./words";

export type TakeAction =
  | "play"
  | "compare"
  | "restore"
  | "change"
  | "duplicate"
  | "cancel"
  | "remove"
  | "sooner"
  | "later";

export interface TakeEvent {
  readonly action: TakeAction;
  readonly video: Video;
}

/**
 * The queue and what came of it: one row per video, the newest first.
 *
 * @fires take - something is to be done with a video; `detail` is a `TakeEvent`
 * @fires older - older videos are to be listed, too
 */
@customElement("take-list")
export class TakeList extends LitElement {
  static override styles = [
    shared,
    css`
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 310px), 1fr));
        gap: 0.6rem;
      }
      li {
        display: grid;
        grid-template-columns: 72px 1fr auto;
        gap: 0.7rem;
        align-content: start;
        padding: 0.5rem;
        border: 1px solid var(--line);
        border-radius: 8px;
      }
      li.shown {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
      }
      .picture {
        display: block;
        width: 72px;
        height: 72px;
        min-height: 0;
        padding: 0;
        border: 0;
        object-fit: contain;
        background: var(--track);
        border-radius: 6px;
        overflow: hidden;
      }
      .picture img {
        width: 100%;
        height: 100%;
        object-fit: contain;
        display: block;
      }
      .waits img {
        opacity: 0.55;
      }
      .prompt {
        margin: 0;
        overflow-wrap: anywhere;
        line-height: 1.3;
      }
      .state {
        margin: 0.1rem 0 0;
        font-size: 14px;
        font-variant-numeric: tabular-nums;
      }
      progress {
        width: 100%;
        height: 6px;
        margin-top: 0.3rem;
        accent-color: var(--accent);
      }
      .row {
        grid-column: 1 / -1;
        gap: 0.3rem;
        margin: 0;
      }
      li button.small {
        font-size: 13px;
        padding: 0 0.4rem;
        min-height: 30px;
      }
      .error {
        font-size: 14px;
      }
      .older {
        margin-top: 0.6rem;
      }
    `,
  ];

  @property({ attribute: false }) videos: readonly Video[] = [];
  /** Small pictures as URLs, by the video's id. */
  @property({ attribute: false }) pictures: ReadonlyMap<string, string> = new Map();
  /** The videos that are shown in the player, by id. */
  @property({ attribute: false }) shown: readonly string[] = [];
  @property({ type: Boolean }) more = false;

  override render(): TemplateResult {
    if (!this.videos.length) {
      return html`<p class="soft">Nothing yet. Every video that you make is kept here.</p>`;
    }
    return html`
      <ul>
        ${repeat(
          this.videos,
          (video) => video.id, // a row stays its video's, so that no click goes to another one when the list moves
          (video) => this.row(video),
        )}
      </ul>
      ${this.more
        ? html`<button class="older" @click=${() => this.dispatchEvent(new CustomEvent("older"))}>Show older ones</button>`
        : nothing}
    `;
  }

  private row(video: Video): TemplateResult {
    const done = video.status === "completed";
    const waits = video.status === "queued";
    const alone = this.shown.length === 0 || (this.shown.length === 1 && this.shown[0] === video.id);
    return html`
      <li class=${this.shown.includes(video.id) ? "shown" : ""} data-id=${video.id} data-status=${video.status}>
        ${this.picture(video, done)}
        <div>
          <p class="prompt">${video.prompt || "No text"}</p>
          <p class="state soft">${describe(video)}</p>
          ${video.status === "in_progress"
            ? html`<progress max="100" value=${video.progress} aria-label="Progress"></progress>`
            : nothing}
          ${video.error && video.error.code !== "cancelled" ? html`<p class="error">${video.error.message}</p>` : nothing}
        </div>
        <div>${isOver(video) ? this.button("remove", "Delete", video) : this.button("cancel", "Stop", video)}</div>
        <div class="row">
          ${done ? this.button("play", "Play", video) : nothing}
          ${done ? this.button("compare", "Compare", video, "Beside the one that is shown", alone) : nothing}
          ${waits ? this.button("sooner", "Sooner", video, "", !video.reasondiff?.queue_position) : nothing}
          ${waits ? this.button("later", "Later", video) : nothing}
          ${waits
            ? this.button("change", "Change", video, "Work on it before it is made")
            : this.button("restore", "Use story", video, "Its images, text, story and settings")}
          ${this.button("duplicate", "Once more", video, "The same with the next seed")}
        </div>
      </li>
    `;
  }

  private picture(video: Video, done: boolean): TemplateResult {
    const picture = this.pictures.get(video.id);
    const image = picture ? html`<img src=${picture} alt="" />` : nothing;
    return done
      ? html`<button class="picture" aria-label="Show ${video.prompt || "the video"}" @click=${() => this.send("play", video)}>
          ${image}
        </button>`
      : html`<div class="picture waits" aria-hidden="true">${image}</div>`;
  }

  private button(action: TakeAction, label: string, video: Video, title = "", disabled = false): TemplateResult {
    return html`<button class="small" title=${title} ?disabled=${disabled} @click=${() => this.send(action, video)}>
      ${label}
    </button>`;
  }

  private send(action: TakeAction, video: Video): void {
    const detail: TakeEvent = { action, video };
    this.dispatchEvent(new CustomEvent("take", { detail }));
  }
}
