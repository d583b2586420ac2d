import { defineConfig } from "vite";

/** Files have fixed names, so that a rebuild can be compared with what is committed, and relative addresses. */
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/reasondiff/studio/dist",
    emptyOutDir: true,
    target: "es2023",
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8000" } },
});
