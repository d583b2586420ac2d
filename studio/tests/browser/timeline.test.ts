/** The timeline in a real browser: pointer, touch and keys, each against the story that the element holds. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, type Locator, type Page } from "playwright-core";
import { type ViteDevServer, createServer } from "vite";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { type NarrativeFile } from "../../src/narrative/narrative";
import { launch } from "./chromium";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const STORY: NarrativeFile = {
  version: 1,
  position: 33,
  num_frames: 33,
  interval: 0.2,
  style: "A sunny room.",
  clips: [
    { start: 1, end: 9, description: "A vase stands on a table." },
    { start: 10, end: 21, description: "A cat comes and pushes it." },
    { start: 22, end: 33, description: "The vase lies broken." },
  ],
};

let vite: ViteDevServer;
let browser: Browser;
let context: BrowserContext;
let problems: string[] = [];

beforeAll(async () => {
  vite = await createServer({ server: { port: 0 }, logLevel: "error" });
  await vite.listen();
  browser = await launch();
}, 60_000);

afterAll(async () => {
  await browser.close();
  await vite.close();
});

afterEach(async () => {
  await context.close();
  expect(problems).toEqual([]);
});

async function open(options: Parameters<Browser["newContext"]>[0] = {}, story = STORY): Promise<Page> {
  problems = [];
  context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(`${vite.resolvedUrls!.local[0]}tests/browser/timeline.html`);
  await page.locator("reasondiff-timeline").evaluate((element, value) => {
    Object.assign(element, { value, candidates: [{ position: 5, reasoning: "The vase may be whole." }] });
  }, story);
  return page;
}

function told(page: Page): Promise<NarrativeFile> {
  return page.locator("reasondiff-timeline").evaluate((element) => (element as never as { value: NarrativeFile }).value);
}

/** Where a boundary between frames lies on the screen. */
async function xOf(page: Page, boundary: number, frames = 33): Promise<number> {
  const box = (await page.locator(".clips").boundingBox())!;
  return box.x + (box.width * boundary) / frames;
}

async function dragTo(page: Page, handle: Locator, x: number): Promise<void> {
  const box = (await handle.boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width / 2, y);
  await page.mouse.down();
  await page.mouse.move(x - 8, y, { steps: 4 });
  await page.mouse.move(x, y);
  await page.mouse.up();
}

const ends = (story: NarrativeFile): number[] => story.clips.map((clip) => clip.end);

test("an edge is dragged, one step of undo for the whole way", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Snap" }).click();
  await dragTo(page, page.getByRole("slider", { name: "Edge between clips 1 and 2" }), await xOf(page, 12));
  expect(ends(await told(page))).toEqual([12, 21, 33]);
  await page.keyboard.press("Control+z");
  expect(await told(page)).toEqual(STORY);
  await page.keyboard.press("Control+Shift+z");
  expect(ends(await told(page))).toEqual([12, 21, 33]);
});

test("an edge snaps to where latent frames begin", async () => {
  const page = await open();
  await dragTo(page, page.getByRole("slider", { name: "Edge between clips 1 and 2" }), await xOf(page, 12));
  expect(ends(await told(page))).toEqual([13, 21, 33]);
});

test("an edge stops before its neighbours end", async () => {
  const page = await open();
  await dragTo(page, page.getByRole("slider", { name: "Edge between clips 1 and 2" }), await xOf(page, 33));
  expect(ends(await told(page))).toEqual([20, 21, 33]);
});

test("with Shift, what follows moves along and the new length is said", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Snap" }).click();
  await page.keyboard.down("Shift");
  await dragTo(page, page.getByRole("slider", { name: "Edge between clips 1 and 2" }), await xOf(page, 13));
  await page.keyboard.up("Shift");
  const story = await told(page);
  expect(ends(story)).toEqual([13, 25, 37]);
  expect(story.position).toBe(37);
  expect(await page.getByRole("status").textContent()).toBe("The story has 37 frames now.");
});

