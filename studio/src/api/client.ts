/** The server's API as a browser uses it: `docs/server.md`. The studio knows nothing else of the server. */

import { dataUrl } from "../files";
import { type NarrativeFile } from "../narrative/narrative";

export type Status = "queued" | "in_progress" | "completed" | "failed";

export interface Video {
  readonly id: string;
  readonly object: "video";
  readonly model: string;
  readonly status: Status;
  /** 0 to 100. */
  readonly progress: number;
  readonly created_at: number;
  readonly completed_at?: number | null;
  readonly prompt?: string | null;
  readonly seconds?: string;
  readonly size?: string;
  readonly remixed_from_video_id?: string | null;
  readonly error?: { code: string; message: string } | null;
  readonly reasondiff?: {
    readonly narrative?: NarrativeFile | null;
    readonly seed?: number | null;
    readonly num_frames?: number;
    readonly stage?: string | null;
    readonly step?: number | null;
    readonly steps?: number | null;
    readonly queue_position?: number | null;
    readonly eta_s?: number | null;
    /** What was asked of each image. */
    readonly images?: readonly { readonly frame_type: Place["type"]; readonly frame_index: number | null }[];
    /** What ``content`` can give now. */
    readonly variants?: readonly Variant[];
  };
}

export interface Model {
  readonly id: string;
  readonly reasondiff?: {
    readonly num_frames?: number | null;
    readonly stride?: number | null;
    readonly num_inference_steps?: number | null;
    readonly seconds_per_video?: number | null;
    /** GPU memory that a video of these defaults takes. */
    readonly memory_gb?: number;
    /** Seconds between frames. */
    readonly interval?: number;
    readonly width?: number;
    readonly height?: number;
  };
}

/** Where an image is to be: found by the narrator, at an end, or at a frame. */
export type Place = { readonly type: "auto" | "first_frame" | "last_frame" } | { readonly type: "frame_index"; readonly frame: number };

export interface PlacedImage {
  readonly image: Blob;
  readonly place: Place;
}

export interface Told {
  readonly narrative: NarrativeFile;
  readonly candidates: readonly NarrativeFile[];
}

export type Variant =
  | "video"
  | "thumbnail"
  | "spritesheet"
  | "narrative"
  | "record"
  | "contact_sheet"
  | "gif"
  | "preview"
  | "image";

