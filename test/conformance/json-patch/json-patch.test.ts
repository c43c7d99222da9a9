import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { isJsonArray, isJsonObject, parseJson, stringifyJson, type Json, type JsonObject } from "@sallyport/contract/json.ts";
import { applyPatch, type PatchOperation } from "@sallyport/contract/json-patch.ts";

// Cases of our own, from RFC 6901 (sections 4 and 5) and RFC 6902 (section 4 and appendix A), as text so that numbers stay.
const pointerCases = casesOf("pointer-cases.json");
const patchCases = casesOf("patch-cases.json");

const POINTER_DOCUMENT = parsed(
  '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8,"o~1p":9,"\u00e9":10,"q":{"":{"r":11}}}',
);

describe("JSON pointers in patches follow RFC 6901", () => {
  it.each(pointerCases)("$name", ({ fields }) => {
    const path = textOf(fields, "pointer");
    const wanted = fields.get("value") ?? null;
    const value = wanted === "whole" ? POINTER_DOCUMENT : wanted;
    const answer = applyPatch(POINTER_DOCUMENT, [{ op: "test", path, value }], { maxBytes: 10_000 });
    const error = fields.get("error");
    expect(answer).toEqual(error === undefined ? { ok: true, value: POINTER_DOCUMENT } : rejection(0, error, path));
  });
});

describe("JSON patches follow RFC 6902", () => {
  it("has at least a hundred cases", () => {
    expect(patchCases.length).toBeGreaterThanOrEqual(100);
  });

  it.each(patchCases)("$name", ({ fields }) => {
    const document = valueIn(fields, "doc");
    const before = document === undefined ? undefined : stringifyJson(document);
    const operations = operationsOf(valueIn(fields, "patch") ?? []);
    const answer = applyPatch(document, operations, { maxBytes: 10_000 });
    const error = fields.get("error");
    if (error !== undefined) {
      const opIndex = Number(fields.get("opIndex") ?? 0);
      expect(answer).toMatchObject({ ok: false, error: { opIndex, code: error } });
    } else {
      const expected = fields.has("expectedNone") ? undefined : valueIn(fields, "expected");
      expect(answer).toEqual({ ok: true, value: expected });
      if (answer.ok && answer.value !== undefined && expected !== undefined) {
        expect(stringifyJson(answer.value)).toBe(stringifyJson(expected));
      }
    }
    expect(document === undefined ? undefined : stringifyJson(document)).toBe(before);
  });
});

interface Case {
  readonly name: string;
  readonly fields: JsonObject;
}

function casesOf(file: string): readonly Case[] {
  const list = parsed(readFileSync(new URL(file, import.meta.url), "utf8"));
  if (!isJsonArray(list)) throw new Error(`${file} holds no list`);
  return list.filter(isJsonObject).map((fields) => ({ name: textOf(fields, "name"), fields }));
}

function operationsOf(patch: Json): readonly PatchOperation[] {
  if (!isJsonArray(patch)) throw new Error("a patch is a list");
  return patch.filter(isJsonObject).map((fields) => {
    const op = textOf(fields, "op");
    const path = textOf(fields, "path");
    switch (op) {
      case "remove":
        return { op, path };
      case "move":
      case "copy":
        return { op, path, from: textOf(fields, "from") };
      case "add":
      case "replace":
      case "test":
        return { op, path, value: fields.get("value") ?? null };
      default:
        throw new Error(`no operation: ${op}`);
    }
  });
}

/** A value of a case, written as JSON or as text that holds JSON. */
function valueIn(fields: JsonObject, name: string): Json | undefined {
  return fields.has(`${name}Text`) ? parsed(textOf(fields, `${name}Text`)) : fields.get(name);
}

function textOf(fields: JsonObject, name: string): string {
  const text = fields.get(name);
  if (typeof text !== "string") throw new Error(`${name} is no string`);
  return text;
}

function parsed(text: string): Json {
  const json = parseJson(text);
  if (!json.ok) throw new Error(`${json.error.kind} at ${json.error.offset}`);
  return json.value;
}

const rejection = (opIndex: number, code: Json, path: string) => ({ ok: false, error: { opIndex, code, path } });