test("with Ripple pressed, as with Shift; the story's end always does", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Ripple" }).click();
  await dragTo(page, page.getByRole("slider", { name: "Edge between clips 1 and 2" }), await xOf(page, 13));
  expect(ends(await told(page))).toEqual([13, 25, 37]);
  await page.getByRole("button", { name: "Ripple" }).click();
  await page.getByRole("slider", { name: "End of the story" }).focus();
  await page.keyboard.press("ArrowRight");
  expect(ends(await told(page))).toEqual([13, 25, 41]);
  await dragTo(page, page.getByRole("slider", { name: "End of the story" }), await xOf(page, 30, 41));
  expect(ends(await told(page))).toEqual([13, 25, 30]);
  await page.keyboard.press("Control+z");
  expect(ends(await told(page))).toEqual([13, 25, 41]);
  await dragTo(page, page.getByRole("slider", { name: "End of the story" }), await xOf(page, 42, 41));
  expect(ends(await told(page))).toEqual([13, 25, 42]);
});

test("the image is dragged, and placed where the narrator thought of too", async () => {
  const page = await open();
  const pin = page.getByRole("slider", { name: "Image", exact: true });
  await dragTo(page, pin, await xOf(page, 9.5));
  expect((await told(page)).position).toBe(10);
  await page.getByRole("button", { name: /place the image at frame 5/ }).click();
  expect((await told(page)).position).toBe(5);
});

test("another idea of the narrator comes with its story, and goes again", async () => {
  const page = await open();
  const idea = { ...STORY, position: 5, clips: [{ start: 1, end: 33, description: "The vase falls by itself." }] };
  await page.locator("reasondiff-timeline").evaluate((element, narrative) => {
    Object.assign(element, { candidates: [{ position: 5, reasoning: "It may fall.", narrative, number: 3 }] });
  }, idea);
  await page.getByRole("button", { name: "Idea 3: place the image at frame 5: It may fall." }).click();
  expect((await told(page)).clips).toEqual(idea.clips);
  await page.getByRole("button", { name: "Undo" }).click();
  expect(await told(page)).toEqual(STORY);
});

test("the image is placed by a number, and goes back to where the narrator had it", async () => {
  const page = await open();
  await page.locator("reasondiff-timeline").evaluate((element) => Object.assign(element, { guesses: [33] }));
  await page.getByRole("spinbutton", { name: "Image at" }).fill("7");
  await page.getByRole("spinbutton", { name: "Image at" }).press("Enter");
  expect((await told(page)).position).toBe(7);
  await page.getByRole("spinbutton", { name: "Image at" }).fill("34");
  await page.getByRole("spinbutton", { name: "Image at" }).press("Enter");
  expect(await page.getByRole("status").textContent()).toBe("34 is no frame of this story; give 1 to 33.");
  expect((await told(page)).position).toBe(7);
  await page.getByRole("button", { name: "Narrator’s place" }).click();
  expect(await told(page)).toEqual(STORY);
});

test("every image has a pin of its own", async () => {
  const { position: _, ...rest } = STORY;
  const page = await open({}, { ...rest, anchors: [{ position: 3, image: 1 }, { position: 33, image: 0 }] });
  await dragTo(page, page.getByRole("slider", { name: "Image 2" }), await xOf(page, 9.5));
  expect((await told(page)).anchors).toEqual([{ position: 10, image: 1 }, { position: 33, image: 0 }]);
  await page.getByLabel("Image 1 at").fill("2");
  await page.getByLabel("Image 1 at").press("Enter");
  expect((await told(page)).anchors).toEqual([{ position: 2, image: 0 }, { position: 10, image: 1 }]);
});

test("a clip that is dragged over another changes places with it, in one step", async () => {
  const page = await open();
  await dragTo(page, page.getByRole("button", { name: /^Clip 1/ }), await xOf(page, 30));
  const texts = (await told(page)).clips.map((clip) => clip.description);
  expect(texts).toEqual([STORY.clips[1], STORY.clips[2], STORY.clips[0]].map((clip) => clip!.description));
  await page.getByRole("button", { name: "Undo" }).click();
  expect(await told(page)).toEqual(STORY);
});

