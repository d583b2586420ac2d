/** What stands between a draft and its video. */

import { unreadClips } from "../narrative/framePlan";
import { type NarrativeFile, fromFile } from "../narrative/narrative";
import { type Draft, placesAll } from "./draft";

/** Why no video can be made of it; "" for nothing. */
export function obstacleOf(draft: Draft): string {
  const { pictures, narrative, prompt } = draft;
  if (!pictures.length) {
    return "Needs an image.";
  }
  if (!narrative && !prompt.trim()) {
    return "Needs a text.";
  }
  return placesAll(draft) ? "" : "The story does not place every image; tell it anew.";
}

/** What will not be as it is written. */
export function warningsOf(narrative: NarrativeFile, stride: number): string[] {
  const unread = unreadClips(fromFile(narrative), stride).map((clip) => clip + 1);
  if (!unread.length) {
    return [];
  }
  const which = unread.length === 1 ? `Clip ${unread[0]} is` : `Clips ${unread.join(", ")} are`;
  return [`${which} too short to be seen; make ${unread.length === 1 ? "it" : "them"} longer, or merge.`];
}
