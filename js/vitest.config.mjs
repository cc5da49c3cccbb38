import { defineConfig } from "vitest/config";

// `css`: a test reads the imports of the style sheets. The timeout catches what hangs; a busy machine is slow, and no test may
// depend on its load.
export default defineConfig({
  test: { environment: "happy-dom", include: ["test/**/*.test.ts"], css: true, testTimeout: 60_000 },
});
