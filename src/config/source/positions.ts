import type { ConfigIssue } from "../../model/config-issue.ts";
import { childOf, type ConfigNode, type Place, type ScalarNode } from "./config-node.ts";
import { issueAtPlace } from "./issue-at.ts";
import { pointerTo, pointerTokens } from "./pointer.ts";

/** 1-based place in a source. */
export interface ConfigPosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Who gave a value: the item itself in the file, `defaults` in the file, a `SALLYPORT_*` variable, or nobody (the schema did). */
export type ConfigOrigin = "file" | "defaults" | "environment" | "built-in";

/** Where every value of a configuration was written, by pointer into the merged configuration; later stages report with it. */
export class ConfigPositions {
  readonly #root: ConfigNode;

  constructor(root: ConfigNode) {
    this.#root = root;
  }

  /** Place of the value; of its nearest existing ancestor when it is missing. */
  at(pointer: string): ConfigPosition {
    const { node } = this.#find(pointer);
    return { file: node.source.file, ...node.source.locate(node.offset) };
  }

  /**
   * Place of one character inside a text value (UTF-16 units from its start), for languages inside YAML such as CEL.
   * Falls back to the start of the value where quoting, folding or a variable moved the text.
   */
  within(pointer: string, offset: number): ConfigPosition {
    const { node, missing } = this.#find(pointer);
    if (missing.length > 0 || node.kind !== "scalar") return this.at(pointer);
    return { file: node.source.file, ...node.source.locate(node.offset + offsetInSource(node, offset)) };
  }

  originOf(pointer: string): ConfigOrigin {
    const { node, missing } = this.#find(pointer);
    if (missing.length > 0) return "built-in";
    if (node.source.kind === "environment") return "environment";
    return node.home.startsWith("/defaults/") && !pointer.startsWith("/defaults/") ? "defaults" : "file";
  }

  /** An issue at the value. Its pointer is the one in the source, so a value from `defaults` is reported where it stands. */
  issueAt(pointer: string, message: string, hint?: string): ConfigIssue {
    const { node, missing } = this.#find(pointer);
    const home = missing.reduce(pointerTo, node.home);
    return issueAtPlace(node, { pointer: home, message, ...(hint !== undefined && { hint }) });
  }

  /** An issue at the key itself: for keys that should not be there. */
  issueAtKey(pointer: string, message: string, hint?: string): ConfigIssue {
    const tokens = pointerTokens(pointer);
    const { node } = this.#find(pointer);
    const parent = this.#find(tokens.slice(0, -1).reduce(pointerTo, "")).node;
    const place: Place = (parent.kind === "map" ? parent.entries.get(tokens.at(-1) ?? "")?.keyPlace : undefined) ?? node;
    return issueAtPlace(place, { pointer: node.home, message, ...(hint !== undefined && { hint }) });
  }

  /** The value itself, if it is there. */
  nodeAt(pointer: string): ConfigNode | undefined {
    const { node, missing } = this.#find(pointer);
    return missing.length === 0 ? node : undefined;
  }

  #find(pointer: string): { readonly node: ConfigNode; readonly missing: readonly string[] } {
    const tokens = pointerTokens(pointer);
    let node = this.#root;
    for (const [index, token] of tokens.entries()) {
      const child = childOf(node, token);
      if (child === undefined) return { node, missing: tokens.slice(index) };
      node = child;
    }
    return { node, missing: [] };
  }
}

/** How far behind the start of the scalar, as written, a character of its value stands. */
function offsetInSource({ value, written }: ScalarNode, offset: number): number {
  if (typeof value !== "string") return 0;
  if (written.trimEnd() === value) return offset;
  if (/^(["'])(.*)\1\s*$/s.test(written) && written.trimEnd().slice(1, -1) === value) return offset + 1;
  return written.startsWith("|") ? offsetInBlock(written, value, offset) : 0;
}

/** In a literal block each line of the value is a line of the source, indented. */
function offsetInBlock(written: string, value: string, offset: number): number {
  const linesBefore = value.slice(0, offset).split("\n");
  const sourceLines = written.split("\n");
  const start = sourceLines.slice(0, linesBefore.length).reduce((sum, line) => sum + line.length + 1, 0);
  const line = sourceLines[linesBefore.length] ?? "";
  const text = value.split("\n")[linesBefore.length - 1] ?? "";
  return line.trimEnd().endsWith(text.trimEnd()) ? start + line.lastIndexOf(text) + (linesBefore.at(-1)?.length ?? 0) : 0;
}
