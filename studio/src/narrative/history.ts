/** A story that remembers: undo and redo for every edit. */

import { type Narrative } from "./narrative";
import { type Edit, reduce } from "./reduce";

export interface History {
  readonly past: readonly Narrative[];
  readonly present: Narrative;
  readonly future: readonly Narrative[];
  /** Edits with the same key, one after the other, are one step: a drag, or typing in one field. */
  readonly group: string | null;
}

const LIMIT = 200;

export function begin(present: Narrative): History {
  return { past: [], present, future: [], group: null };
}

/** Do an edit; what it refuses changes nothing and is thrown. */
export function edited(history: History, edit: Edit, group: string | null = null): History {
  return replaced(history, reduce(history.present, edit), group);
}

/** Put another story in its place, as an edit that can be undone. */
export function replaced(history: History, present: Narrative, group: string | null = null): History {
  const goesOn = group !== null && group === history.group;
  const past = goesOn ? history.past : [...history.past, history.present].slice(-LIMIT);
  return { past, present, future: [], group };
}

export function undo(history: History): History {
  const present = history.past.at(-1);
  if (present === undefined) {
    return history;
  }
  const future = [history.present, ...history.future];
  return { past: history.past.slice(0, -1), present, future, group: null };
}

export function redo(history: History): History {
  const [present, ...future] = history.future;
  if (present === undefined) {
    return history;
  }
  return { past: [...history.past, history.present], present, future, group: null };
}
