import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A payment takes some blocks of a second each.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each file has a service, a chain and a browser of its own, and waits most of the time for blocks.
    maxWorkers: 3,
  },
});
