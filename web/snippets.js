// Writes each example of docs/sdk.md into its own file, so that the compiler reads what people copy. The argument is the
// folder. What an example takes from its surroundings is declared.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? ".";
const text = readFileSync(new URL("../docs/sdk.md", import.meta.url), "utf8");
const SURROUNDINGS = `declare const process: { env: Record<string, string | undefined> };
declare function redirect(url: string | undefined): void;
declare function ship(reference: string | null): void;
declare const router: { push(path: string): void };
declare const id: string;
declare function setId(id: string): void;
declare const success_url: string;
declare const USDC: string;
`;
const ANYSPEND = 'import { useCheckoutSession, useCreateCheckoutSession } from "checkout-sessions-react/anyspend";\n';
const COMPONENT = 'import { Checkout } from "checkout-sessions-react";\n';

const examples = [...text.matchAll(/```(tsx?)\n([\s\S]*?)```/g)];
if (examples.length === 0) throw new Error("docs/sdk.md has no example");
for (const [number, [, language, code = ""]] of examples.entries()) {
  const imports = code.includes("import ") ? "" : code.includes("useCheckoutSession") ? ANYSPEND : COMPONENT;
  // An element by itself is a statement, and a hook is one within a component.
  const body = code.trimStart().startsWith("<") ? `export const example = (\n${code});\n` : code;
  const whole = code.includes("} = use")
    ? `export function Example() {\n${body}\n  return { createSession, isCreating, session, isComplete, isExpired };\n}\n`
    : body;
  writeFileSync(join(folder, `example-${number}.${language}`), `${imports}${whole}\n${SURROUNDINGS}\nexport {};\n`);
}
console.log(`${examples.length} examples of docs/sdk.md`);
