import { css } from "lit";

/** How the page is laid out: work on the left, what comes of it on the right; one below the other where it is narrow. */
export const pageStyles = css`
  header {
    display: flex;
    align-items: center;
    gap: 0.6rem;
    max-width: 1400px;
    margin: 0 auto;
    padding: 0.7rem 1rem 0;
  }
  h1 {
    font-size: 1.2rem;
    margin: 0;
  }
  .motto {
    margin-left: 0.4rem;
  }
  .model {
    margin-left: auto;
    font-size: 14px;
    white-space: nowrap;
  }
  .band {
    max-width: 1368px;
    margin: 0.6rem auto 0;
    padding: 0 1rem;
  }
  main {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 392px;
    gap: 1rem;
    max-width: 1400px;
    margin: 0 auto;
    padding: 0.8rem 1rem 2rem;
    align-items: start;
  }
  .column {
    display: grid;
    gap: 1rem;
    min-width: 0;
  }
  .result {
    position: sticky;
    top: 0.8rem;
  }
  section {
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: 12px;
    padding: 0.9rem;
    min-width: 0;
  }
  .heading {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
  }
  .empty {
    display: grid;
    place-items: center;
    aspect-ratio: 16 / 9;
    border-radius: 8px;
    background: var(--track);
  }
  .ways {
    margin: 0;
    padding-left: 1.3rem;
    display: grid;
    gap: 0.4rem;
    max-width: 46rem;
  }
  .notice {
    position: fixed;
    left: 50%;
    bottom: 1rem;
    transform: translateX(-50%);
    display: flex;
    align-items: center;
    gap: 0.8rem;
    max-width: min(92vw, 40rem);
    padding: 0.5rem 0.6rem 0.5rem 1rem;
    border-radius: 10px;
    background: var(--ink);
    color: var(--page);
    box-shadow: 0 4px 18px rgb(0 0 0 / 30%);
    z-index: 10;
  }
  .notice button {
    background: none;
    color: inherit;
    border-color: currentcolor;
    white-space: nowrap;
  }
  @media (max-width: 940px) {
    main {
      grid-template-columns: minmax(0, 1fr);
      padding: 0.7rem;
    }
    .column {
      display: contents;
    }
    .story {
      order: 1;
    }
    .timeline {
      order: 2;
    }
    .make {
      order: 3;
    }
    .player {
      order: 4;
    }
    .takes {
      order: 5;
    }
    .motto {
      display: none;
    }
  }
`;
