/** The whole page in a real browser, against a real server whose videos are drawn: see tests/studio/drawn.py. */

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { type Video } from "../../src/api/client";
import { type NarrativeFile } from "../../src/narrative/narrative";
import { launch } from "./chromium";
import { Server } from "./server";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const IMAGE = new URL("vase.png", import.meta.url).pathname;
const SECOND = new URL("../../public/example-vase.png", import.meta.url).pathname;
/** Where pictures of the page are kept to be looked at; nowhere unless it is given. */
const SHOTS = process.env["SCREENSHOTS"];

const TELEPHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

let server: Server;
let browser: Browser;
let context: BrowserContext;
let problems: string[] = [];

beforeAll(async () => {
  server = await Server.start("drawn");
  browser = await launch();
}, 300_000);

afterAll(async () => {
  await browser.close();
  await server.stop();
});

afterEach(async () => {
  await context.close();
  expect(problems).toEqual([]);
});

async function open(options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  problems = [];
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  return visit();
}

async function visit(): Promise<Page> {
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) problems.push(message.text());
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== server.address) problems.push(`asked ${request.url()}`);
  });
  await page.goto(server.address);
  await page.locator(".model", { hasText: "storyworld-tiny" }).waitFor({ state: "attached" });
  return page;
}

async function tell(page: Page, images: string | string[] = IMAGE): Promise<void> {
  await page.setInputFiles("story-form input[type=file]", images);
  await page.fill("story-form textarea", "A cat plays in the room.");
  await page.getByRole("button", { name: "Tell the story" }).click();
  await page.locator("reasondiff-timeline .clip").first().waitFor({ timeout: 120_000 });
}

async function make(page: Page, seed: number, steps = 4): Promise<void> {
  await page.getByLabel("Seed", { exact: true }).fill(String(seed));
  await page.getByLabel("Steps").fill(String(steps));
  await page.getByRole("button", { name: "Make the video" }).click();
}

const take = (page: Page, seed: number, status: string) =>
  page.locator(`take-list li[data-status=${status}]`, { hasText: `(seed ${seed})` });

function told(page: Page): Promise<NarrativeFile> {
  return page.locator("reasondiff-timeline").evaluate((element) => (element as never as { value: NarrativeFile }).value);
}

/** The story's file, once it is seen that the timeline shows just that. */
async function shownStory(page: Page): Promise<NarrativeFile & { edges: number[] }> {
  const story = await told(page);
  const now = async (name: RegExp): Promise<number[]> => {
    const handles = await page.getByRole("slider", { name }).all();
    return Promise.all(handles.map(async (each) => Number(await each.getAttribute("aria-valuenow"))));
  };
  const edges = await now(/^Edge between/);
  expect(edges).toEqual(story.clips.slice(1).map((clip) => clip.start));
  expect(await now(/^Image$/)).toEqual([story.position]);
  expect(await page.locator("clip-texts textarea").evaluateAll((all) => all.map((each) => (each as HTMLTextAreaElement).value)))
    .toEqual(story.clips.map((clip) => clip.description));
  return { ...story, edges };
}

/** Drag a handle of the timeline by so many frames. */
async function dragBy(page: Page, handle: Locator, frames: number): Promise<void> {
  const { num_frames } = await told(page);
  const track = (await page.locator("reasondiff-timeline .clips").boundingBox())!;
  const box = (await handle.boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 3];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + (track.width * frames) / num_frames, y, { steps: 6 });
  await page.mouse.up();
}

async function videos(page: Page): Promise<Video[]> {
  return (await (await page.request.get(`${server.address}/v1/videos`)).json()).data;
}

async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }
}

