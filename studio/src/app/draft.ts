/** What is being worked on: it is kept while the page is away. */

import { type Place } from "../api/client";
import { type NarrativeFile, checkedFile } from "../narrative/narrative";

export interface Picture {
  /** As a data URL. */
  readonly url: string;
  readonly place: Place;
}

export interface Draft {
  readonly prompt: string;
  readonly pictures: readonly Picture[];
  readonly narrative: NarrativeFile | null;
  /** The stories that the narrator told, the first one first. */
  readonly ideas: readonly NarrativeFile[];
  readonly seed: number;
  readonly seedLocked: boolean;
  /** Denoising steps; null for the model's own. */
  readonly steps: number | null;
}

export const EMPTY: Draft = {
  prompt: "",
  pictures: [],
  narrative: null,
  ideas: [],
  seed: 0,
  seedLocked: false,
  steps: null,
};

const KEY = "reasondiff.draft";

export function keep(draft: Draft): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // the pictures are too large to keep; the texts are not
    localStorage.setItem(KEY, JSON.stringify({ ...draft, pictures: [], ideas: [] }));
  }
}

/** What was kept; an empty draft where nothing was, or where it cannot be read. */
export function kept(): Draft {
  try {
    const draft: Draft = { ...EMPTY, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Draft>) };
    return { ...draft, narrative: draft.narrative && checkedFile(draft.narrative), ideas: draft.ideas.map(checkedFile) };
  } catch {
    return EMPTY;
  }
}

/** Positions of the images in a story, 1-based and in the images' order. */
export function positions(story: NarrativeFile): number[] {
  const anchors = story.anchors ?? [{ position: story.position ?? 1 }];
  return anchors.toSorted((a, b) => (a.image ?? 0) - (b.image ?? 0)).map((each) => each.position);
}

/** Whether a story has a place for every picture and no other. */
export function placesAll(draft: Draft): boolean {
  return draft.narrative === null || positions(draft.narrative).length === draft.pictures.length;
}
