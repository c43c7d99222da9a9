import { constants, crc32, createBrotliDecompress, createInflate, createInflateRaw, createZstdDecompress } from "node:zlib";
import { err, ok, type Result } from "../model/result.ts";
import { GZIP_TRAILER_BYTES, gzipDataOffset, gzipTrailer, zstdFrameBytes } from "./compressed-frames.ts";

/** Codings a body can be decoded from for review (C24). */
export type ContentCoding = "gzip" | "br" | "zstd" | "deflate";

/** Ceilings of one decoding. */
export interface DecodeLimits {
  /** Decoded size, bytes. */
  readonly maxBytes: number;
  /** Decoded over coded size. */
  readonly maxRatio: number;
}

/** Why a body has no decoded form: not what it claims, more than one member or bytes behind it, or over a ceiling. */
export type DecodeProblem = "malformed" | "trailing-bytes" | "too-large" | "ratio";

/** Largest window a Zstandard frame may ask for, as a power of two: 8 MiB, what RFC 9659 allows in this use. */
const ZSTD_WINDOW_LOG = 23;

/**
 * What `content-encoding` says (all lines joined): one coding we know, none (`identity`), or something else, several codings
 * included. `x-gzip` is `gzip` (RFC 9110 section 8.4.1.3).
 */
export function contentCoding(value: string | undefined): ContentCoding | "identity" | "unsupported" {
  const coding = (value ?? "identity").trim().toLowerCase();
  switch (coding) {
    case "":
    case "identity":
      return "identity";
    case "gzip":
    case "x-gzip":
      return "gzip";
    case "br":
    case "zstd":
    case "deflate":
      return coding;
    default:
      return "unsupported";
  }
}

/**
 * Decodes a whole body: exactly one member, nothing behind it, checksums right (C24). Works off the event loop and stops at
 * the ceilings, holding one output chunk more at most. `deflate` is the zlib format (RFC 1950), never raw deflate.
 */
export async function decodeBody(
  bytes: Uint8Array,
  coding: ContentCoding,
  limits: DecodeLimits,
): Promise<Result<Uint8Array, DecodeProblem>> {
  switch (coding) {
    case "gzip":
      return gunzip(bytes, limits);
    case "deflate":
      return inflate(createInflate(), bytes, bytes.byteLength, limits);
    case "br":
      return inflate(createBrotliDecompress(), bytes, bytes.byteLength, limits);
    case "zstd":
      return unzstd(bytes, limits);
    default:
      return coding satisfies never;
  }
}

// by hand, because zlib's own gunzip reads on into further members
async function gunzip(bytes: Uint8Array, limits: DecodeLimits): Promise<Result<Uint8Array, DecodeProblem>> {
  const offset = gzipDataOffset(bytes);
  if (offset === undefined) return err("malformed");
  const deflated = bytes.subarray(offset, bytes.byteLength - GZIP_TRAILER_BYTES);
  const decoded = await inflate(createInflateRaw(), deflated, bytes.byteLength, limits);
  if (!decoded.ok) return decoded;
  const trailer = gzipTrailer(bytes);
  const intact = crc32(decoded.value) === trailer.crc32 && decoded.value.byteLength % 2 ** 32 === trailer.size;
  return intact ? decoded : err("malformed");
}

// the decoder would read on into further frames
async function unzstd(bytes: Uint8Array, limits: DecodeLimits): Promise<Result<Uint8Array, DecodeProblem>> {
  const frameBytes = zstdFrameBytes(bytes);
  if (frameBytes === undefined) return err("malformed");
  if (frameBytes < bytes.byteLength) return err("trailing-bytes");
  const decoder = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } });
  return inflate(decoder, bytes, bytes.byteLength, limits);
}

type Decoder = ReturnType<typeof createInflate | typeof createBrotliDecompress | typeof createZstdDecompress>;

function inflate(
  decoder: Decoder,
  coded: Uint8Array,
  wholeBytes: number,
  limits: DecodeLimits,
): Promise<Result<Uint8Array, DecodeProblem>> {
  const ratioBytes = wholeBytes * limits.maxRatio;
  const ceiling = Math.min(limits.maxBytes, ratioBytes);
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    decoder.on("data", (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      chunks.push(chunk);
      if (bytes <= ceiling) return;
      resolve(err(ratioBytes < limits.maxBytes ? "ratio" : "too-large"));
      decoder.destroy();
    });
    decoder.on("error", () => resolve(err("malformed")));
    // bytesWritten counts what the decoder consumed: less than all means bytes behind the end
    decoder.on("end", () =>
      resolve(decoder.bytesWritten === coded.byteLength ? ok(Buffer.concat(chunks, bytes)) : err("trailing-bytes")),
    );
    decoder.end(coded);
  });
}