test("from an image to a video: tell, change, make, watch, play, save", async () => {
  expect(existsSync(IMAGE)).toBe(true);
  const page = await open();
  await tell(page);
  await shoot(page, "told");
  await page.getByRole("slider", { name: "Edge between clips 1 and 2" }).focus();
  await page.keyboard.press("ArrowRight");
  const story = await told(page);
  await make(page, 11, 30);
  await take(page, 11, "in_progress").waitFor();
  await page.waitForFunction(() => {
    const preview = document.querySelector("reasondiff-studio")!.shadowRoot!.querySelector("latent-preview");
    const canvas = preview?.shadowRoot!.querySelector("canvas");
    if (!canvas?.width) return false;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data).size > 10;
  });
  await shoot(page, "making");
  await take(page, 11, "completed").waitFor();
  await page.waitForFunction(() => {
    const player = document.querySelector("reasondiff-studio")!.shadowRoot!.querySelector("take-player");
    return (player?.shadowRoot?.querySelector("video")?.currentTime ?? 0) > 0.5;
  });
  await shoot(page, "made");
  const [video] = await videos(page);
  expect(video!.reasondiff!.narrative!.clips).toEqual(story.clips);
  expect(video!.reasondiff!.seed).toBe(11);
  const saved = async (name: string): Promise<Buffer> => {
    const button = page.getByRole("button", { name: `Save ${name}`, exact: true });
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    return readFileSync((await download.path())!);
  };
  const bytes = await saved("MP4");
  expect(bytes.subarray(4, 8).toString()).toBe("ftyp");
  expect((await saved("GIF")).subarray(0, 6).toString()).toBe("GIF89a");
  expect((await saved("Sheet")).subarray(1, 4).toString()).toBe("PNG");
  expect(JSON.parse((await saved("Story")).toString()).clips).toEqual(story.clips);
  expect(bytes.equals(await (await page.request.get(`${server.address}/v1/videos/${video!.id}/content`)).body())).toBe(true);
});

