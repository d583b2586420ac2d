/** How the page says things. */

import { ApiError, type Video } from "../api/client";

export function duration(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 90 ? `${whole} s` : whole < 5400 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What went wrong, in a sentence. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    return error.message;
  }
  return error instanceof TypeError ? "The server does not answer; is it still running?" : String(error);
}

const STAGES: Readonly<Record<string, string>> = {
  narrate: "Telling the story",
  encode: "Reading the texts",
  align: "Predicting the frames",
  denoise: "Step",
  decode: "Drawing the frames",
};

/** A video's state in words. */
export function describe(video: Video): string {
  const about = video.reasondiff ?? {};
  const seed = about.seed === null || about.seed === undefined ? "" : ` (seed ${about.seed})`;
  switch (video.status) {
    case "queued":
      return about.queue_position ? `Waiting, ${about.queue_position} before it${seed}` : `Next in the queue${seed}`;
    case "in_progress": {
      const step = about.stage === "denoise" && about.steps ? ` ${about.step ?? 0} of ${about.steps}` : "";
      const left = about.eta_s ? `, ${duration(about.eta_s)} left` : "";
      return `${STAGES[about.stage ?? ""] ?? "Starting"}${step}${left}${seed}`;
    }
    case "completed":
      return `Done${seed}${video.remixed_from_video_id ? ", varied" : ""}`;
    default:
      return video.error?.code === "cancelled" ? `Stopped${seed}` : `Failed${seed}`;
  }
}
