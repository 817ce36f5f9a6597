// Holds each entry of the packages to its size, as an application bundles it: minified and compressed.
import { gzipSync } from "node:zlib";
import { build } from "vite";

const at = (path) => new URL(path, import.meta.url).pathname;
// At most so many bytes. What is external is the application's own.
const ENTRIES = [
  { name: "checkout-sessions", entry: "sdk/dist/index.js", limit: 3 * 1024 },
  { name: "checkout-sessions/flow", entry: "sdk/dist/flow/index.js", limit: 8.25 * 1024 },
  { name: "checkout-sessions/address", entry: "sdk/dist/address.js", limit: 3.5 * 1024 },
  { name: "checkout-sessions-react", entry: "react/dist/index.js", limit: 23.5 * 1024 },
];

let isTooLarge = false;
for (const { name, entry, limit } of ENTRIES) {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: {
        input: at(entry),
        preserveEntrySignatures: "strict",
        external: [/^react($|\/)/],
        output: { minify: true },
        onwarn: () => {},
      },
    },
  });
  const code = [result]
    .flat()
    .flatMap(({ output }) => output.map((chunk) => chunk.code ?? ""))
    .join("");
  const size = gzipSync(code, { level: 9 }).length;
  console.log(`${name.padEnd(28)}${String(size).padStart(7)} of ${limit} bytes`);
  isTooLarge ||= size > limit;
}
if (isTooLarge) throw new Error("An entry is larger than its budget.");