test("by mouse, the file is what the timeline shows after every step", async () => {
  const page = await open();
  await tell(page);
  const states = [await shownStory(page)];
  const stepped = async (): Promise<void> => {
    states.push(await shownStory(page));
    expect(states.at(-1)).not.toEqual(states.at(-2));
  };
  await page.getByRole("button", { name: "Snap" }).click();
  await dragBy(page, page.getByRole("slider", { name: "Edge between clips 1 and 2" }), 3);
  await stepped();
  expect(states[1]!.edges[0]).toBe(states[0]!.edges[0]! + 3);
  await dragBy(page, page.getByRole("slider", { name: "Image" }), -5);
  await stepped();
  expect(states[2]!.position).toBe(states[0]!.position! - 5);
  await page.getByRole("slider", { name: "Playhead" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.getByRole("button", { name: "Split" }).click();
  await stepped();
  for (const back of [2, 1, 0]) {
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await shownStory(page)).toEqual(states[back]);
  }
  await page.getByRole("button", { name: "Redo", exact: true }).click();
  expect(await shownStory(page)).toEqual(states[1]);
});

test("one clip of a finished video is made again, and shown beside what it was", async () => {
  const page = await open();
  await take(page, 11, "completed").getByRole("button", { name: "Play", exact: true }).click();
  await page.getByText("Redo one clip, keep the rest").click();
  await page.locator("clip-redo select").selectOption({ index: 1 });
  await page.locator("clip-redo textarea").fill("A dog comes.");
  await page.getByRole("button", { name: "Redo with these words" }).click();
  await page.locator("take-player video.second").waitFor();
  await page.waitForTimeout(500);
  await shoot(page, "redone");
  const [redone, before] = await videos(page);
  const texts = before!.reasondiff!.narrative!.clips.map((clip) => clip.description);
  const now = redone!.reasondiff!.narrative!.clips.map((clip) => clip.description);
  expect(now).toEqual(texts.with(1, "A dog comes."));
  expect(redone!.remixed_from_video_id).toBe(before!.id);
  await take(page, 11, "completed").last().getByRole("button", { name: "Play", exact: true }).click();
  await page.locator("take-player video.second").waitFor({ state: "detached" });
  await take(page, 11, "completed").first().getByRole("button", { name: "Delete" }).click();
  await page.waitForFunction(async (id) => {
    const { data } = await (await fetch("v1/videos")).json();
    return !data.some((each: Video) => each.id === id);
  }, redone!.id);
});

test("a dropped video brings its image, text, story and seed back", async () => {
  const page = await open();
  const [video] = await videos(page);
  const buffer = await (await page.request.get(`${server.address}/v1/videos/${video!.id}/content`)).body();
  await page.setInputFiles("story-form input[type=file]", { name: "take.mp4", mimeType: "video/mp4", buffer });
  await page.locator("reasondiff-timeline .clip").first().waitFor();
  expect((await told(page)).clips).toEqual(video!.reasondiff!.narrative!.clips);
  expect(await page.getByLabel("Seed", { exact: true }).inputValue()).toBe("11");
  expect(await page.locator("story-form img").count()).toBe(1);
  expect(await page.getByLabel("Steps").inputValue()).toBe("30");
  const story = { ...(await told(page)), position: 2 };
  await page.setInputFiles("story-form input[type=file]", {
    name: "story.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(story)),
  });
  await page.getByText("The story of story.json is on the timeline.").waitFor();
  expect((await told(page)).position).toBe(2);
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.waitForFunction((position) => {
    const timeline = document.querySelector("reasondiff-studio")!.shadowRoot!.querySelector("reasondiff-timeline");
    return (timeline as never as { value: NarrativeFile }).value.position === position;
  }, video!.reasondiff!.narrative!.position);
});

test("an example is told with one click, its story played, one clip told again, and all of it undone", async () => {
  const page = await open();
  await shoot(page, "empty");
  await page.locator("story-form").getByRole("button", { name: "A cat plays in the room." }).click();
  await page.getByRole("status").filter({ hasText: "The narrator thinks" }).waitFor();
  await page.locator("reasondiff-timeline .clip").first().waitFor({ timeout: 120_000 });
  const before = await told(page);
  await page.getByRole("button", { name: "Play the story" }).click();
  await page.getByText("Clip 2 of").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Tell again: clip 2" }).click();
  await page.getByText("Clip 2 was told again.").waitFor({ timeout: 120_000 });
  const after = await told(page);
  expect(after.clips[1]!.description).not.toBe(before.clips[1]!.description);
  expect(after.clips.toSpliced(1, 1)).toEqual(before.clips.toSpliced(1, 1));
  await page.locator("h1").click();
  await page.keyboard.press("Control+z");
  expect((await told(page)).clips).toEqual(before.clips);
});

test("several images, one of them pinned, each with its own pin", async () => {
  const page = await open();
  await page.setInputFiles("story-form input[type=file]", [IMAGE, SECOND]);
  await page.getByLabel("Where image 2 is").selectOption("First frame");
  await page.fill("story-form textarea", "A cat plays in the room.");
  await page.getByRole("button", { name: "Tell the story" }).click();
  await page.locator("reasondiff-timeline .clip").first().waitFor({ timeout: 120_000 });
  const { anchors } = await told(page);
  expect(anchors).toHaveLength(2);
  expect(anchors).toContainEqual({ position: 1, image: 1 });
  await page.getByRole("slider", { name: "Image 2" }).focus();
  await page.keyboard.press("ArrowRight");
  expect(await page.getByLabel("Where image 2 is").inputValue()).toBe("frame_index");
  expect(await page.getByLabel("Frame of image 2").inputValue()).toBe("2");
  await shoot(page, "several");
  await make(page, 15, 2);
  await take(page, 15, "completed").waitFor();
  const video = (await videos(page)).find((each) => each.reasondiff?.seed === 15)!;
  expect(video.reasondiff!.narrative!.anchors).toContainEqual({ position: 2, image: 1 });
  await page.getByRole("button", { name: "Remove image 2" }).click();
  expect((await told(page)).position).toBe(anchors!.find((each) => each.image === 0)!.position);
  await take(page, 15, "completed").getByRole("button", { name: "Use story" }).click();
  await page.locator("story-form figure").nth(1).waitFor();
  expect((await told(page)).anchors).toEqual(video.reasondiff!.narrative!.anchors);
});

test("a clip that would not be seen is said before anything is made", async () => {
  const page = await open();
  await tell(page);
  await page.getByRole("slider", { name: "Playhead" }).focus();
  for (const frame of [2, 3, 4]) {
    await page.keyboard.press("ArrowRight");
    await page.getByRole("button", { name: "Split" }).click();
    expect(frame).toBeLessThan(5);
    await page.getByRole("slider", { name: "Playhead" }).focus();
  }
  await page.getByText(/too short to be seen; make/).waitFor();
});

test("a page that is closed, a second one, and a server that is killed lose nothing", async () => {
  const page = await open();
  await tell(page);
  await make(page, 21, 240);
  await take(page, 21, "in_progress").waitFor();
  const second = await visit();
  await take(second, 21, "in_progress").waitFor();
  await second.reload();
  await take(second, 21, "in_progress").waitFor();
  await page.close();
  await server.kill();
  await second.getByText("The server does not answer.").waitFor();
  server = await server.restarted();
  await second.getByText("The server does not answer.").waitFor({ state: "detached" });
  await take(second, 21, "completed").waitFor({ timeout: 200_000 });
  expect((await videos(second)).filter((each) => each.reasondiff?.seed === 21)).toHaveLength(1);
  expect(await second.locator("story-form textarea").inputValue()).toBe("A cat plays in the room.");
  await second.locator("reasondiff-timeline .clip").first().waitFor();
}, 300_000);

test("what waits is reordered and stopped, what is made is compared and deleted", async () => {
  const page = await open();
  await tell(page);
  for (const seed of [31, 32, 33]) {
    await make(page, seed, seed === 31 ? 250 : 3);
    await page.waitForFunction((text) => document.querySelector("reasondiff-studio")!.shadowRoot!
      .querySelector("take-list")!.shadowRoot!.textContent!.includes(text), `(seed ${seed})`);
  }
  await take(page, 33, "queued").getByRole("button", { name: "Sooner" }).click();
  await page.waitForFunction(async () => {
    const { data } = await (await fetch("v1/videos")).json();
    const of = (seed: number) => data.find((each: Video) => each.reasondiff?.seed === seed)?.reasondiff?.queue_position;
    return of(33) === 0 && of(32) === 1;
  });
  await take(page, 33, "queued").getByRole("button", { name: "Change" }).click();
  await page.getByRole("button", { name: "Save the change" }).waitFor();
  await page.getByLabel("Seed", { exact: true }).fill("34");
  await page.getByRole("button", { name: "Save the change" }).click();
  await take(page, 33, "queued").waitFor({ state: "detached" });
  await page.waitForFunction(async () => {
    const { data } = await (await fetch("v1/videos")).json();
    const of = (seed: number) => data.find((each: Video) => each.reasondiff?.seed === seed)?.reasondiff?.queue_position;
    return of(33) === undefined && of(34) === 0 && of(32) === 1;
  });
  await take(page, 32, "queued").getByRole("button", { name: "Stop" }).click();
  await take(page, 32, "failed").getByText("Stopped").waitFor();
  await take(page, 34, "completed").waitFor({ timeout: 120_000 });
  await take(page, 31, "completed").getByRole("button", { name: "Play", exact: true }).click();
  await take(page, 34, "completed").getByRole("button", { name: "Compare" }).click();
  await page.getByLabel("Wipe").fill("30");
  await page.waitForTimeout(1500);
  const apart = await page.evaluate(() => {
    const player = document.querySelector("reasondiff-studio")!.shadowRoot!.querySelector("take-player")!;
    const [one, two] = player.shadowRoot!.querySelectorAll("video");
    return Math.abs(one!.currentTime - two!.currentTime);
  });
  expect(apart).toBeLessThan(0.2);
  await shoot(page, "compared");
  await take(page, 34, "completed").getByRole("button", { name: "Once more" }).click();
  await take(page, 35, "completed").waitFor();
  await take(page, 32, "failed").getByRole("button", { name: "Delete" }).click();
  await take(page, 32, "failed").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Take it back" }).click();
  await take(page, 32, "failed").waitFor();
  await take(page, 32, "failed").getByRole("button", { name: "Delete" }).click();
  await page.waitForFunction(async () => {
    const { data } = await (await fetch("v1/videos")).json();
    return !data.some((each: Video) => each.reasondiff?.seed === 32);
  });
}, 300_000);

test("a video is stopped in the middle, from beside its preview", async () => {
  const page = await open();
  await tell(page);
  await make(page, 51, 200);
  await page.getByRole("button", { name: "Stop it here" }).click();
  await take(page, 51, "failed").getByText("Stopped").waitFor();
});

test("from nothing to a video by keys alone", async () => {
  const page = await open();
  /** Press Tab until something of that name is reached. */
  const reach = async (name: RegExp): Promise<void> => {
    for (let presses = 0; presses < 120; presses++) {
      await page.keyboard.press("Tab");
      const reached = await page.evaluate(() => {
        let focused = document.activeElement;
        while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
        return focused?.getAttribute("aria-label") ?? focused?.textContent ?? "";
      });
      if (name.test(reached.trim())) return;
    }
    throw new Error(`Tab does not reach ${name}.`);
  };
  await reach(/^A cat plays in the room/);
  await page.keyboard.press("Enter");
  await page.locator("reasondiff-timeline .clip").first().waitFor();
  const before = await told(page);
  await reach(/^Playhead/);
  await page.keyboard.press("End");
  await reach(/^Idea 3/);
  await page.keyboard.press("Enter");
  expect((await told(page)).position).not.toBe(before.position);
  await page.keyboard.press("Control+z");
  await reach(/^Edge between clips 2 and 3/);
  await page.keyboard.press("ArrowLeft");
  expect((await told(page)).clips[1]!.end).toBe(before.clips[1]!.end - 1);
  await reach(/^Make the video/);
  await page.keyboard.press("Enter");
  await page.locator("take-player video").waitFor();
  await page.evaluate(() => (document.querySelector("reasondiff-studio")!.shadowRoot!.activeElement as HTMLElement)?.blur());
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Play", exact: true }).first().waitFor();
});

test("from nothing to a video by touch, on a telephone", async () => {
  const page = await open(TELEPHONE);
  await page.locator("story-form").getByRole("button", { name: "A cat plays in the room." }).tap();
  await page.locator("reasondiff-timeline .clip").first().waitFor({ timeout: 120_000 });
  await page.locator("reasondiff-timeline .clip").nth(1).tap();
  await page.getByRole("button", { name: "Merge" }).tap();
  const story = await told(page);
  await page.getByLabel("Seed", { exact: true }).fill("61");
  await page.getByRole("button", { name: "Make the video" }).tap();
  await take(page, 61, "completed").waitFor();
  const made = (await videos(page)).find((each) => each.reasondiff?.seed === 61);
  expect(made!.reasondiff!.narrative!.clips).toEqual(story.clips);
  await page.locator("take-player video").waitFor();
});

test("what cannot be done is said in a sentence and loses nothing", async () => {
  const page = await open();
  await page.setInputFiles("story-form input[type=file]", {
    name: "notes.json",
    mimeType: "application/json",
    buffer: Buffer.from("not json"),
  });
  await page.getByText("notes.json cannot be read as a story").waitFor();
  await page.setInputFiles("story-form input[type=file]", {
    name: "gap.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify({ num_frames: 9, clips: [{ start: 2, end: 9, description: "A vase." }] })),
  });
  await page.getByText("gap.json cannot be read as a story: Its clips leave out or repeat a frame").waitFor();
  await page.setInputFiles("story-form input[type=file]", {
    name: "broken.png",
    mimeType: "image/png",
    buffer: Buffer.from("not a picture"),
  });
  await page.fill("story-form textarea", "A cat plays in the room.");
  await page.getByRole("button", { name: "Tell the story" }).click();
  await page.locator("story-form .error", { hasNotText: ".json" }).waitFor();
  expect(await page.locator("story-form .error").textContent()).toMatch(/image|picture/i);
});

test.each([
  ["a telephone", TELEPHONE],
  ["a dark screen", { colorScheme: "dark", reducedMotion: "reduce" }],
] as const)("on %s nothing is wider than the screen, and axe finds nothing serious", async (name, options) => {
  const page = await open(options);
  await tell(page);
  const { width } = page.viewportSize()!;
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  const done = page.locator("take-list li[data-status=completed] .picture").first();
  await done.click();
  await page.locator("take-player video").waitFor();
  await shoot(page, name.replace(/^a /, "").replace(" ", "-"));
  if (name === "a dark screen") {
    expect(await page.locator("take-player video").evaluate((video) => (video as HTMLVideoElement).paused)).toBe(true);
  }
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    (globalThis as never as { axe: { run(): Promise<{ violations: { id: string; impact: string }[] }> } }).axe.run(),
  );
  expect(found.violations.filter(({ impact }) => impact === "serious" || impact === "critical")).toEqual([]);
});
