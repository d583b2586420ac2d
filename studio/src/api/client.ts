/** The server's API as a browser uses it: `docs/server.md`. The studio knows nothing else of the server. */

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
    readonly stage?: string | null;
    readonly step?: number | null;
    readonly steps?: number | null;
    readonly queue_position?: number | null;
    readonly eta_s?: number | null;
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
  };
}

export interface Told {
  readonly narrative: NarrativeFile;
  readonly candidates: readonly NarrativeFile[];
}

export type Variant = "video" | "thumbnail" | "spritesheet" | "narrative" | "record" | "contact_sheet" | "preview";

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
  readonly image: Blob;
  readonly prompt: string;
  readonly narrative: NarrativeFile | null;
  readonly seed: number | null;
  readonly steps: number | null;
  readonly size: string | null;
}

export class Client {
  constructor(
    private readonly base = "v1",
    private readonly key: () => string | null = () => null,
  ) {}

  async models(): Promise<readonly Model[]> {
    return (await this.json<{ data: Model[] }>("GET", "models")).data;
  }

  /** A story for an image and a text, and the narrator's other ideas. */
  tell(image: Blob, prompt: string): Promise<Told> {
    const form = new FormData();
    form.set("image", image, "image");
    form.set("prompt", prompt);
    return this.json("POST", "narratives", form);
  }

  /** Ask for a video; the same `idempotencyKey` twice makes one. */
  create(video: NewVideo, idempotencyKey: string): Promise<Video> {
    const form = new FormData();
    form.set("prompt", video.prompt);
    form.set("input_reference", video.image, "image");
    if (video.narrative) form.set("narrative", JSON.stringify(video.narrative));
    if (video.seed !== null) form.set("seed", String(video.seed));
    if (video.steps !== null) form.set("num_inference_steps", String(video.steps));
    if (video.size) form.set("size", video.size);
    return this.json("POST", "videos", form, { "Idempotency-Key": idempotencyKey });
  }

  /** The newest videos first. */
  async list(limit = 50): Promise<readonly Video[]> {
    return (await this.json<{ data: Video[] }>("GET", `videos?limit=${limit}&order=desc`)).data;
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
