import { defineConfig } from "vitest/config";

/** What needs a browser; one file after the other, because they share two cores. */
export default defineConfig({
  test: { include: ["tests/browser/*.test.ts"], fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 },
});
