import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentCoding, decodeBody, type ContentCoding } from "../../../src/support/content-coding.ts";
import { bytesOf, textOf } from "../../support/byte-flow.ts";

const LIMITS = { maxBytes: 1_000_000, maxRatio: 100 };
const ENCODE: Readonly<Record<ContentCoding, (bytes: Uint8Array) => Buffer>> = {
  gzip: gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  deflate: deflateSync,
};
const CODINGS = ["gzip", "br", "zstd", "deflate"] as const;
const TEXT = "a body that is worth reading, twenty times over. ".repeat(20);

const decode = (bytes: Uint8Array, coding: ContentCoding, limits = LIMITS) => decodeBody(bytes, coding, limits);

describe.each(CODINGS)("a body coded %s", (coding) => {
  const coded = ENCODE[coding](bytesOf(TEXT));

  it("is decoded", async () => {
    const decoded = await decode(coded, coding);
    expect(decoded.ok && textOf(decoded.value)).toBe(TEXT);
  });

  it("is decoded when it is empty inside", async () => {
    expect(await decode(ENCODE[coding](new Uint8Array()), coding)).toMatchObject({ ok: true, value: { byteLength: 0 } });
  });

  it("is whatever bytes went in", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const decoded = await decode(ENCODE[coding](bytes), coding, { maxBytes: 1000, maxRatio: 1000 });
        expect(decoded.ok && Buffer.from(decoded.value).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ["a second member", () => Buffer.concat([coded, coded])],
    ["one byte", () => Buffer.concat([coded, Buffer.from([0])])],
    ["text", () => Buffer.concat([coded, Buffer.from("and more text behind the end")])],
  ])("is refused with %s behind it", async (_name, bytes) => {
    const decoded = await decode(bytes(), coding);
    expect(decoded.ok ? "decoded" : decoded.error).toMatch(/^(trailing-bytes|malformed)$/);
  });

  it("is refused when cut anywhere", async () => {
    for (let length = 0; length < coded.byteLength; length += 1)
      expect(await decode(coded.subarray(0, length), coding)).toMatchObject({ ok: false });
  });

  it("is refused when it is something else", async () => {
    for (const other of CODINGS.filter((name) => name !== coding))
      expect(await decode(ENCODE[other](bytesOf(TEXT)), coding)).toMatchObject({ ok: false });
    expect(await decode(bytesOf("plain text"), coding)).toMatchObject({ ok: false });
    expect(await decode(new Uint8Array(), coding)).toMatchObject({ ok: false });
  });

  it("is refused beyond the size and the ratio, and not a byte earlier", async () => {
    const size = TEXT.length;
    expect(await decode(coded, coding, { maxBytes: size, maxRatio: 100 })).toMatchObject({ ok: true });
    expect(await decode(coded, coding, { maxBytes: size - 1, maxRatio: 100 })).toEqual({ ok: false, error: "too-large" });
    expect(await decode(coded, coding, { maxBytes: size * 2, maxRatio: 2 })).toEqual({ ok: false, error: "ratio" });
    const bomb = ENCODE[coding](Buffer.alloc(10_000_000));
    expect(await decode(bomb, coding, { maxBytes: 20_000_000, maxRatio: 100 })).toEqual({ ok: false, error: "ratio" });
  });
});

describe("particular codings", () => {
  it("refuse gzip with a wrong checksum, size, method or reserved flag", async () => {
    const coded = gzipSync(TEXT);
    for (const [at, value] of [
      [coded.length - 8, 1],
      [coded.length - 1, 1],
      [2, 7],
      [3, 0x80],
    ] as const) {
      const wrong = Buffer.from(coded);
      wrong[at] = (wrong[at] ?? 0) ^ value;
      expect(await decode(wrong, "gzip")).toMatchObject({ ok: false });
    }
  });

  it("read a gzip header with extra field, name, comment and checksum", async () => {
    const coded = gzipSync(TEXT);
    const header = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9, 0x6e, 0, 0x63, 0, 0, 0]);
    const decoded = await decode(Buffer.concat([header, coded.subarray(10)]), "gzip");
    expect(decoded.ok && textOf(decoded.value)).toBe(TEXT);
    expect(await decode(header.subarray(0, 15), "gzip")).toEqual({ ok: false, error: "malformed" });
  });

  it("refuse raw deflate, a skippable Zstandard frame in front, and a window beyond 8 MiB", async () => {
    expect(await decode(deflateRawSync(TEXT), "deflate")).toEqual({ ok: false, error: "malformed" });
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]);
    expect(await decode(Buffer.concat([skippable, zstdCompressSync(TEXT)]), "zstd")).toEqual({ ok: false, error: "malformed" });
    const wide = zstdCompressSync(Buffer.alloc(20_000_000), {
      params: { [constants.ZSTD_c_windowLog]: 25, [constants.ZSTD_c_contentSizeFlag]: 0 },
    });
    expect(await decode(wide, "zstd", { maxBytes: 30_000_000, maxRatio: 1e9 })).toEqual({ ok: false, error: "malformed" });
  });

  it("read Zstandard with a checksum", async () => {
    const decoded = await decode(zstdCompressSync(TEXT, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }), "zstd");
    expect(decoded.ok && textOf(decoded.value)).toBe(TEXT);
  });
});

describe("content-encoding", () => {
  it.each([
    [undefined, "identity"],
    ["", "identity"],
    ["identity", "identity"],
    ["gzip", "gzip"],
    ["GZip", "gzip"],
    ["x-gzip", "gzip"],
    ["br", "br"],
    ["zstd", "zstd"],
    ["deflate", "deflate"],
    ["gzip, br", "unsupported"],
    ["gzip, identity", "unsupported"],
    ["compress", "unsupported"],
    ["constructor", "unsupported"],
  ])("%j is %s", (value, coding) => {
    expect(contentCoding(value)).toBe(coding);
  });
});
