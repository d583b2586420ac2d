/** Where frames lie on a track, and where a dragged edge may go. */

import { latentFrames } from "../narrative/framePlan";
import { type Narrative } from "../narrative/narrative";

/** Of a story. */
export const MAX_FRAMES = 10_000;

/** Where `frame` begins, as CSS has it: in percent of the track's width. */
export function percent(frame: number, numFrames: number): string {
  return `${(frame / numFrames) * 100}%`;
}

/** The frame under a pointer. */
export function frameAt(clientX: number, track: DOMRect, numFrames: number): number {
  const share = (clientX - track.left) / track.width;
  return Math.min(Math.max(Math.floor(share * numFrames), 0), numFrames - 1);
}

/** The boundary between two frames that is nearest to a pointer, at most `last`: the track's end unless told otherwise. */
export function boundaryAt(clientX: number, track: DOMRect, numFrames: number, last = numFrames): number {
  const share = (clientX - track.left) / track.width;
  return Math.min(Math.max(Math.round(share * numFrames), 0), last);
}

/** Where latent frames begin: an edge there divides no latent frame between two clips. */
export function snappedBoundary(boundary: number, numFrames: number, stride: number): number {
  const starts = latentFrames(numFrames, stride).map((group) => group.start);
  return starts.reduce((best, start) => (Math.abs(start - boundary) < Math.abs(best - boundary) ? start : best));
}

/** `boundary`, brought to where both neighbours of `edge` keep a frame. */
export function clampedEdge(narrative: Narrative, edge: number, boundary: number): number {
  const before = narrative.clips[edge]!;
  const after = narrative.clips[edge + 1]!;
  return Math.min(Math.max(boundary, before.start + 1), after.end - 1);
}

/** Frames between two labels of the ruler, so that about ten are seen. */
export function labelStep(numFrames: number): number {
  const steps = [1, 2, 4, 5, 8, 10, 20, 40, 50, 100, 200, 500, 1000];
  return steps.find((step) => numFrames / step <= 10) ?? 2000;
}

/** A frame as people read it: its position from 1, or the second at which it is shown. */
export function label(frame: number, interval: number, units: Units): string {
  return units === "frames" ? String(frame + 1) : `${(frame * interval).toFixed(1)} s`;
}

/** The same, as it is read out. */
export function placeName(frame: number, interval: number, units: Units): string {
  return units === "frames" ? `frame ${frame + 1}` : `${(frame * interval).toFixed(1)} seconds`;
}

export type Units = "frames" | "seconds";
