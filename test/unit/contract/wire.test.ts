import { readFileSync } from "node:fs";

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  DescribeRequest,
  Event,
  Header,
  InterceptorDefinition,
  Manifest,
  ReviewRequest,
  Verdict,
  WatchRequest,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeStrict, METHODS, SERVICE } from "@sallyport/contract/wire.ts";
import { shapeOf, type MessageShape } from "@sallyport/contract/wire-shape.ts";

const bytes = (...parts: readonly (number | string | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : [...(typeof part === "string" ? Buffer.from(part) : part)])),
  );

describe("decodeStrict", () => {
  it("reads what generated code writes", () => {
    const manifest = Manifest.fromPartial({
      name: "tenancy",
      bindings: [{ id: "a", needs: ["/principal"], selector: { methods: ["GET"] }, cacheable: true }],
    });
    expect(decodeStrict(Manifest, Manifest.encode(manifest).finish())).toEqual({ ok: true, value: manifest });
    const request = ReviewRequest.fromPartial({
      reviewId: "r",
      view: { request: { path: "/x", headers: [{ name: "a", value: "b" }], body: { content: { $case: "json", value: "{}" } } } },
    });
    expect(decodeStrict(ReviewRequest, ReviewRequest.encode(request).finish())).toEqual({ ok: true, value: request });
  });

  it("skips fields of a newer contract", () => {
    const newer = bytes(
      0x0a,
      1,
      "r",
      0xfa,
      0x3e,
      3,
      "new",
      0xf8,
      0x3e,
      7,
      0xf9,
      0x3e,
      ...Array.from({ length: 8 }, () => 0),
      0x12,
      0,
    );
    expect(decodeStrict(Verdict, newer)).toMatchObject({ ok: true, value: { reviewId: "r", allow: {} } });
  });

  it.each<[string, Uint8Array]>([
    ["a zero byte that would hide what follows", bytes(0x12, 0, 0, 0x1a, 0)],
    ["a zero byte at the end", bytes(0x12, 0, 0)],
    ["an end-group tag that would hide what follows", bytes(0x12, 0, 0x0c, 0x1a, 0)],
    ["a group", bytes(0x7b, 0x7c)],
    ["a tag without a value", bytes(0x08)],
    ["a length without its bytes", bytes(0x0a, 5, "ab")],
    ["a length beyond 32 bits", bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ["a tag beyond 32 bits", bytes(0x92, 0x80, 0x80, 0x80, 0x80, 0x01, 0)],
    ["a number without an end", bytes(0x48, ...Array.from({ length: 11 }, () => 0x80), 0)],
    ["wire type 6", bytes(0x0e)],
    ["field number 0", bytes(0x02, 0)],
    ["a denial that is no message", bytes(0x12, 0, 0x18, 1)],
    ["an inner field that runs over the end of its message", bytes(0x1a, 3, 0x1a, 5, "a", 0x12, 0, 0x12, 0)],
    ["an inner message that is cut off", bytes(0x1a, 2, 0x1a)],
  ])("refuses %s", (_name, message) => {
    expect(decodeStrict(Verdict, message).ok).toBe(false);
  });

  it.each<[string, readonly number[]]>([
    ["a stray continuation byte", [0x80]],
    ["a cut sequence", [0xe2, 0x82]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["what is above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ])("refuses text with %s, at any depth", (_name, text) => {
    expect(decodeStrict(Verdict, bytes(0x0a, text.length, ...text)).ok).toBe(false);
    const inHeader = bytes(0x0a, text.length, ...text);
    const inDeny = bytes(0x2a, inHeader.length, inHeader);
    expect(decodeStrict(Verdict, bytes(0x1a, inDeny.length, inDeny)).ok).toBe(false);
  });

  it("keeps U+FEFF and NUL as text", () => {
    const reviewId = "\uFEFFa\u0000";
    expect(decodeStrict(Verdict, Verdict.encode(Verdict.fromPartial({ reviewId })).finish())).toMatchObject({
      value: { reviewId },
    });
  });

  it("refuses more than 65,536 fields before making objects of them", () => {
    const patches = (count: number): Uint8Array =>
      Uint8Array.from({ length: count * 2 }, (_, index) => (index % 2 === 0 ? 0x2a : 0));
    expect(decodeStrict(Verdict, patches(65_536)).ok).toBe(true);
    expect(decodeStrict(Verdict, patches(65_537)).ok).toBe(false);
  });

  it("refuses messages that never travel on their own", () => {
    expect(decodeStrict(Header, new Uint8Array()).ok).toBe(false);
  });

  it("never throws on random bytes, for any message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (random) => {
        for (const codec of [Verdict, Manifest, ReviewRequest, DescribeRequest, Event, WatchRequest]) {
          expect(typeof decodeStrict<unknown>(codec, random).ok).toBe("boolean");
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("reads, where it accepts bytes, what generated code reads", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (random) => {
        const strict = decodeStrict(Verdict, random);
        if (strict.ok) expect(strict.value).toEqual(Verdict.decode(random));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("the names of the service", () => {
  it("are those of the .proto file", () => {
    expect(SERVICE).toBe(InterceptorDefinition.fullName);
    const names = Object.values(InterceptorDefinition.methods).map(({ name }) => `/${SERVICE}/${name}`);
    expect(Object.values(METHODS)).toEqual(names);
  });
});

describe("the table of message shapes", () => {
  const source = readFileSync(new URL("../../../proto/sallyport/interceptor/v1/interceptor.proto", import.meta.url), "utf8");
  const messages = new Map(
    [...source.matchAll(/^message (\w+) \{(\}|.*?^\})/gms)].map(([, name = "", text = ""]) => [name, text]),
  );

  /** The shape the .proto file gives a message. */
  function shapeIn(name: string): MessageShape {
    const fields = [...(messages.get(name) ?? "").matchAll(/^\s+(?:repeated |optional )?(\w+) \w+ = (\d+);/gm)];
    const inner = fields.filter(([, type = ""]) => messages.has(type));
    return new Map(inner.map(([, type = "", number]) => [Number(number), shapeIn(type)]));
  }

  it.each([
    ["DescribeRequest", DescribeRequest],
    ["Manifest", Manifest],
    ["ReviewRequest", ReviewRequest],
    ["Verdict", Verdict],
    ["WatchRequest", WatchRequest],
    ["Event", Event],
  ])("knows every message inside %s", (name, codec) => {
    expect(messages.has(name)).toBe(true);
    expect(shapeOf(codec)).toEqual(shapeIn(name));
  });

  it("covers every request and answer of the service", () => {
    for (const { requestType, responseType } of Object.values(InterceptorDefinition.methods)) {
      expect(shapeOf(requestType)).toBeDefined();
      expect(shapeOf(responseType)).toBeDefined();
    }
  });
});
