import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";

import { type Video, isOver } from "../api/client";
import { shared } from "./styles";

export type TakeAction = "play" | "compare" | "restore" | "duplicate" | "cancel" | "remove" | "sooner" | "later";

export interface TakeEvent {
  readonly action: TakeAction;
  readonly video: Video;
}

/**
 * The queue and what came of it: one row per video, the newest first.
 *
 * @fires take - something is to be done with a video; `detail` is a `TakeEvent`
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
        gap: 0.6rem;
      }
      li {
        display: grid;
        grid-template-columns: 96px 1fr;
        gap: 0.8rem;
        padding: 0.6rem;
        border: 1px solid var(--line);
        border-radius: 10px;
      }
      li.shown {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
      }
      .picture {
        width: 96px;
        height: 72px;
        object-fit: contain;
        background: var(--track);
        border-radius: 6px;
      }
      .prompt {
        margin: 0 0 0.15rem;
        overflow-wrap: anywhere;
      }
      progress {
        width: 100%;
        accent-color: var(--accent);
      }
      .row {
        gap: 0.35rem;
        margin-top: 0.4rem;
      }
      button {
        min-height: 34px;
        padding: 0 0.6rem;
        font-size: 14px;
      }
    `,
  ];

  @property({ attribute: false }) videos: readonly Video[] = [];
  /** Thumbnails as URLs, by the video's id. */
  @property({ attribute: false }) pictures: ReadonlyMap<string, string> = new Map();
  /** The videos that are shown in the player, by id. */
  @property({ attribute: false }) shown: readonly string[] = [];

  override render(): TemplateResult {
    if (!this.videos.length) {
      return html`<p class="soft">No videos yet.</p>`;
    }
    return html`<ul>
      ${this.videos.map((video) => this.row(video))}
    </ul>`;
  }

  private row(video: Video): TemplateResult {
    const picture = this.pictures.get(video.id);
    const done = video.status === "completed";
    const waiting = video.status === "queued";
    return html`
      <li class=${this.shown.includes(video.id) ? "shown" : ""} data-id=${video.id} data-status=${video.status}>
        ${picture
          ? html`<img class="picture" src=${picture} alt="" />`
          : html`<div class="picture" aria-hidden="true"></div>`}
        <div>
          <p class="prompt">${video.prompt || "No text"}</p>
          <p class="soft">${describe(video)}</p>
          ${isOver(video)
            ? nothing
            : html`<progress max="100" value=${video.progress} aria-label="Progress"></progress>`}
          ${video.error ? html`<p class="error">${video.error.message}</p>` : nothing}
          <div class="row">
            ${done ? this.button("play", "Play", video) : nothing}
            ${done ? this.button("compare", "Compare", video) : nothing}
            ${this.button("restore", "Use its story", video)} ${this.button("duplicate", "Once more", video)}
            ${waiting ? this.button("sooner", "Sooner", video) : nothing}
            ${waiting ? this.button("later", "Later", video) : nothing}
            ${isOver(video) ? this.button("remove", "Delete", video) : this.button("cancel", "Stop", video)}
          </div>
        </div>
      </li>
    `;
  }

  private button(action: TakeAction, label: string, video: Video): TemplateResult {
    const send = (): void => {
      const detail: TakeEvent = { action, video };
      this.dispatchEvent(new CustomEvent("take", { detail }));
    };
    return html`<button @click=${send}>${label}</button>`;
  }
}

/** A video's state in words. */
export function describe(video: Video): string {
  const about = video.reasondiff ?? {};
  const seed = about.seed === null || about.seed === undefined ? "" : ` (seed ${about.seed})`;
  switch (video.status) {
    case "queued":
      return about.queue_position ? `Waiting, ${about.queue_position} before it${seed}` : `Next in the queue${seed}`;
    case "in_progress": {
      const step = about.step && about.steps ? ` ${about.step} of ${about.steps}` : "";
      const left = about.eta_s ? `, ${duration(about.eta_s)} left` : "";
      return `${capital(about.stage ?? "starting")}${step}${left}${seed}`;
    }
    case "completed":
      return `Done${seed}`;
    default:
      return video.error?.code === "cancelled" ? `Stopped${seed}` : `Failed${seed}`;
  }
}

export function duration(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
