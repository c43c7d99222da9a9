import type { ConfigIssue } from "../../model/config-issue.ts";
import { childOf, type ConfigNode } from "./config-node.ts";
import { issueAt, issueAtPlace } from "./issue-at.ts";
import { pointerTo } from "./pointer.ts";

/**
 * A value that may be missing or of any type, for checks that must also run over files full of other mistakes: what is not as
 * expected reads as absent, since the schema has reported it already.
 */
export class Cursor {
  /** Pointer in the merged configuration. */
  readonly pointer: string;
  readonly node: ConfigNode | undefined;

  constructor(node: ConfigNode | undefined, pointer = "") {
    this.node = node;
    this.pointer = pointer;
  }

  get(key: string): Cursor {
    return new Cursor(this.node && childOf(this.node, key), pointerTo(this.pointer, key));
  }

  /** Items of a list. */
  items(): readonly Cursor[] {
    if (this.node?.kind !== "list") return [];
    return this.node.items.map((item, index) => new Cursor(item, pointerTo(this.pointer, index)));
  }

  /** Members of a map, with their keys. */
  entries(): readonly (readonly [string, Cursor])[] {
    if (this.node?.kind !== "map") return [];
    return [...this.node.entries].map(([key, entry]) => [key, new Cursor(entry.node, pointerTo(this.pointer, key))] as const);
  }

  /** The value, if it is a text. */
  text(): string | undefined {
    return this.node?.kind === "scalar" && typeof this.node.value === "string" ? this.node.value : undefined;
  }

  /** The texts of a list of texts. */
  texts(): readonly string[] {
    return this.items().flatMap((item) => item.text() ?? []);
  }

  /** Whether it is `true`, also when a variable says so. */
  isTrue(): boolean {
    return (
      this.node?.kind === "scalar" && (this.node.value === true || (this.node.fromEnvironment && this.node.value === "true"))
    );
  }

  /** An issue at the value; none where it is missing. */
  issue(message: string, hint?: string): ConfigIssue[] {
    return this.node === undefined ? [] : [issueAt(this.node, message, hint)];
  }

  /** An issue about a key this map lacks. */
  issueMissing(key: string, message: string, hint?: string): ConfigIssue[] {
    if (this.node === undefined) return [];
    const pointer = pointerTo(this.node.home, key);
    return [issueAtPlace(this.node, { pointer, message, ...(hint !== undefined && { hint }) })];
  }
}
