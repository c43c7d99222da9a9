// One place to import JSON from; each part has its own file.
export { isJsonArray, isJsonObject, RawNumber, type Json, type JsonObject } from "./json-value.ts";
export { jsonTreeBytes } from "./json-tree-bytes.ts";
export { checkJson, parseJson, type JsonProblem } from "./json-parse.ts";
export { stringifyJson } from "./json-stringify.ts";
export { jsonEquals } from "./json-equals.ts";
export { fromPlain, toPlain } from "./json-plain.ts";
