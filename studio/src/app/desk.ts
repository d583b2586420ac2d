import { type ReactiveController, type ReactiveControllerHost } from "lit";

import { type Client, type Place, type PlacedImage, type Video } from "../api/client";
import { type GenerationRecord, readRecord } from "../api/record";
import { blobOf, dataUrl } from "../files";
import { NarrativeError, type NarrativeFile, checkedFile } from "../narrative/narrative";
import { type Draft, type Picture, EMPTY, keep, kept, positions } from "./draft";

/** How long what was done can be taken back at the foot of the page. */
export const NOTICE_MS = 8000;

export const AUTO: Place = { type: "auto" };

export interface Notice {
  readonly text: string;
  readonly undo: () => void;
}

/** What is being worked on, and how it was a moment ago. */
export class Desk implements ReactiveController {
  draft: Draft = EMPTY;
  notice: Notice | null = null;
  /** Why a file cannot be used; "" for none. */
  problem = "";

  private timer = 0;

  /**
   * @param putOnTimeline - shows a story; the first one begins the timeline's history.
   * @param usualSteps - the model's own number of steps, where it is known.
   */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly client: Client,
    private readonly putOnTimeline: (story: NarrativeFile, isFirst: boolean) => void,
    private readonly usualSteps: () => number | null | undefined,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.set(kept());
  }

  hostDisconnected(): void {
    clearTimeout(this.timer);
  }

  change(changes: Partial<Draft>): void {
    this.draft = { ...this.draft, ...changes };
    keep(this.draft);
    this.host.requestUpdate();
  }

  /** Another draft in place of this one: its story goes onto the timeline. */
  set(draft: Draft): void {
    const isFirst = this.draft.narrative === null;
    this.change(draft);
    if (draft.narrative) {
      this.putOnTimeline(draft.narrative, isFirst);
    }
  }

  /** Say what was done, with a way to take it back. */
  tell(text: string, undo: () => void): void {
    clearTimeout(this.timer);
    this.notice = { text, undo };
    this.timer = window.setTimeout(() => this.dismiss(), NOTICE_MS);
    this.host.requestUpdate();
  }

  takeBack(): void {
    const { notice } = this;
    this.dismiss();
    notice?.undo();
  }

  /** The images, as the server takes them. */
  images(): PlacedImage[] {
    return this.draft.pictures.map(({ url, place }) => ({ image: blobOf(url), place }));
  }

  /** The images where the story has them, whatever was asked of them before it was told. */
  toldImages(): PlacedImage[] {
    return this.images().map((each) => ({ ...each, place: this.draft.narrative ? AUTO : each.place }));
  }

  async addImages(files: readonly Blob[]): Promise<void> {
    this.problem = "";
    const urls = await Promise.all(files.map(dataUrl));
    const added = urls.map((url): Picture => ({ url, place: AUTO }));
    this.change({ pictures: [...this.draft.pictures, ...added] });
  }

  removeImage(image: number): void {
    const before = this.draft;
    const pictures = before.pictures.toSpliced(image, 1);
    this.change({ pictures, ideas: [] });
    if (before.narrative?.anchors && pictures.length) {
      this.putOnTimeline(withoutImage(before.narrative, image), false);
    }
    this.tell("The image is removed.", () => this.set(before));
  }

  /** Say where an image is to be; gives the frame, 0-based, where it is to go at once. */
  setPlace(image: number, place: Place): number | null {
    const { narrative, pictures } = this.draft;
    const picture = pictures[image]!;
    const now = narrative ? positions(narrative)[image] : undefined;
    const isNew = place.type === "frame_index" && picture.place.type !== "frame_index";
    const chosen: Place = isNew && now ? { type: "frame_index", frame: now - 1 } : place;
    this.change({ pictures: pictures.with(image, { ...picture, place: chosen }) });
    return narrative && frameOf(chosen, narrative.num_frames);
  }

  /** The story was changed on the timeline: an image that was pinned elsewhere is pinned where it is now. */
  edited(narrative: NarrativeFile): void {
    const at = positions(narrative);
    const pictures = this.draft.pictures.map((picture, image): Picture => {
      const [pinned, position] = [frameOf(picture.place, narrative.num_frames), at[image]];
      const isThere = pinned === null || position === undefined || pinned === position - 1;
      return isThere ? picture : { ...picture, place: { type: "frame_index", frame: position - 1 } };
    });
    this.change({ narrative, pictures });
  }

  /** A narrative file, or a video of ours with the record of how it was made. */
  async restore(file: File): Promise<void> {
    this.problem = "";
    try {
      if (file.name.endsWith(".json") || file.type === "application/json") {
        const narrative = checkedFile(JSON.parse(await file.text()));
        this.exchange({ ...this.draft, narrative, ideas: [] }, `The story of ${file.name} is on the timeline.`);
        return;
      }
      const record = await readRecord(file);
      if (record === null) {
        this.problem = `${file.name} holds no story; give a video that ReasonDiff made, or a narrative file.`;
      } else {
        const draft = { ...this.draftOf(record), seedLocked: true };
        this.exchange(draft, `${file.name} is as it was when it was made.`);
      }
    } catch (error) {
      const given = "; give a narrative file or a video that ReasonDiff made.";
      const why = error instanceof NarrativeError ? `: ${error.message}` : given;
      this.problem = `${file.name} cannot be read as a story${why}`;
    }
    this.host.requestUpdate();
  }

  /** The images, text, story and settings of a video of the server. */
  async use(video: Video): Promise<void> {
    const text = `The story of “${video.prompt || "No text"}” is on the timeline.`;
    if (video.status === "completed") {
      const record = await readRecord(await this.client.content(video.id, "video"));
      if (record?.image) {
        this.exchange(this.draftOf(record), text);
        return;
      }
    }
    const images = await this.client.images(video);
    const read = images.map(async ({ image, place }): Promise<Picture> => ({ url: await dataUrl(image), place }));
    const pictures = await Promise.all(read);
    const { narrative = null, seed } = video.reasondiff ?? {};
    this.exchange({ ...this.draft, prompt: video.prompt ?? "", pictures, narrative, ideas: [], seed: seed ?? 0 }, text);
  }

  /** As `set`, and what was there can be had again. */
  private exchange(draft: Draft, text: string): void {
    const before = this.draft;
    this.set(draft);
    if (before.pictures.length || before.prompt || before.narrative) {
      this.tell(text, () => this.set(before));
    }
  }

  private draftOf(record: GenerationRecord): Draft {
    const images = record.image ? [record.image, ...(record.more_images ?? [])] : [];
    const pictures = images.map((image): Picture => ({ url: `data:image/png;base64,${image}`, place: AUTO }));
    const steps = record.options["num_inference_steps"];
    return {
      prompt: record.prompt,
      pictures: pictures.length ? pictures : this.draft.pictures,
      narrative: checkedFile(record.narrative),
      ideas: [],
      seed: record.seed,
      seedLocked: this.draft.seedLocked,
      steps: typeof steps === "number" && steps !== this.usualSteps() ? steps : null,
    };
  }

  private dismiss(): void {
    clearTimeout(this.timer);
    this.notice = null;
    this.host.requestUpdate();
  }
}

/** The frame at which an image is pinned in a story of so many, 0-based; null where the narrator places it. */
function frameOf(place: Place, numFrames: number): number | null {
  switch (place.type) {
    case "auto":
      return null;
    case "first_frame":
      return 0;
    case "last_frame":
      return numFrames - 1;
    case "frame_index":
      return Math.min(place.frame, numFrames - 1);
  }
}

/** A story of several images without one of them; later ones count one less. */
function withoutImage({ anchors = [], ...story }: NarrativeFile, image: number): NarrativeFile {
  const left = anchors
    .map((each) => ({ position: each.position, image: each.image ?? 0 }))
    .filter((each) => each.image !== image)
    .map((each) => ({ ...each, image: each.image - Number(each.image > image) }));
  return left.length === 1 ? { ...story, position: left[0]!.position } : { ...story, anchors: left };
}
