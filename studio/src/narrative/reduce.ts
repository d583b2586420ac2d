/** Every edit of a story, pure: the same edits, results and refusals as `reasondiff.narrative.editing`. */

import {
  type Anchor,
  type Clip,
  type Narrative,
  NarrativeError,
  checked,
  clipAt,
  holds,
  lengthOf,
  strip,
} from "./narrative";

/** Frames and clip numbers are 0-based. */
export type Edit =
  | { type: "move_edge"; edge: number; frame: number }
  | { type: "resize"; clip: number; length: number }
  | { type: "split"; frame: number }
  | { type: "merge"; first: number; last: number }
  | { type: "remove"; clip: number }
  | { type: "move_clip"; clip: number; to: number }
  | { type: "duplicate"; clip: number }
  | { type: "set_description"; clip: number; description: string }
  | { type: "set_style"; style: string }
  | { type: "move_anchor"; frame: number }
  | { type: "move_image"; image: number; frame: number }
  | { type: "retime"; num_frames: number };

/**
 * The story after an edit.
 *
 * @throws NarrativeError if the edit would leave no valid story; the message names the value and the fix.
 */
export function reduce(narrative: Narrative, edit: Edit): Narrative {
  switch (edit.type) {
    case "move_edge":
      return moveEdge(narrative, edit.edge, edit.frame);
    case "resize":
      return resize(narrative, edit.clip, edit.length);
    case "split":
      return split(narrative, edit.frame);
    case "merge":
      return merge(narrative, edit.first, edit.last);
    case "remove":
      return remove(narrative, edit.clip);
    case "move_clip":
      return moveClip(narrative, edit.clip, edit.to);
    case "duplicate":
      return duplicate(narrative, edit.clip);
    case "set_description":
      return setDescription(narrative, edit.clip, edit.description);
    case "set_style":
      return { ...narrative, style: edit.style };
    case "move_anchor":
      return moveAnchor(narrative, edit.frame);
    case "move_image":
      return moveImage(narrative, edit.image, edit.frame);
    case "retime":
      return retime(narrative, edit.num_frames);
  }
}

function moveEdge(narrative: Narrative, edge: number, frame: number): Narrative {
  const edges = narrative.clips.length - 1;
  const before = narrative.clips[edge];
  const after = narrative.clips[edge + 1];
  if (before === undefined || after === undefined) {
    throw new NarrativeError(`There is no edge ${edge + 1}; the story has ${edges}.`);
  }
  if (frame <= before.start || frame >= after.end) {
    const range = `${before.start + 2}..${after.end}`;
    throw new NarrativeError(
      `The edge cannot be at position ${frame + 1}; both clips keep a frame at ${range}.`,
    );
  }
  const clips = narrative.clips.with(edge, { ...before, end: frame });
  return { ...narrative, clips: clips.with(edge + 1, { ...after, start: frame }) };
}

function resize(narrative: Narrative, clip: number, length: number): Narrative {
  clipOf(narrative, clip);
  if (length < 1) {
    throw new NarrativeError(`A clip of ${length} frames shows nothing; give 1 or more.`);
  }
  const lengths = narrative.clips.map(lengthOf).with(clip, length);
  return relaid(narrative, orderOf(narrative), lengths);
}

function split(narrative: Narrative, frame: number): Narrative {
  const place = clipAt(narrative, frame);
  const clip = narrative.clips[place];
  if (clip === undefined) {
    const range = `1..${narrative.numFrames}`;
    throw new NarrativeError(`Position ${frame + 1} is outside ${range}; split at one in that range.`);
  }
  if (clip.start === frame) {
    throw new NarrativeError(
      `A clip begins at position ${frame + 1} already; split at a position inside a clip.`,
    );
  }
  const halves = [{ ...clip, end: frame }, { ...clip, start: frame }];
  return { ...narrative, clips: narrative.clips.toSpliced(place, 1, ...halves) };
}

function merge(narrative: Narrative, first: number, last: number): Narrative {
  clipOf(narrative, first);
  clipOf(narrative, last);
  if (first >= last) {
    throw new NarrativeError(
      `Clips ${first + 1} and ${last + 1} cannot be merged; name an earlier and a later clip.`,
    );
  }
  const joined = narrative.clips.slice(first, last + 1);
  const told = [...new Set(joined.map((clip) => strip(clip.description)))];
  const sentences = told.map((text) => (".!?…。".includes(text.at(-1)!) ? text : `${text}.`));
  const description = told.length > 1 ? sentences.join(" ") : joined[0]!.description;
  const clip = { start: joined[0]!.start, end: joined.at(-1)!.end, description };
  return { ...narrative, clips: narrative.clips.toSpliced(first, joined.length, clip) };
}

