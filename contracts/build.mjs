// Compiles the contracts: `npm run build` writes out/, `npm run check` compares it with what would be written.
//
// The same sources give the same bytes on every machine: the compiler is pinned, and its metadata, which would bring
// in the names of files, is left out. The factory's address on every chain follows from these bytes, so a changed byte
// is another factory.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import solc from "solc";

const here = new URL("./", import.meta.url);
const out = new URL("out/", here);

const settings = {
  // Without PUSH0, which not every chain has.
  evmVersion: "paris",
  // Half the code, and for it cheaper to place, at the same price of a sweep.
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};

/** The sources, by their names: the contracts, and those that the tests put in their way. */
function sources() {
  const names = ["src", "test"].flatMap((folder) =>
    readdirSync(new URL(folder, here)).map((name) => `${folder}/${name}`).filter((name) => name.endsWith(".sol")),
  );
  return Object.fromEntries(
    names.sort().map((name) => [name, { content: readFileSync(new URL(name, here), "utf8") }]),
  );
}

/** The text of each file of out/, by its name. */
function compile() {
  const input = { language: "Solidity", sources: sources(), settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (output.errors) {
    // A warning is an error: what stands on a chain cannot be corrected.
    throw new Error(output.errors.map((error) => error.formattedMessage).join("\n"));
  }
  const texts = new Map();
  for (const [source, contracts] of Object.entries(output.contracts)) {
    const folder = dirname(source) === "test" ? "test/" : "";
    for (const [name, { abi, evm }] of Object.entries(contracts)) {
      // An interface has no code.
      if (evm.bytecode.object) {
        const artifact = { abi, bytecode: `0x${evm.bytecode.object}` };
        texts.set(`${folder}${name}.json`, `${JSON.stringify(artifact, null, 2)}\n`);
      }
    }
  }
  return texts;
}

/** What out/ holds. */
function committed() {
  const names = existsSync(out) ? readdirSync(out, { recursive: true }) : [];
  const files = names.map((name) => name.replaceAll("\\", "/")).filter((name) => name.endsWith(".json"));
  return new Map(files.map((name) => [name, readFileSync(new URL(name, out), "utf8")]));
}

const compiled = compile();
if (process.argv.includes("--check")) {
  const before = committed();
  const names = new Set([...compiled.keys(), ...before.keys()]);
  const changed = [...names].filter((name) => compiled.get(name) !== before.get(name));
  if (changed.length > 0) {
    console.error(`contracts/out is not what the sources compile to: ${changed.join(", ")}`);
    process.exit(1);
  }
  console.log(`contracts/out is what the sources compile to: ${names.size} contracts`);
} else {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(new URL("test/", out), { recursive: true });
  for (const [name, text] of compiled) writeFileSync(new URL(name, out), text);
  console.log(`${compiled.size} contracts in contracts/out`);
}
