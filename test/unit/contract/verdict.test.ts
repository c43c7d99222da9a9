import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Verdict as WireVerdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { RawNumber } from "@sallyport/contract/json.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { fromPatch } from "@sallyport/contract/patch-wire.ts";
import {
  type AllowVerdict,
  decodeVerdict,
  encodeVerdict,
  type ExpectedVerdict,
  type Verdict,
  type VerdictDraft,
} from "@sallyport/contract/verdict.ts";

const EXPECTED: ExpectedVerdict = { reviewId: "r1", maxPatches: 3 };

type Draft = Parameters<typeof WireVerdict.fromPartial>[0];

const encoded = (draft: Draft): Uint8Array => WireVerdict.encode(WireVerdict.fromPartial({ reviewId: "r1", ...draft })).finish();

const decoded = (draft: Draft, more: Partial<ExpectedVerdict> = {}) => decodeVerdict(encoded(draft), { ...EXPECTED, ...more });

/** The denial of a draft that has one. */
function denied(draft: Draft, more: Partial<ExpectedVerdict> = {}): Extract<Verdict, { kind: "deny" }> {
  const answer = decoded(draft, more);
  if (!answer.ok || answer.value.kind !== "deny") throw new Error(`no denial: ${JSON.stringify(answer)}`);
  return answer.value;
}

const GOOD_DENY = { httpStatus: 403, code: "tenant_mismatch", message: "Not a member." };

describe("decodeVerdict, allow", () => {
  it("reads patches of every operation", () => {
    const answer = decoded(
      {
        allow: {},
        patches: [
          { op: 1, path: "/labels/a", valueJson: '"x"' },
          { op: 2, path: "/labels/b", valueJson: "ignored" },
          { op: 3, path: "/labels/c", valueJson: "1.0" },
          { op: 4, path: "/labels/d", from: "/labels/e" },
          { op: 5, path: "/labels/f", from: "/labels/g" },
          { op: 6, path: "/labels/h", valueJson: "null" },
        ],
      },
      { maxPatches: 6 },
    );
    expect(answer).toEqual({
      ok: true,
      value: {
        kind: "allow",
        annotations: [],
        warnings: [],
        patches: [
          { op: "add", path: "/labels/a", value: "x" },
          { op: "remove", path: "/labels/b" },
          { op: "replace", path: "/labels/c", value: new RawNumber("1.0") },
          { op: "move", path: "/labels/d", from: "/labels/e" },
          { op: "copy", path: "/labels/f", from: "/labels/g" },
          { op: "test", path: "/labels/h", value: null },
        ],
      },
    });
  });

  it.each<[string, Draft, string]>([
    ["another review's id", { reviewId: "r2", allow: {} }, "contract"],
    ["no id", { reviewId: "", allow: {} }, "contract"],
    ["nothing said", {}, "contract"],
    ["allow and respond", { allow: {}, respond: { httpStatus: 200 } }, "contract"],
    [
      "one patch too many",
      { allow: {}, patches: Array.from({ length: 4 }, () => ({ op: 2, path: "/labels/a" }) as const) },
      "too_many_patches",
    ],
    ["an operation without a name", { allow: {}, patches: [{ op: 0, path: "/labels/a" }] }, "patch_rejected"],
    ["a value that is no JSON", { allow: {}, patches: [{ op: 1, path: "/labels/a", valueJson: "{" }] }, "patch_rejected"],
    ["no value", { allow: {}, patches: [{ op: 1, path: "/labels/a" }] }, "patch_rejected"],
    [
      "a value that names a member twice",
      { allow: {}, patches: [{ op: 1, path: "/x", valueJson: '{"a":1,"a":2}' }] },
      "patch_rejected",
    ],
    ["17 annotations", { allow: {}, annotations: Array.from({ length: 17 }, () => ({ name: "a" })) }, "contract"],
    ["an annotation without a name", { allow: {}, annotations: [{ value: "a" }] }, "contract"],
    ["an annotation of 257 bytes", { allow: {}, annotations: [{ name: "a", value: "é".repeat(128) + "x" }] }, "contract"],
    ["17 warnings", { allow: {}, warnings: Array.from({ length: 17 }, () => "w") }, "contract"],
    ["a warning of 257 bytes", { allow: {}, warnings: ["w".repeat(257)] }, "contract"],
    ["an empty cache tag", { allow: {}, cache: { ttlMs: 1, tags: [""] } }, "contract"],
    ["65 cache tags", { allow: {}, cache: { ttlMs: 1, tags: Array.from({ length: 65 }, () => "t") } }, "contract"],
  ])("fails on %s", (_name, draft, reason) => {
    expect(decoded(draft)).toMatchObject({ ok: false, error: { reason } });
  });

  it("fails on an operation of a newer contract", () => {
    const bytes = Uint8Array.from([0x0a, 2, 0x72, 0x31, 0x12, 0, 0x2a, 2, 0x08, 99]);
    expect(decodeVerdict(bytes, EXPECTED)).toMatchObject({ ok: false, error: { reason: "patch_rejected" } });
  });

  it("shows control characters of notes as spaces", () => {
    expect(decoded({ allow: {}, annotations: [{ name: "a", value: "x\r\ny" }], warnings: ["\u001b[1m"] })).toMatchObject({
      value: { annotations: [{ name: "a", value: "x  y" }], warnings: [" [1m"] },
    });
  });

  it("says nothing of the interceptor's text in its errors", () => {
    const answer = decoded({ allow: {}, patches: [{ op: 1, path: "/secret-path", valueJson: "secret" }] });
    expect(JSON.stringify(answer)).not.toContain("secret");
  });
});