/** What the server refused, in its own words. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null,
  ) {
    super(message);
  }
}

export interface NewVideo {
  readonly images: readonly PlacedImage[];
  readonly prompt: string;
  readonly narrative: NarrativeFile | null;
  readonly seed: number | null;
  readonly steps: number | null;
}

export class Client {
  constructor(
    private readonly base = "v1",
    private readonly key: () => string | null = () => null,
  ) {}

  async models(): Promise<readonly Model[]> {
    return (await this.json<{ data: Model[] }>("GET", "models")).data;
  }

  /**
   * A story for images and a text, and the narrator's other ideas.
   *
   * @param stop - ends it; the server forgets it then.
   */
  async tell(images: readonly PlacedImage[], prompt: string, stop: AbortSignal | null = null): Promise<Told> {
    const body = await formOf(images, "image", { prompt });
    return (await this.fetch("POST", "narratives", body, {}, stop)).json();
  }

  /** The same story with another text for one clip, which counts from 0. */
  async retell(
    images: readonly PlacedImage[],
    prompt: string,
    narrative: NarrativeFile,
    clip: number,
    stop: AbortSignal | null = null,
  ): Promise<Told> {
    const body = await formOf(images, "image", { prompt, narrative: JSON.stringify(narrative), clip: String(clip + 1) });
    return (await this.fetch("POST", "narratives", body, {}, stop)).json();
  }

  /** Ask for a video; the same `idempotencyKey` twice makes one. */
  async create(video: NewVideo, idempotencyKey: string): Promise<Video> {
    const fields: Record<string, string> = { prompt: video.prompt };
    if (video.narrative) fields["narrative"] = JSON.stringify(video.narrative);
    if (video.seed !== null) fields["seed"] = String(video.seed);
    if (video.steps !== null) fields["num_inference_steps"] = String(video.steps);
    const body = await formOf(video.images, "input_reference", fields);
    return this.json("POST", "videos", body, { "Idempotency-Key": idempotencyKey });
  }

  /** The same video with another seed, from the images that the server has. */
  again(video: Video, seed: number): Promise<Video> {
    const { narrative } = video.reasondiff ?? {};
    const body = JSON.stringify({ video: { id: video.id }, prompt: video.prompt, seed, ...(narrative ? { narrative } : {}) });
    return this.json("POST", "videos/edits", body, { "Content-Type": "application/json" });
  }

  /** A finished video with one clip, counted from 0, made again: with other words, or else with another seed. */
  redo(video: Video, clip: number, text: string | null): Promise<Video> {
    const body = JSON.stringify({ video: { id: video.id }, clip: clip + 1, ...(text === null ? {} : { prompt: text }) });
    return this.json("POST", "videos/edits", body, { "Content-Type": "application/json" });
  }

  /** The newest videos first, and whether there are more. */
  async list(limit = 50): Promise<{ videos: readonly Video[]; more: boolean }> {
    const page = await this.json<{ data: Video[]; has_more: boolean }>("GET", `videos?limit=${limit}&order=desc`);
    return { videos: page.data, more: page.has_more };
  }

  retrieve(id: string): Promise<Video> {
    return this.json("GET", `videos/${encodeURIComponent(id)}`);
  }

  cancel(id: string): Promise<Video> {
    return this.json("POST", `videos/${encodeURIComponent(id)}/cancel`);
  }

  async remove(id: string): Promise<void> {
    await this.json("DELETE", `videos/${encodeURIComponent(id)}`);
  }

  /** Bring a waiting video to another place of the queue; 0 is next. */
  move(id: string, position: number): Promise<Video> {
    const body = JSON.stringify({ queue_position: position });
    return this.json("PATCH", `videos/${encodeURIComponent(id)}`, body, { "Content-Type": "application/json" });
  }

  async content(id: string, variant: Variant): Promise<Blob> {
    const address = `videos/${encodeURIComponent(id)}/content?variant=${variant}`;
    return (await this.fetch("GET", address)).blob();
  }

  /** The images that a video was asked for with, each with its place. */
  async images(video: Video): Promise<PlacedImage[]> {
    const given = video.reasondiff?.images ?? [{ frame_type: "auto", frame_index: null }];
    const address = `videos/${encodeURIComponent(video.id)}/content?variant=image&image=`;
    const fetched = given.map(async ({ frame_type, frame_index }, index): Promise<PlacedImage> => {
      const image = await (await this.fetch("GET", `${address}${index + 1}`)).blob();
      const place = frame_type === "frame_index" ? { type: frame_type, frame: frame_index ?? 0 } : { type: frame_type };
      return { image, place };
    });
    return Promise.all(fetched);
  }

  /**
   * A video's events from the first to the last, as they come. A broken connection is taken up after the last event.
   *
   * @param stop - ends it.
   */
  async *events(id: string, stop: AbortSignal): AsyncGenerator<Video> {
    let last: string | null = null;
    while (!stop.aborted) {
      try {
        const headers: Record<string, string> = last === null ? {} : { "Last-Event-ID": last };
        const response = await this.fetch("GET", `videos/${encodeURIComponent(id)}/events`, null, headers, stop);
        for await (const event of serverSentEvents(response.body!)) {
          last = event.id ?? last;
          if (event.data) {
            const video = JSON.parse(event.data) as Video;
            yield video;
            if (isOver(video)) return;
          }
        }
      } catch (error) {
        if (stop.aborted || (error instanceof ApiError && error.status < 500)) return;
      }
      await pause(1000, stop);
    }
  }

  private async json<T>(
    method: string,
    address: string,
    body: BodyInit | null = null,
    headers: Record<string, string> = {},
  ): Promise<T> {
    return (await (await this.fetch(method, address, body, headers)).json()) as T;
  }

  private async fetch(
    method: string,
    address: string,
    body: BodyInit | null = null,
    headers: Record<string, string> = {},
    signal: AbortSignal | null = null,
  ): Promise<Response> {
    const key = this.key();
    const authorization: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
    const response = await fetch(`${this.base}/${address}`, {
      method,
      body,
      headers: { ...authorization, ...headers },
      signal,
    });
    if (!response.ok) {
      throw await refusalOf(response);
    }
    return response;
  }
}

/** A form with one image as a file, or with several as `frame_images`. */
async function formOf(images: readonly PlacedImage[], name: string, fields: Record<string, string>): Promise<FormData> {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  const [one] = images;
  if (images.length === 1 && one!.place.type === "auto") {
    form.set(name, one!.image, "image");
    return form;
  }
  const listed = images.map(async ({ image, place }) => ({
    type: "image_url",
    image_url: { url: await dataUrl(image) },
    frame_type: place.type,
    ...(place.type === "frame_index" ? { frame_index: place.frame } : {}),
  }));
  form.set("frame_images", JSON.stringify(await Promise.all(listed)));
  return form;
}

export function isOver(video: Video): boolean {
  return video.status === "completed" || video.status === "failed";
}

async function refusalOf(response: Response): Promise<ApiError> {
  const plain = `The server answered ${response.status}.`;
  try {
    const { error } = (await response.json()) as { error?: { message?: string; code?: string | null } };
    return new ApiError(error?.message ?? plain, response.status, error?.code ?? null);
  } catch {
    return new ApiError(plain, response.status, null);
  }
}

/** The events of a `text/event-stream`. */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<{ id: string | null; data: string }> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest = (rest + value).replaceAll("\r\n", "\n");
      const blocks = rest.split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) {
        const lines = block.split("\n");
        const of = (name: string): string[] =>
          lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
        yield { id: of("id").at(-1) ?? null, data: of("data").join("\n") };
      }
    }
  } finally {
    reader.releaseLock();
  }
}

function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    stop.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
