/** The first minute with the bundled model: from nothing to a video, and one clip of it again. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type Video } from "../../src/api/client";
import { launch } from "./chromium";
import { Server } from "./server";

const SHOTS = process.env["SCREENSHOTS"];

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start("bundled");
  browser = await launch();
}, 600_000);

afterAll(async () => {
  await browser.close();
  await server.stop();
});

async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `bundled-${name}.png`), fullPage: true });
  }
}

test("an example becomes a video", { timeout: 900_000 }, async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(400_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(server.address);
  await page.locator("story-form").getByRole("button", { name: "A cat plays in the room." }).click();
  await page.locator("reasondiff-timeline .clip").first().waitFor();
  await shoot(page, "told");
  await page.getByRole("button", { name: "Tell again: clip 2" }).click();
  await page.getByText("Clip 2 was told again.").waitFor();
  await page.getByRole("button", { name: "Make the video" }).click();
  await page.locator("latent-preview").waitFor();
  await shoot(page, "making");
  await page.locator("take-player video").waitFor();
  await page.waitForTimeout(2000);
  await shoot(page, "made");
  const { data } = (await (await page.request.get(`${server.address}/v1/videos`)).json()) as { data: Video[] };
  expect(data.map((video) => video.status)).toEqual(["completed"]);
  await page.getByText("Redo one clip, keep the rest").click();
  await page.locator("clip-redo select").selectOption({ index: 2 });
  await page.getByRole("button", { name: "Redo with another seed" }).click();
  await page.locator("take-player video.second").waitFor();
  await page.waitForTimeout(1000);
  await shoot(page, "redone");
  expect(problems).toEqual([]);
});