describe("decodeVerdict, deny (C8, C9)", () => {
  it("reads a denial as it is", () => {
    expect(
      denied({ deny: { ...GOOD_DENY, grpcCode: 7, headers: [{ name: "retry-after", value: "3" }], bodyJson: '{"a":1.0}' } }),
    ).toEqual({
      kind: "deny",
      status: 403,
      grpcCode: 7,
      code: "tenant_mismatch",
      message: "Not a member.",
      headers: [{ name: "retry-after", value: "3" }],
      body: new Map([["a", new RawNumber("1.0")]]),
      annotations: [],
      warnings: [],
      defects: [],
    });
  });

  it.each([0, 200, 302, 399, 600, 4_000_000_000])("turns status %d into 403", (httpStatus) => {
    expect(denied({ deny: { ...GOOD_DENY, httpStatus } })).toMatchObject({ status: 403, defects: ["status"] });
  });

  it("stays a denial beside an allow, a respond, patches that are no patches, and everything else that is wrong", () => {
    const verdict = denied(
      {
        allow: {},
        respond: { httpStatus: 200, headers: [], body: Buffer.from("hello") },
        patches: Array.from({ length: 100 }, () => ({ op: 0, path: "nowhere", valueJson: "{" }) as const),
        annotations: [...Array.from({ length: 17 }, () => ({ name: "a", value: "b" })), { name: "", value: "x".repeat(1000) }],
        warnings: ["w".repeat(300), "kept"],
        deny: {
          httpStatus: 200,
          grpcCode: 99,
          code: "Not A Code",
          message: "",
          headers: [
            { name: "content-length", value: "0" },
            { name: "Retry-After", value: "1" },
            { name: "retry-after", value: "1\r\nx: y" },
            { name: "retry-after", value: "2" },
          ],
          bodyJson: "{",
        },
      },
      { maxPatches: 0 },
    );
    expect(verdict).toEqual({
      kind: "deny",
      status: 403,
      code: "review_denied",
      message: "The request was denied by a review.",
      headers: [{ name: "retry-after", value: "2" }],
      annotations: Array.from({ length: 16 }, () => ({ name: "a", value: "b" })),
      warnings: ["kept"],
      defects: [
        "allow",
        "respond",
        "patches",
        "status",
        "grpc_code",
        "code",
        "message",
        "headers",
        "body",
        "annotations",
        "warnings",
      ],
    });
  });

  it("is a failure only with another review's id or as bytes that are no message", () => {
    expect(decoded({ reviewId: "other", deny: GOOD_DENY })).toMatchObject({ ok: false, error: { reason: "contract" } });
    const bytes = encoded({ deny: GOOD_DENY });
    expect(decodeVerdict(bytes.subarray(0, bytes.length - 1), EXPECTED)).toMatchObject({
      ok: false,
      error: { reason: "undecodable" },
    });
  });

  it.each(["interceptor_timeout", "", "1abc", "Abc", "a-b", "a".repeat(65), "a\nb"])("replaces the code %j", (code) => {
    const verdict = denied({ deny: { ...GOOD_DENY, code } }, { reservedCodes: new Set(["interceptor_timeout"]) });
    expect(verdict).toMatchObject({ code: "review_denied", defects: ["code"] });
  });

  it("cuts a message at 1 KiB of UTF-8, never inside a character, and shows control characters as spaces", () => {
    const long = denied({ deny: { ...GOOD_DENY, message: "😀".repeat(1000) } });
    expect(long.message).toBe("😀".repeat(256));
    expect(long.defects).toEqual(["message"]);
  });

  it("says how long it may be reused, or loses what it says wrongly of that (C8)", () => {
    expect(denied({ deny: GOOD_DENY, cache: { ttlMs: 1000, tags: ["t"] } })).toMatchObject({
      cache: { ttlMs: 1000, tags: ["t"] },
      defects: [],
    });
    const wrong = denied({ deny: GOOD_DENY, cache: { ttlMs: 1000, tags: [""] } });
    expect(wrong.defects).toEqual(["cache"]);
    expect(wrong).not.toHaveProperty("cache");
    expect(denied({ deny: { ...GOOD_DENY, message: "a\r\nb\u0007" } }).message).toBe("a  b");
  });

  it("carries only headers a denial may carry, and granted ones", () => {
    const names = [
      "retry-after",
      "www-authenticate",
      "ratelimit",
      "ratelimit-policy",
      "x-granted",
      "x-other",
      "location",
      "set-cookie",
    ];
    const never = ["content-length", "access-control-allow-origin", "sallyport-x", "connection", ":status"];
    const deny = { ...GOOD_DENY, headers: [...names, ...never].map((name) => ({ name, value: "v" })) };
    const carried = (more: Partial<ExpectedVerdict>) => denied({ deny }, more).headers.map(({ name }) => name);
    expect(carried({})).toEqual(["retry-after", "www-authenticate", "ratelimit", "ratelimit-policy"]);
    expect(carried({ mayCarry: (name) => name === "x-granted" })).toContain("x-granted");
    expect(carried({ mayCarry: () => true })).toEqual(names.slice(0, 6));
    expect(carried({ maySetCookies: true })).toContain("set-cookie");
  });
});

