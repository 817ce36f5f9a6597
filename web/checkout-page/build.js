// Builds dist/: the document with script and style, and the texts of each language. The function fills in the rest. What is
// committed is what this writes; CI builds again and compares.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { build } from "vite";

const here = new URL("./", import.meta.url);
const at = (path) => new URL(path, here).pathname;
const sources = {
  "checkout-sessions-react": at("../react/src/index.ts"),
  "checkout-sessions/address": at("src/no-verification.ts"),
  "checkout-sessions/flow": at("../sdk/src/flow/index.ts"),
  "checkout-sessions": at("../sdk/src/index.ts"),
  // The document has all texts of its language, so no other one takes their place.
  "./messages/en.js": at("src/no-messages.ts"),
  "react-dom/client": "preact/compat/client",
  "react-dom": "preact/compat",
  "react/jsx-runtime": "preact/jsx-runtime",
  react: "preact/compat",
};
const alias = Object.entries(sources).map(([find, replacement]) => ({ find: new RegExp(`^${find}$`), replacement }));

/** Bundles a script into one text. */
async function bundle(entry) {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    root: at("."),
    resolve: { alias },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: {
        // "use client" is for the applications that use the package.
        onwarn: (warning, warn) => warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning),
        input: at(entry),
        output: { format: "es", codeSplitting: false },
      },
    },
  });
  const scripts = [result].flat().flatMap(({ output }) => output.filter(({ type }) => type === "chunk"));
  if (scripts.length !== 1) throw new Error(`expected one script, and there are ${scripts.length}`);
  // An end tag within the script would end it.
  return scripts[0].code.trim().replaceAll("</script", "<\\/script");
}

const css = (await Promise.all(["../react/styles.css", "src/page.css"].map((path) => readFile(at(path), "utf8")))).join(
  "\n",
);

const style = css
  .replace(/\s*\n\s*/g, " ")
  .replace(/ ?([{};:,]) /g, "$1")
  .trim();
const script = await bundle("src/main.tsx");
const template = await readFile(at("src/document.html"), "utf8");
// As functions: `$&` within the script is no pattern.
const page = template.replace("{{style}}", () => style).replace("{{script}}", () => script);
await mkdir(at("dist"), { recursive: true });
await writeFile(at("dist/checkout.html"), page);

// The pages of a payment link, which have no script.
const pay = await readFile(at("src/pay.html"), "utf8");
await writeFile(
  at("dist/pay.html"),
  pay.replace("{{style}}", () => style),
);

const shop = await bundle("src/shop.ts");
const shopTemplate = await readFile(at("src/shop.html"), "utf8");
await writeFile(
  at("dist/shop.html"),
  shopTemplate.replace("{{script}}", () => shop),
);

const languages = { en: "en", de: "de", fr: "fr", es: "es", "pt-br": "ptBr", ja: "ja", "zh-cn": "zhCn", ar: "ar" };
for (const [file, name] of Object.entries(languages)) {
  const { output } = await build({
    configFile: false,
    logLevel: "warn",
    build: { write: false, ssr: at(`../react/src/messages/${file}.ts`) },
  });
  const module = await import(`data:text/javascript,${encodeURIComponent(output[0].code)}`);
  await writeFile(at(`dist/${file}.json`), `${JSON.stringify(module[name], null, 1)}\n`);
}