function remove(narrative: Narrative, clip: number): Narrative {
  const gone = clipOf(narrative, clip);
  if (narrative.clips.length === 1) {
    throw new NarrativeError("The story has one clip only; change its text instead.");
  }
  const clips = narrative.clips.toSpliced(clip, 1);
  const heir = Math.max(clip - 1, 0);
  const kept = clips[heir]!;
  const grown = { ...kept, start: Math.min(kept.start, gone.start), end: Math.max(kept.end, gone.end) };
  return { ...narrative, clips: clips.with(heir, grown) };
}

function moveClip(narrative: Narrative, clip: number, to: number): Narrative {
  clipOf(narrative, clip);
  clipOf(narrative, to);
  const order = orderOf(narrative).toSpliced(clip, 1).toSpliced(to, 0, clip);
  return relaid(narrative, order, narrative.clips.map(lengthOf));
}

function duplicate(narrative: Narrative, clip: number): Narrative {
  clipOf(narrative, clip);
  const order = orderOf(narrative).toSpliced(clip + 1, 0, clip);
  return relaid(narrative, order, narrative.clips.map(lengthOf));
}

function setDescription(narrative: Narrative, clip: number, description: string): Narrative {
  const told = { ...clipOf(narrative, clip), description };
  return checked({ ...narrative, clips: narrative.clips.with(clip, told) });
}

function moveAnchor(narrative: Narrative, frame: number): Narrative {
  const [first, ...others] = narrative.anchors;
  return checked({ ...narrative, anchors: [{ ...first!, frame }, ...others] });
}

function moveImage(narrative: Narrative, image: number, frame: number): Narrative {
  const images = narrative.anchors.map((anchor) => anchor.image);
  if (!images.includes(image)) {
    const known = images.toSorted((a, b) => a - b).map((each) => each + 1);
    throw new NarrativeError(`The story places no image ${image + 1}; it places ${known.join(", ")}.`);
  }
  const moved = narrative.anchors.map((anchor) => (anchor.image === image ? { ...anchor, frame } : anchor));
  return checked({ ...narrative, anchors: moved.toSorted((a, b) => a.frame - b.frame) });
}

/** The same story in another number of frames; boundaries and images keep their share, and no clip is lost. */
export function retime(narrative: Narrative, numFrames: number): Narrative {
  if (numFrames === narrative.numFrames) {
    return narrative;
  }
  const count = narrative.clips.length;
  if (numFrames < count) {
    throw new NarrativeError(
      `${count} clips do not fit into ${numFrames} frames; merge clips or give ${count} frames.`,
    );
  }
  let start = 0;
  const clips = narrative.clips.map((clip, index) => {
    const wanted = roundHalfToEven((clip.end * numFrames) / narrative.numFrames);
    const end = Math.min(Math.max(wanted, start + 1), numFrames - (count - index - 1));
    const moved = { ...clip, start, end };
    start = end;
    return moved;
  });
  const anchors = narrative.anchors.map((anchor) => {
    const clip = clips[clipAt(narrative, anchor.frame)]!;
    const wanted = roundHalfToEven((anchor.frame * (numFrames - 1)) / Math.max(1, narrative.numFrames - 1));
    return { ...anchor, frame: Math.min(Math.max(wanted, clip.start), clip.end - 1) };
  });
  return { ...narrative, clips, anchors, numFrames };
}

/** The clips one after the other in another order, by their lengths; images go along with their clips. */
function relaid(narrative: Narrative, order: readonly number[], lengths: readonly number[]): Narrative {
  let start = 0;
  const clips: Clip[] = order.map((index) => {
    const end = start + lengths[index]!;
    const clip = { start, end, description: narrative.clips[index]!.description };
    start = end;
    return clip;
  });
  const placed = (anchor: Anchor): Anchor => {
    const index = narrative.clips.findIndex((clip) => holds(clip, anchor.frame));
    const moved = clips[order.indexOf(index)]!;
    const within = anchor.frame - narrative.clips[index]!.start;
    return { ...anchor, frame: Math.min(moved.start + within, moved.end - 1) };
  };
  return { ...narrative, clips, anchors: narrative.anchors.map(placed), numFrames: start };
}

function orderOf(narrative: Narrative): number[] {
  return narrative.clips.map((_, index) => index);
}

function clipOf(narrative: Narrative, clip: number): Clip {
  const found = narrative.clips[clip];
  if (found === undefined) {
    throw new NarrativeError(
      `There is no clip ${clip + 1}; the story has clips 1..${narrative.clips.length}.`,
    );
  }
  return found;
}

/** As Python rounds. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) {
    return Math.round(value);
  }
  return below % 2 === 0 ? below : below + 1;
}
