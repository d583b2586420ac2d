import { css } from "lit";

/** What every part of the page looks like. */
export const shared = css`
  :host {
    display: block;
    color: var(--ink);
  }
  h2 {
    font-size: 1rem;
    margin: 0 0 0.6rem;
  }
  p {
    margin: 0.4rem 0;
  }
  label {
    display: block;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  button {
    min-height: 38px;
    padding: 0 0.8rem;
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--soft);
  }
  button.small {
    min-height: 32px;
    padding: 0 0.55rem;
    font-size: 14px;
  }
  button.main {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }
  button.main:hover:not(:disabled) {
    filter: brightness(1.12);
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  input,
  textarea {
    box-sizing: border-box;
    padding: 0.45rem 0.55rem;
    min-height: 38px;
  }
  ::placeholder {
    color: var(--soft);
    opacity: 1;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 0.6rem;
    align-items: center;
    margin-top: 0.6rem;
  }
  .soft {
    color: var(--soft);
  }
  .error {
    color: var(--accent);
    font-weight: 600;
  }
  .warning {
    border-left: 3px solid var(--accent);
    padding-left: 0.6rem;
  }
`;