describe("decodeVerdict, respond (C12)", () => {
  it("reads an answer", () => {
    const answer = decoded({
      respond: { httpStatus: 302, headers: [{ name: "location", value: "/x" }], body: Buffer.from("b") },
    });
    expect(answer).toMatchObject({
      ok: true,
      value: { kind: "respond", status: 302, headers: [{ name: "location", value: "/x" }] },
    });
  });

  it.each<[string, Draft]>([
    ["a status below 200", { respond: { httpStatus: 101 } }],
    ["no status", { respond: {} }],
    ["a status above 599", { respond: { httpStatus: 600 } }],
    ["patches", { respond: { httpStatus: 200 }, patches: [{ op: 2, path: "/labels/a" }] }],
    ["a framing header", { respond: { httpStatus: 200, headers: [{ name: "content-length", value: "1" }] } }],
    ["a header in upper case", { respond: { httpStatus: 200, headers: [{ name: "X", value: "1" }] } }],
    ["a line break in a header", { respond: { httpStatus: 200, headers: [{ name: "x", value: "1\n" }] } }],
    ["a cookie without the power", { respond: { httpStatus: 200, headers: [{ name: "set-cookie", value: "a=1" }] } }],
    [
      "too many headers",
      { respond: { httpStatus: 200, headers: Array.from({ length: 65 }, () => ({ name: "x", value: "1" })) } },
    ],
  ])("fails on %s", (_name, draft) => {
    expect(decoded(draft)).toMatchObject({ ok: false, error: { reason: "contract" } });
  });

  it("may set cookies with the power to", () => {
    const draft = { respond: { httpStatus: 200, headers: [{ name: "set-cookie", value: "a=1" }] } };
    expect(decoded(draft, { maySetCookies: true }).ok).toBe(true);
  });
});

