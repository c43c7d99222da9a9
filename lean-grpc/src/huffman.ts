import { H2_ERROR, Http2Violation } from "./frame.ts";

/**
 * Lengths of the codes of RFC 7541 appendix B, by symbol; the last one is the end of the string. The code is canonical (equally long
 * codes count up in the order of their symbols), so lengths are all there is to know.
 */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22,
  23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22,
  21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26,
  27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26,
  26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const END_OF_STRING = 256;

/** The tree, flat: at `2 * node + bit` stands the next node, or `-1 - symbol`. Node 0 is the root. */
const TREE = tree();

function tree(): Int32Array {
  // 257 leaves take 256 inner nodes
  const nodes = new Int32Array(2 * 256);
  let count = 1;
  let code = 0;
  let length = 0;
  const symbols = LENGTHS.map((_length, symbol) => symbol).toSorted((a, b) => (LENGTHS[a] ?? 0) - (LENGTHS[b] ?? 0) || a - b);
  for (const symbol of symbols) {
    const bits = LENGTHS[symbol] ?? 0;
    // the next code, made longer where codes become longer
    code *= 2 ** (bits - length);
    length = bits;
    let node = 0;
    for (let bit = bits - 1; bit > 0; bit -= 1) {
      const slot = 2 * node + (Math.floor(code / 2 ** bit) % 2);
      if (nodes[slot] === 0) nodes[slot] = count++;
      node = nodes[slot] ?? 0;
    }
    nodes[2 * node + (code % 2)] = -1 - symbol;
    code += 1;
  }
  return nodes;
}

/** Text of a Huffman-coded string, one character a byte. Throws `Http2Violation` on what no encoder makes: a wrong or over-long padding, the end of the string inside. */
export function huffmanDecode(coded: Uint8Array): string {
  // the shortest codes have 5 bits
  const text = Buffer.allocUnsafe(Math.ceil((coded.length * 8) / 5));
  let length = 0;
  let node = 0;
  // since the last whole symbol
  let depth = 0;
  let onlyOnes = true;
  for (const byte of coded) {
    for (let mask = 0x80; mask > 0; mask >>= 1) {
      const bit = (byte & mask) === 0 ? 0 : 1;
      const next = TREE[2 * node + bit] ?? 0;
      depth += 1;
      onlyOnes &&= bit === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      if (-1 - next === END_OF_STRING)
        throw new Http2Violation(H2_ERROR.COMPRESSION_ERROR, "a Huffman string with its end inside");
      text[length++] = -1 - next;
      node = 0;
      depth = 0;
      onlyOnes = true;
    }
  }
  if (depth > 7 || !onlyOnes) throw new Http2Violation(H2_ERROR.COMPRESSION_ERROR, "a Huffman string with a wrong padding");
  return text.toString("latin1", 0, length);
}