test("everything by keys alone", async () => {
  const page = await open();
  const edge = page.getByRole("slider", { name: "Edge between clips 2 and 3" });
  await edge.focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("PageUp");
  expect(ends(await told(page))).toEqual([9, 24, 33]);
  await page.getByRole("slider", { name: "Image", exact: true }).focus();
  await page.keyboard.press("Home");
  expect((await told(page)).position).toBe(1);
  await page.getByRole("slider", { name: "Playhead" }).focus();
  await page.keyboard.press("End");
  await page.getByRole("button", { name: /^Clip 3/ }).focus();
  await page.keyboard.press("s");
  expect(ends(await told(page))).toEqual([9, 24, 32, 33]);
  await page.keyboard.press("Alt+ArrowLeft");
  expect((await told(page)).clips[1]!.description).toBe("The vase lies broken.");
  await page.keyboard.press("m");
  await page.keyboard.press("d");
  await page.keyboard.press("Delete");
  await page.keyboard.press("Enter");
  await page.locator("reasondiff-timeline textarea:focus").waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("A dog!");
  const story = await told(page);
  expect(story.clips.map((clip) => clip.description)).toContain("A dog!");
  for (let index = 0; index < 20; index++) {
    await page.getByRole("button", { name: "Undo" }).click({ force: true });
  }
  expect(await told(page)).toEqual(STORY);
});

test("a finger drags, on a telephone, where nothing is wider than the screen", async () => {
  const page = await open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const edge = page.getByRole("slider", { name: "Edge between clips 1 and 2" });
  const box = (await edge.boundingBox())!;
  const y = box.y + box.height / 2;
  const session = await context.newCDPSession(page);
  const touch = (type: string, x: number): Promise<unknown> =>
    session.send("Input.dispatchTouchEvent", {
      type: type as "touchStart",
      touchPoints: type === "touchEnd" ? [] : [{ x, y }],
    });
  await touch("touchStart", box.x + box.width / 2);
  await touch("touchMove", await xOf(page, 15));
  await touch("touchMove", await xOf(page, 17));
  await touch("touchEnd", 0);
  expect(ends(await told(page))).toEqual([17, 21, 33]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});

test("a clip that no latent frame reads is flagged", async () => {
  const clips = [
    { start: 1, end: 10, description: "A vase stands." },
    { start: 11, end: 11, description: "A flash." },
    { start: 12, end: 12, description: "A bang." },
    { start: 13, end: 13, description: "A cry." },
    { start: 14, end: 33, description: "The vase lies broken." },
  ];
  const page = await open({}, { ...STORY, clips });
  expect(await page.getByText("Too short: no latent frame reads it").count()).toBeGreaterThan(0);
  expect(await page.locator(".clip.unread").count()).toBe(await page.getByText("Too short").count());
});

test("forty clips stay usable", async () => {
  const clips = Array.from({ length: 40 }, (_, index) => ({
    start: 2 * index + 1,
    end: 2 * index + 2,
    description: `Clip number ${index + 1}.`,
  }));
  const page = await open({}, { ...STORY, num_frames: 80, position: 1, clips });
  await page.getByRole("slider", { name: "Edge between clips 39 and 40" }).focus();
  await page.keyboard.press("ArrowRight");
  expect(ends(await told(page)).slice(-2)).toEqual([79, 80]);
  await page.getByRole("button", { name: "Merge" }).click();
  expect((await told(page)).clips).toHaveLength(39);
});

test.each(["light", "dark"] as const)("a screen reader can use it, in %s", async (colorScheme) => {
  const page = await open({ colorScheme });
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    (globalThis as never as { axe: { run(): Promise<{ violations: { id: string; impact: string }[] }> } }).axe.run(),
  );
  expect(found.violations.filter(({ impact }) => impact === "serious" || impact === "critical")).toEqual([]);
});
