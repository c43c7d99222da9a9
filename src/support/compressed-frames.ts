const GZIP_FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16 } as const;

/** Length of the trailer behind the deflate data of a gzip member: CRC-32 and size (RFC 1952 section 2.3.1). */
export const GZIP_TRAILER_BYTES = 8;

/** Where the deflate data of a gzip member begins (RFC 1952); undefined when this is no gzip header. */
export function gzipDataOffset(bytes: Uint8Array): number | undefined {
  // magic, and deflate, the only method there is
  if (bytes.byteLength < 10 || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return undefined;
  const flags = bytes[3] ?? 0;
  if (flags >= 0x20) return undefined;
  let offset: number | undefined = 10;
  if (flags & GZIP_FLAG.extra) offset += 2 + uint(bytes, offset, 2);
  if (flags & GZIP_FLAG.name) offset = behindZero(bytes, offset);
  if (flags & GZIP_FLAG.comment && offset !== undefined) offset = behindZero(bytes, offset);
  if (flags & GZIP_FLAG.headerCrc && offset !== undefined) offset += 2;
  return offset !== undefined && offset + GZIP_TRAILER_BYTES <= bytes.byteLength ? offset : undefined;
}

/** CRC-32 and size modulo 2^32 as the end of a gzip member states them. */
export function gzipTrailer(bytes: Uint8Array): { readonly crc32: number; readonly size: number } {
  const offset = bytes.byteLength - GZIP_TRAILER_BYTES;
  return { crc32: uint(bytes, offset, 4), size: uint(bytes, offset + 4, 4) };
}

/** Length in bytes of the Zstandard frame at the beginning (RFC 8878 section 3.1.1), walked block by block; undefined when it is cut short or none. */
export function zstdFrameBytes(bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < 6 || uint(bytes, 0, 4) !== 0xfd2fb528) return undefined;
  const descriptor = bytes[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  let offset = 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
  for (let last = false; !last;) {
    if (offset + 3 > bytes.byteLength) return undefined;
    const block = uint(bytes, offset, 3);
    last = (block & 1) === 1;
    const isRunLength = ((block >> 1) & 3) === 1;
    offset += 3 + (isRunLength ? 1 : block >> 3);
  }
  if (descriptor & 4) offset += 4;
  return offset <= bytes.byteLength ? offset : undefined;
}

function behindZero(bytes: Uint8Array, from: number): number | undefined {
  const zero = bytes.indexOf(0, from);
  return zero < 0 ? undefined : zero + 1;
}

/** Little-endian; zeros beyond the end. */
function uint(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i -= 1) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}
