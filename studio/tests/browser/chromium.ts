/** A real browser: Debian's Chromium, or the one that CHROMIUM names. */

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

export const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export function launch(): Promise<Browser> {
  if (!existsSync(EXECUTABLE)) {
    throw new Error(`There is no browser ${EXECUTABLE}; install Debian's chromium, or name one in CHROMIUM.`);
  }
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
