/**
 * The story of a clip, as `reasondiff.narrative.Narrative` has it: clips that cover every frame exactly once, and where
 * the images belong. In files positions are 1-based and `end` is included; in code frames are 0-based and `end` is not.
 */

export interface Clip {
  readonly start: number;
  readonly end: number;
  readonly description: string;
}

export interface Anchor {
  readonly frame: number;
  readonly image: number;
}

export interface Narrative {
  readonly clips: readonly Clip[];
  readonly anchors: readonly Anchor[];
  readonly numFrames: number;
  /** Seconds between frames. */
  readonly interval: number;
  /** Prefixed to every description. */
  readonly style: string;
  readonly reasoning: string;
  readonly provenance: Readonly<Record<string, unknown>>;
}

/** A narrative as its file holds it. */
export interface NarrativeFile {
  version?: number;
  position?: number;
  anchors?: { position: number; image?: number }[];
  num_frames: number;
  interval?: number;
  style?: string;
  reasoning?: string;
  provenance?: Record<string, unknown>;
  clips: { start: number; end: number; description: string }[];
}

/** What gives no story; the message names the value and the fix. */
export class NarrativeError extends Error {}

export function lengthOf(clip: Clip): number {
  return clip.end - clip.start;
}

export function holds(clip: Clip, frame: number): boolean {
  return clip.start <= frame && frame < clip.end;
}

/** The number of the clip that holds `frame`. */
export function clipAt(narrative: Narrative, frame: number): number {
  return narrative.clips.findIndex((clip) => holds(clip, frame));
}

/** Python's `str.strip`. */
export function strip(text: string): string {
  const space = "[\\s\\x1c-\\x1f\\x85]";
  return text.replace(new RegExp(`^${space}+|${space}+$`, "g"), "");
}

/** The narrative itself, if it is one. */
export function checked(narrative: Narrative): Narrative {
  for (const clip of narrative.clips) {
    if (!strip(clip.description)) {
      throw new NarrativeError(
        `Clip ${clip.start + 1}..${clip.end} has no description; say what these frames show.`,
      );
    }
  }
  for (const anchor of narrative.anchors) {
    if (anchor.frame < 0 || anchor.frame >= narrative.numFrames) {
      throw new NarrativeError(
        `Position ${anchor.frame + 1} is outside 1..${narrative.numFrames}; give a position in that range.`,
      );
    }
  }
  return narrative;
}

/** From a file that the server has checked. */
export function fromFile(file: NarrativeFile): Narrative {
  const anchors = file.anchors ?? [{ position: file.position ?? 1 }];
  return {
    clips: file.clips.map(({ start, end, description }) => ({ start: start - 1, end, description })),
    anchors: anchors.map(({ position, image }) => ({ frame: position - 1, image: image ?? 0 })),
    numFrames: file.num_frames,
    interval: file.interval ?? 0.2,
    style: file.style ?? "",
    reasoning: file.reasoning ?? "",
    provenance: file.provenance ?? {},
  };
}

export function toFile(narrative: Narrative): NarrativeFile {
  const places = narrative.anchors.map(({ frame, image }) => ({ position: frame + 1, image }));
  const one = places.length === 1;
  return {
    version: 1,
    ...(one ? { position: places[0]!.position } : { anchors: places }),
    num_frames: narrative.numFrames,
    interval: narrative.interval,
    ...(narrative.style ? { style: narrative.style } : {}),
    ...(narrative.reasoning ? { reasoning: narrative.reasoning } : {}),
    ...(Object.keys(narrative.provenance).length ? { provenance: { ...narrative.provenance } } : {}),
    clips: narrative.clips.map(({ start, end, description }) => ({ start: start + 1, end, description })),
  };
}

/**
 * A narrative file as somebody gave it.
 *
 * @throws NarrativeError if it is none; the message says what is wrong.
 */
export function checkedFile(value: unknown): NarrativeFile {
  const file = value as NarrativeFile;
  if (typeof value !== "object" || value === null || !Array.isArray(file.clips) || !file.clips.length) {
    throw new NarrativeError("It has no list of clips.");
  }
  let next = 1;
  for (const clip of file.clips) {
    if (clip?.start !== next || !Number.isInteger(clip.end) || clip.end < clip.start) {
      throw new NarrativeError(`Its clips leave out or repeat a frame: one has to begin at position ${next}.`);
    }
    if (typeof clip.description !== "string") {
      throw new NarrativeError(`Its clip at position ${next} has no description.`);
    }
    next = clip.end + 1;
  }
  const { num_frames = next - 1 } = file;
  if (num_frames !== next - 1) {
    throw new NarrativeError(`Its clips end at position ${next - 1}, and it has ${num_frames} frames.`);
  }
  const told = fromFile({ ...file, num_frames });
  const texts = [told.style, told.reasoning].every((text) => typeof text === "string");
  if (!texts || !(told.interval > 0) || !told.anchors.every(({ frame, image }) => Number.isInteger(frame + image))) {
    throw new NarrativeError("Its style, interval or image positions cannot be read.");
  }
  return toFile(checked(told));
}
