import { defineConfig } from "vitest/config";

const at = (path: string) => new URL(path, import.meta.url).pathname;

// React here; the checkout page runs the same component with Preact, and `e2e` tests it in a browser.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^checkout-sessions\/address$/, replacement: at("../sdk/src/address.ts") },
      { find: /^checkout-sessions\/anyspend$/, replacement: at("../sdk/src/anyspend.ts") },
      { find: /^checkout-sessions\/flow$/, replacement: at("../sdk/src/flow/index.ts") },
      { find: /^checkout-sessions$/, replacement: at("../sdk/src/index.ts") },
    ],
  },
  test: { environment: "jsdom", include: ["test/**/*.test.tsx"] },
});
