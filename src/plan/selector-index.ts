import type { RequestHead } from "../model/exchange.ts";
import { comparablePath } from "../model/path-pattern.ts";
import type { Selector } from "../model/plan.ts";
import { hostName, segmentEnd } from "./match-pattern.ts";
import { buildSelectorTries, type SelectorNode, type SelectorTries, type Spot } from "./selector-trie.ts";

/** The places, in the list it was made of, of the selectors whose static part matches a head; ascending, each once. */
export type SelectorIndex = (head: RequestHead) => readonly number[];

/**
 * Compiles the static parts of selectors, hosts, paths and methods of operator and manifest, into one walk: what it costs depends on
 * the head, on the patterns along its path and on what matches, not on how many selectors there are. Throws on a pattern that is none.
 */
export function selectorIndex(selectors: readonly Selector[]): SelectorIndex {
  const tries = buildSelectorTries(selectors);
  const hasHosts = tries.exact.size > 0 || tries.suffixes.size > 0;
  return (head) => {
    const found = new Walk(head);
    if (hasHosts) byHost(tries, found);
    found.descend(tries.any, 1);
    return found.ranks;
  };
}

function byHost({ exact, suffixes }: SelectorTries, walk: Walk): void {
  const host = hostName(walk.head.host);
  const root = exact.get(host);
  if (root !== undefined) walk.descend(root, 1);
  // every suffix that begins at a dot, behind at least one character
  for (let dot = host.indexOf(".", 1); dot > 0 && suffixes.size > 0; dot = host.indexOf(".", dot + 1)) {
    const above = suffixes.get(host.slice(dot));
    if (above !== undefined) walk.descend(above, 1);
  }
}

const NONE: readonly number[] = [];

/** One question, and what was found so far. */
class Walk {
  readonly head: RequestHead;
  /** As patterns are compared with. */
  readonly #path: string;
  #found: number[] | undefined;

  constructor(head: RequestHead) {
    this.head = head;
    this.#path = comparablePath(head.path);
  }

  get ranks(): readonly number[] {
    if (this.#found === undefined) return NONE;
    if (this.#found.length === 1) return this.#found;
    // a selector stands at several places, and several of them may be on one way
    return [...new Set(this.#found)].toSorted((a, b) => a - b);
  }

  /** Along every pattern that fits; `start` is where the next segment begins, past the end when none is left. */
  descend({ ends, globs, literals, star }: SelectorNode, start: number): void {
    if (globs !== undefined) this.#take(globs);
    if (start > this.#path.length) {
      if (ends !== undefined) this.#take(ends);
      return;
    }
    if (literals.size === 0 && star === undefined) return;
    const end = segmentEnd(this.#path, start);
    const literal = literals.get(this.#path.slice(start, end));
    if (literal !== undefined) this.descend(literal, end + 1);
    if (star !== undefined && end > start) this.descend(star, end + 1);
  }

  #take({ always, byMethod }: Spot): void {
    this.#takeAll(always);
    if (byMethod.size > 0) this.#takeAll(byMethod.get(this.head.method) ?? []);
  }

  #takeAll(entries: Spot["always"]): void {
    for (const { rank, rest } of entries) if (rest === undefined || rest(this.head)) (this.#found ??= []).push(rank);
  }
}
