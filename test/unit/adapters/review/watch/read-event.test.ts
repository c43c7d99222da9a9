import { Event } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEvent } from "../../../../../src/adapters/review/watch/read-event.ts";

const revoking = (...tags: string[]): Uint8Array => Event.encode({ kind: { $case: "revoke", value: { tags } } }).finish();

describe("an event of Watch", () => {
  it("says that the manifest changed, or what is revoked", () => {
    const changed = Event.encode({ kind: { $case: "manifestChanged", value: {} } }).finish();
    expect(readEvent(changed)).toEqual({ ok: true, value: { manifestChanged: true, revoked: [] } });
    expect(readEvent(revoking("a", "b"))).toEqual({ ok: true, value: { manifestChanged: false, revoked: ["a", "b"] } });
  });

  it("says nothing to us where it is of a kind we do not know", () => {
    // field 9, an empty message
    expect(readEvent(Uint8Array.of(0x4a, 0))).toEqual({ ok: true, value: { manifestChanged: false, revoked: [] } });
    expect(readEvent(new Uint8Array())).toEqual({ ok: true, value: { manifestChanged: false, revoked: [] } });
  });

  it.each([
    ["is no message", Uint8Array.of(0xff, 0xff, 0xff)],
    ["breaks off", revoking("abcdef").subarray(0, 5)],
    ["has text that is none", Uint8Array.of(0x12, 3, 0x0a, 1, 0xff)],
    ["revokes a tag without a name", revoking("a", "")],
    ["revokes a tag of 257 bytes", revoking("x".repeat(257))],
    ["revokes 1025 tags", revoking(...Array.from({ length: 1025 }, (_, index) => `t${index}`))],
    ["has more than 64 KiB", revoking(...Array.from({ length: 300 }, () => "x".repeat(256)))],
  ])("is refused where it %s", (_what, bytes) => {
    expect(readEvent(bytes)).toMatchObject({ ok: false });
  });

  it("takes as much as is allowed", () => {
    expect(readEvent(revoking(...Array.from({ length: 1024 }, (_, index) => `t${index}`)))).toMatchObject({ ok: true });
    expect(readEvent(revoking("x".repeat(256)))).toMatchObject({ ok: true });
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readEvent(bytes)));
  });
});
