// Writes src/openapi.ts, the types of the API's document. CI runs it and compares.
import { writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../openapi.yaml", import.meta.url);
const types = await openapiTS(source, {
  emptyObjectsUnknown: true,
  // A field with a default may be left out of a request.
  defaultNonNullable: false,
  transform(schema) {
    // Alternatives that only say which fields are needed together would become `unknown`, and the whole with them.
    if (schema.anyOf?.every((part) => Object.keys(part).every((key) => key === "required"))) delete schema.anyOf;
    return undefined;
  },
});
const header = "// Generated from openapi.yaml by `npm run types -w sdk`.\n\n";
await writeFile(new URL("src/openapi.ts", import.meta.url), header + astToString(types));
