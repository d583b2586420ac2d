import { css } from "lit";

/** Buttons and fields of the timeline and its parts. */
export const controls = css`
  button,
  select,
  input,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  button {
    min-height: 36px;
    padding: 0 0.7rem;
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--soft);
  }
  button:disabled {
    opacity: 0.45;
    cursor: default;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
`;

/** Of the buttons above the tracks. */
export const toolStyles = css`
  .toolbar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.8rem;
    align-items: center;
    margin-bottom: 0.7rem;
  }
  .group {
    display: flex;
  }
  .group button {
    border-radius: 0;
    margin-left: -1px;
  }
  .group button:first-child {
    border-radius: 6px 0 0 6px;
    margin-left: 0;
  }
  .group button:last-child {
    border-radius: 0 6px 6px 0;
  }
  .group button:only-child {
    border-radius: 6px;
  }
  .group button:hover:not(:disabled),
  .group button:focus-visible {
    position: relative;
    z-index: 1;
  }
  button[aria-pressed="true"] {
    border-color: var(--accent);
    box-shadow: inset 0 0 0 1px var(--accent);
  }
  .numbers {
    margin-left: auto;
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.8rem;
    align-items: center;
  }
  .numbers label {
    display: flex;
    gap: 0.4rem;
    align-items: center;
  }
  .numbers input {
    width: 4.6rem;
    min-height: 34px;
    padding: 0 0.4rem;
  }
  @media (max-width: 560px) {
    .numbers {
      margin-left: 0;
    }
    .group button {
      padding: 0 0.55rem;
    }
  }
`;

/** Of the ruler and the playhead. */
export const rulerStyles = css`
  .ruler {
    position: relative;
    height: 22px;
    cursor: pointer;
    touch-action: none;
  }
  .ruler span {
    position: absolute;
    font-size: 12px;
    color: var(--soft);
    border-left: 1px solid var(--line);
    padding-left: 3px;
    height: 100%;
    white-space: nowrap;
  }
  .playhead {
    position: absolute;
    top: 0;
    height: 188px;
    width: 0;
    border-left: 2px solid var(--focus);
    z-index: 1;
    pointer-events: none;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
`;

/** Of the pins. */
export const anchorStyles = css`
  .anchors {
    position: relative;
    height: 64px;
  }
  .pin {
    position: absolute;
    top: 0;
    width: 44px;
    height: 60px;
    margin-left: -22px;
    cursor: grab;
    touch-action: none;
    z-index: 3;
  }
  .pin .head {
    display: grid;
    place-items: center;
    width: 40px;
    height: 40px;
    box-sizing: border-box;
    margin: 0 auto;
    border: 2px solid var(--accent);
    border-radius: 6px;
    background: var(--paper) center / cover no-repeat;
    font-weight: 600;
  }
  .pin::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 40px;
    height: 24px;
    border-left: 2px solid var(--accent);
    margin-left: -1px;
  }
  .ghost {
    position: absolute;
    top: 20px;
    width: 28px;
    min-height: 28px;
    height: 28px;
    padding: 0;
    margin-left: -14px;
    border: 2px dashed var(--soft);
    border-radius: 50%;
    font-size: 12px;
    z-index: 2;
  }
`;

/** Of the clips and their edges. */
export const clipStyles = css`
  .clips {
    position: relative;
    height: 84px;
    background: var(--track);
    border-radius: 8px;
  }
  .clip {
    position: absolute;
    inset: 0 auto 0 auto;
    box-sizing: border-box;
    overflow: hidden;
    padding: 6px 10px;
    touch-action: pan-y;
    border: 1px solid var(--paper);
    border-radius: 8px;
    background: color-mix(in srgb, var(--hue) 26%, var(--paper));
    text-align: left;
    font-size: 13px;
    line-height: 1.3;
    min-height: 0;
  }
  .clip[aria-pressed="true"] {
    box-shadow: inset 0 0 0 2px var(--hue);
  }
  .clip.anchored {
    background: color-mix(in srgb, var(--hue) 46%, var(--paper));
  }
  .clip .text {
    display: -webkit-box;
    -webkit-line-clamp: 4;
    -webkit-box-orient: vertical;
    overflow: hidden;
    overflow-wrap: anywhere;
  }
  .clip.unread {
    background: repeating-linear-gradient(
      45deg,
      var(--track) 0 8px,
      color-mix(in srgb, var(--accent) 22%, var(--paper)) 8px 16px
    );
  }
  .edge {
    position: absolute;
    top: 0;
    bottom: 0;
    width: 24px;
    margin-left: -12px;
    cursor: ew-resize;
    touch-action: none;
    z-index: 2;
  }
  .edge::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 14px;
    bottom: 14px;
    width: 4px;
    margin-left: -2px;
    border-radius: 2px;
    background: var(--ink);
  }
  .edge.end {
    left: 100%;
  }
  .edge.end::after {
    background: var(--soft);
  }
  @media (max-width: 560px) {
    .clip {
      padding: 4px;
      font-size: 11px;
    }
  }
  @media (prefers-reduced-motion: no-preference) {
    .clip {
      transition: background-color 120ms;
    }
  }
`;

/** Of the latent frames. */
export const latentStyles = css`
  .latent {
    position: relative;
    height: 14px;
    margin-top: 4px;
  }
  .latent span {
    position: absolute;
    top: 0;
    bottom: 0;
    box-sizing: border-box;
    border: 1px solid var(--paper);
    background: var(--hue);
    border-radius: 3px;
  }
`;

/** Of the timeline itself; its parts have the colours from here. */
export const timelineStyles = css`
  :host {
    --ink: #1c1b1a;
    --soft: #5d5a56;
    --paper: #fffdf9;
    --line: #cdc7bd;
    --accent: #8a2f1c;
    --focus: #0b57d0;
    --track: #f1ece3;
    display: block;
    color: var(--ink);
    font: 15px/1.45 system-ui, sans-serif;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --ink: #f0ece5;
      --soft: #b8b1a6;
      --paper: #1d1b19;
      --line: #4b463f;
      --accent: #ff9f80;
      --focus: #8ab4f8;
      --track: #2a2724;
    }
  }
  .tracks {
    position: relative;
    user-select: none;
    padding: 0 23px; /* half a pin */
  }
  .status {
    min-height: 1.45em;
    margin: 0.2rem 0 0;
    font-size: 14px;
    color: var(--soft);
  }
  .status.refused {
    color: var(--accent);
  }
  .style input {
    width: 100%;
    box-sizing: border-box;
    padding: 0.4rem 0.55rem;
    min-height: 2.4rem;
  }
  .style {
    display: grid;
    grid-template-columns: 6.2rem 1fr;
    gap: 0.6rem;
    align-items: center;
    margin-top: 0.6rem;
    padding-left: calc(0.6rem + 4px);
  }
  .reasoning {
    margin: 0.2rem 0 0.7rem;
  }
  .reasoning span {
    color: var(--soft);
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  @media (max-width: 560px) {
    .style {
      grid-template-columns: 1fr;
      gap: 0.15rem;
    }
  }
`;

/** Colours of neighbouring clips; each is 3:1 or more against the light and the dark paper. */
export const HUES = ["#2f6f8f", "#a4582a", "#4b7a3a", "#8a4f8f", "#8a7a1f", "#b04a5a", "#3f7f78", "#6a62b5"];

export function hue(clip: number): string {
  return HUES[clip % HUES.length]!;
}
