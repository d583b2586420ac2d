/** What can be tried at once with a model that ships with ReasonDiff. */

export interface Example {
  /** Its address. */
  readonly image: string;
  readonly about: string;
  readonly prompt: string;
}

const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  "storyworld-tiny": [
    { image: "example-vase.png", about: "A broken vase", prompt: "A cat plays in the room." },
    { image: "example-candle.png", about: "A snuffed candle", prompt: "A person opens the window." },
    { image: "example-bicycle.png", about: "A bicycle", prompt: "A car drives by." },
  ],
};

export function examplesOf(model: string | undefined): readonly Example[] {
  return EXAMPLES[model ?? ""] ?? [];
}
