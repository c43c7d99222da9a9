import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringifyJson } from "@sallyport/contract/json.ts";
import { toBodyView } from "../../../src/review/body-view.ts";
import { parseMediaType } from "../../../src/review/media-type.ts";
import { json } from "../../support/json-arbitrary.ts";
import { bytes } from "../../support/patching.ts";

const kindOf = (body: Uint8Array | string, format: "json" | "text" | "bytes", contentType: string | undefined): string => {
  const view = toBodyView(typeof body === "string" ? bytes(body) : body, format, contentType);
  return view.ok ? view.value.format : view.error.kind;
};

describe("toBodyView as json (C24)", () => {
  it.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/vnd.api+json",
    "application/json ;",
  ])("takes %s", (type) => {
    expect(kindOf('{"a":1}', "json", type)).toBe("json");
  });

  it.each([
    undefined,
    "",
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; charset",
    "application/json; =utf-8",
    'application/json; charset="utf-8',
    "json",
    "+json",
  ])("does not support %j", (type) => {
    expect(kindOf('{"a":1}', "json", type)).toBe("unsupported");
  });

  it.each([
    ["two members of one name", '{"a":1,"a":2}'],
    ["nesting of 129", "[".repeat(129) + "]".repeat(129)],
    ["a byte order mark", '\ufeff{"a":1}'],
    ["text behind the value", "{} {}"],
    ["a comment", "{}// ok"],
    ["nothing", " "],
  ])("finds %s malformed", (_what, text) => {
    expect(kindOf(text, "json", "application/json")).toBe("malformed");
  });

  it.each([
    ["a lone continuation byte", [0x22, 0x80, 0x22]],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["a surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["half a character at the end", [0x22, 0xc3, 0x22]],
  ])("finds %s malformed: it is no UTF-8", (_what, raw) => {
    expect(kindOf(new Uint8Array(raw), "json", "application/json")).toBe("malformed");
    expect(kindOf(new Uint8Array(raw), "text", "text/plain")).toBe("malformed");
  });

  it("shows the text as it came and the value it means", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = ` ${stringifyJson(value)}\n`;
        const view = toBodyView(bytes(text), "json", "application/json");
        expect(view.ok && view.value.format === "json" && [view.value.text, stringifyJson(view.value.value)]).toEqual([
          text,
          stringifyJson(value),
        ]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("toBodyView as text and bytes (C24)", () => {
  it("takes text of every type, also of none, and keeps a byte order mark", () => {
    for (const type of [undefined, "text/html", "application/octet-stream", "multipart/form-data; boundary=x"]) {
      expect(toBodyView(bytes("\ufeffa"), "text", type)).toEqual({ ok: true, value: { format: "text", text: "\ufeffa" } });
    }
  });

  it.each([
    "text/plain; charset=latin1",
    "text/plain; charset=utf-7",
    "text/plain; charset=utf-8; charset=latin1",
    "text plain",
    "",
  ])("does not support text of type %j", (type) => {
    expect(kindOf("a", "text", type)).toBe("unsupported");
  });

  it("takes us-ascii at its word", () => {
    expect(kindOf("plain", "text", "text/plain; charset=us-ascii")).toBe("text");
    expect(kindOf("caf\u00e9", "text", "text/plain; charset=us-ascii")).toBe("malformed");
  });

  it("shows any bytes as bytes, whatever they are called", () => {
    expect(kindOf(new Uint8Array([0xff, 0x00]), "bytes", "application/json; charset=utf-16")).toBe("bytes");
    expect(kindOf(new Uint8Array([0xff, 0x00]), "bytes", undefined)).toBe("bytes");
  });
});

describe("parseMediaType", () => {
  it.each([
    ["text/plain", "text/plain", {}],
    ["TEXT/Plain ; Charset=UTF-8 ;; a=b", "text/plain", { charset: "UTF-8", a: "b" }],
    ['a/b;x="q;u\\"o\\\\ted";y=1', "a/b", { x: 'q;u"o\\ted', y: "1" }],
    ['a/b;x=""', "a/b", { x: "" }],
  ])("reads %s", (text, type, parameters) => {
    expect(parseMediaType(text)).toEqual({ type, parameters: new Map(Object.entries(parameters)) });
  });

  it.each([
    "",
    "text",
    "text/",
    "/plain",
    "text/plain; a = b",
    "text/plain; a=b c",
    "text/plain; a=b; A=c",
    "te xt/plain",
    'a/b; x="y"z',
    "a/b c",
  ])("refuses %j", (text) => {
    expect(parseMediaType(text)).toBeUndefined();
  });
});
