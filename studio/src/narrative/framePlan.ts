/**
 * Pixel frames and latent frames, and which clip a latent frame reads: `reasondiff.timeline` and the majority rule of
 * `reasondiff.narrative.frame_plan`.
 */

import { type Clip, type Narrative, clipAt } from "./narrative";
import { retime } from "./reduce";

/** First frame and one past the last of every latent frame: frame 0 alone, then `stride` frames each. */
export function latentFrames(numFrames: number, stride: number): { start: number; end: number }[] {
  const later = Math.ceil((numFrames - 1) / stride);
  const groups = Array.from({ length: later }, (_, k) => ({ start: k * stride + 1, end: (k + 1) * stride + 1 }));
  return [{ start: 0, end: 1 }, ...groups];
}

/** The shortest video that a VAE with this stride can hold and that has `numFrames` or more. */
export function videoFrames(numFrames: number, stride: number): number {
  return Math.ceil((numFrames - 1) / stride) * stride + 1;
}

/** The clip that each latent frame reads. */
export function owners(narrative: Narrative, stride: number): number[] {
  const groups = latentFrames(narrative.numFrames, stride);
  const shares = groups.map((group) => narrative.clips.map((clip) => overlap(clip, group)));
  const anchors = new Map<number, number>();
  for (const anchor of narrative.anchors.toReversed()) {
    anchors.set(Math.ceil(anchor.frame / stride), clipAt(narrative, anchor.frame));
  }
  const result = shares.map((share) => share.lastIndexOf(Math.max(...share)));
  const count = (clip: number): number => result.filter((owner) => owner === clip).length;
  for (const [latentFrame, clip] of anchors) {
    const longest = result[latentFrame]!;
    if (count(longest) > 1 || !result.includes(clip)) {
      result[latentFrame] = clip;
    }
  }
  for (const clip of narrative.clips.keys()) {
    if (result.includes(clip)) {
      continue;
    }
    const free = [...shares.keys()].filter((k) => shares[k]![clip]! > 0 && count(result[k]!) > 1);
    const isAnchors = (k: number): boolean => anchors.get(k) === result[k];
    const [best] = free.toSorted(
      (a, b) => Number(isAnchors(a)) - Number(isAnchors(b)) || shares[b]![clip]! - shares[a]![clip]!,
    );
    if (best !== undefined) {
      result[best] = clip;
    }
  }
  return result;
}

/** Clips that no latent frame of the story's video would read: they would not be seen. */
export function unreadClips(narrative: Narrative, stride = 4): number[] {
  const told = retime(narrative, videoFrames(narrative.numFrames, stride));
  const read = new Set(owners(told, stride));
  return [...told.clips.keys()].filter((clip) => !read.has(clip));
}

function overlap(clip: Clip, group: { start: number; end: number }): number {
  const frames = Math.min(clip.end, group.end) - Math.max(clip.start, group.start);
  return Math.max(0, frames) / (group.end - group.start);
}