describe("decodeVerdict, whatever the bytes", () => {
  it("never throws on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const answer = decodeVerdict(bytes, { reviewId: "", maxPatches: 3 });
        expect(answer.ok || answer.error.detail !== "").toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it("never throws on valid verdicts with some bytes changed, cut or doubled, and never reads a denial as an allowance by cutting", () => {
    const deny = encoded({
      allow: {},
      deny: { ...GOOD_DENY, headers: [{ name: "retry-after", value: "1" }] },
      patches: [{ op: 1, path: "/labels/a", valueJson: "[1,2]" }],
    });
    const allow = encoded({
      allow: {},
      patches: [{ op: 1, path: "/labels/a", valueJson: "[1,2]" }],
      cache: { ttlMs: 5, tags: ["t"] },
      warnings: ["w"],
    });
    const edit = fc.record({
      at: fc.nat({ max: 90 }),
      byte: fc.nat({ max: 255 }),
      kind: fc.constantFrom("set", "insert", "delete"),
    });
    fc.assert(
      fc.property(fc.constantFrom(deny, allow), fc.array(edit, { minLength: 1, maxLength: 4 }), (original, edits) => {
        const bytes = [...original];
        for (const { at, byte, kind } of edits) {
          if (kind === "set") bytes[at % bytes.length] = byte;
          else if (kind === "insert") bytes.splice(at, 0, byte);
          else bytes.splice(at, 1);
        }
        expect(typeof decodeVerdict(Uint8Array.from(bytes), EXPECTED).ok).toBe("boolean");
      }),
      { numRuns: 5000 },
    );
  });

  it("reads what encodeVerdict writes", () => {
    const drafts: readonly VerdictDraft[] = [
      { kind: "allow", patches: [], annotations: [], warnings: [] },
      {
        kind: "allow",
        patches: [
          { op: "add", path: "/a", value: new Map([["n", new RawNumber("1e5")]]) },
          { op: "remove", path: "/b" },
          { op: "move", path: "/c", from: "/d" },
        ],
        annotations: [{ name: "a", value: "b" }],
        warnings: ["w"],
        cache: { ttlMs: 1000, tags: ["t"] },
        validForMs: 5000,
      },
      {
        kind: "respond",
        status: 204,
        headers: [{ name: "x", value: "y" }],
        body: Buffer.from([0, 255]),
        annotations: [],
        warnings: [],
      },
    ];
    for (const draft of drafts) expect(decodeVerdict(encodeVerdict(draft, "r1"), EXPECTED)).toEqual({ ok: true, value: draft });
    const deny = {
      kind: "deny",
      cache: { ttlMs: 500, tags: [] },
      status: 429,
      code: "slow_down",
      message: "Later.",
      headers: [],
      annotations: [],
      warnings: [],
      body: [1],
    } as const;
    expect(decodeVerdict(encodeVerdict(deny, "r1"), EXPECTED)).toEqual({ ok: true, value: { ...deny, defects: [] } });
    expect(decodeVerdict(encodeVerdict(deny, "r2"), EXPECTED).ok).toBe(false);
  });

  it("writes an allow verdict as the generated encoder does, whatever its texts and their lengths", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.string({ unit: "grapheme", maxLength: 400 }),
      fc.constantFrom("", "\ud800", "x".repeat(127), "x".repeat(128), "é".repeat(64), "x".repeat(20_000)),
    );
    const uint32 = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32 - 1));
    const operation: fc.Arbitrary<PatchOperation> = fc.oneof(
      fc.record({ op: fc.constantFrom("add" as const, "replace", "test"), path: text, value: fc.oneof(text, fc.integer()) }),
      fc.record({ op: fc.constant("remove" as const), path: text }),
      fc.record({ op: fc.constantFrom("move" as const, "copy"), path: text, from: text }),
    );
    const verdict: fc.Arbitrary<AllowVerdict> = fc.record(
      {
        kind: fc.constant("allow" as const),
        patches: fc.array(operation, { maxLength: 4 }),
        annotations: fc.array(fc.record({ name: text, value: text }), { maxLength: 3 }),
        warnings: fc.array(text, { maxLength: 3 }),
        cache: fc.record({ ttlMs: uint32, tags: fc.array(text, { maxLength: 3 }) }),
        validForMs: uint32,
      },
      { requiredKeys: ["kind", "patches", "annotations", "warnings"] },
    );
    fc.assert(
      fc.property(verdict, text, (draft, reviewId) => {
        const { cache, validForMs = 0, annotations, warnings, patches } = draft;
        const expected = WireVerdict.encode({
          ...WireVerdict.fromPartial({}),
          reviewId,
          allow: {},
          patches: patches.map(fromPatch),
          annotations: [...annotations],
          warnings: [...warnings],
          cache: cache && { ttlMs: cache.ttlMs, tags: [...cache.tags] },
          validForMs,
        }).finish();
        expect(Buffer.from(encodeVerdict(draft, reviewId)).equals(expected)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("writes no number that would arrive as another", () => {
    const draft = { kind: "allow", patches: [], annotations: [], warnings: [] } as const;
    for (const validForMs of [0.5, -1, 2 ** 32]) expect(() => encodeVerdict({ ...draft, validForMs }, "r1")).toThrow(RangeError);
  });
});
