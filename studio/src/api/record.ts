/** The record that ReasonDiff writes into its videos, read in the browser; see `reasondiff.media.record`. */

import { type NarrativeFile } from "../narrative/narrative";

export interface GenerationRecord {
  readonly prompt: string;
  readonly narrative: NarrativeFile;
  readonly seed: number;
  /** The prepared image as PNG in base64; null where it was left out. */
  readonly image: string | null;
  /** The others of a story of several images, in the same way. */
  readonly more_images?: readonly string[];
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
}

const MARK = '{"reasondiff_record"';
const MAX_LENGTH = 2 ** 26;

/** Boxes from the file's top to the comment's text, and the bytes between a box's header and its first child. */
const WAY: readonly (readonly [string, number])[] = [
  ["moov", 0],
  ["udta", 0],
  ["meta", 4],
  ["ilst", 0],
  ["\u00a9cmt", 0],
  ["data", 8],
];

/** The record of an MP4, or null if it has none. */
export async function readRecord(file: Blob): Promise<GenerationRecord | null> {
  let [start, end] = [0, file.size];
  for (const [name, skip] of WAY) {
    const box = await findBox(file, start, end, name);
    if (box === null) {
      return null;
    }
    [start, end] = [box.start + skip, box.end];
  }
  if (end - start > MAX_LENGTH) {
    return null;
  }
  const text = await file.slice(start, end).text();
  return text.startsWith(MARK) ? (JSON.parse(text) as GenerationRecord) : null;
}

async function findBox(file: Blob, start: number, end: number, name: string): Promise<Span | null> {
  while (start + 8 <= end) {
    const header = new DataView(await file.slice(start, Math.min(start + 16, end)).arrayBuffer());
    const kind = String.fromCharCode(...[4, 5, 6, 7].map((at) => header.getUint8(at)));
    const short = header.getUint32(0);
    const large = short === 1 && header.byteLength === 16;
    const length = large ? Number(header.getBigUint64(8)) : short || end - start;
    if (length < 8 || start + length > end) {
      return null;
    }
    if (kind === name) {
      return { start: start + (large ? 16 : 8), end: start + length };
    }
    start += length;
  }
  return null;
}

interface Span {
  readonly start: number;
  readonly end: number;
}
