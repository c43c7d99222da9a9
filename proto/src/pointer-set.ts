import { fieldAt, isContainerPointer } from "./field.ts";
import { formatPointer, parsePointer } from "./json-pointer.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** The pointers of a `needs`, `writes` or `expose` list; each stands for itself and all below it. */
export class PointerSet {
  /** Canonical, without duplicates, in the order given. */
  readonly pointers: readonly string[];
  readonly #root: Branch;

  /** For {@link compilePointers}, which checks the entries; they must be JSON pointers. */
  constructor(entries: readonly (readonly string[])[]) {
    const root: Branch = { whole: false, below: new Map() };
    for (const tokens of entries) insert(root, tokens);
    this.pointers = [...new Set(entries.map(formatPointer))];
    this.#root = root;
  }

  /** Whether an entry is a prefix of these tokens (or equal): all of that place is in the set. */
  covers(tokens: readonly string[]): boolean {
    let branch = this.#root;
    for (const token of tokens) {
      if (branch.whole) return true;
      const next = branch.below.get(token);
      if (next === undefined) return false;
      branch = next;
    }
    return branch.whole;
  }

  /** Whether all or part of a place is in the set: an entry is a prefix of it, or it of an entry. False for no pointer. */
  touches(pointer: string): boolean {
    const tokens = parsePointer(pointer);
    return tokens.ok && this.touchesTokens(tokens.value);
  }

  /** {@link touches} for a pointer that is already in parts. */
  touchesTokens(tokens: readonly string[]): boolean {
    let branch = this.#root;
    for (const token of tokens) {
      if (branch.whole) return true;
      const next = branch.below.get(token);
      if (next === undefined) return false;
      branch = next;
    }
    return branch.whole || branch.below.size > 0;
  }
}

/**
 * Checks and compiles the entries of a list: fields, containers of fields (`/request/headers`), or places below a body.
 * Refuses other pointers, and more than 256 of them. Which entries a phase allows is a question of its own.
 */
export function compilePointers(pointers: readonly string[]): Result<PointerSet> {
  if (pointers.length > FIXED_LIMITS.pointers) return err(`a list has at most ${FIXED_LIMITS.pointers} pointers`);
  const entries: (readonly string[])[] = [];
  for (const pointer of pointers) {
    const tokens = parsePointer(pointer);
    if (!tokens.ok) return err(`"${pointer}": ${tokens.error}`);
    const field = isContainerPointer(tokens.value) ? undefined : fieldAt(tokens.value);
    if (field?.ok === false) return err(`"${pointer}": ${field.error}`);
    entries.push(tokens.value);
  }
  return ok(new PointerSet(entries));
}

/**
 * What two lists have in common (C30, narrowing): for each pair of entries of which one is a prefix of the other, the
 * longer. Without duplicates; entries that are no pointers are in nothing.
 */
export function intersectPointers(a: readonly string[], b: readonly string[]): string[] {
  const common = new Set<string>();
  for (const one of a) {
    for (const other of b) {
      if (isAtOrBelow(one, other)) common.add(one);
      else if (isAtOrBelow(other, one)) common.add(other);
    }
  }
  return [...common];
}

interface Branch {
  /** An entry ends here. */
  whole: boolean;
  readonly below: Map<string, Branch>;
}

function insert(root: Branch, tokens: readonly string[]): void {
  let branch = root;
  for (const token of tokens) {
    const next = branch.below.get(token) ?? { whole: false, below: new Map<string, Branch>() };
    branch.below.set(token, next);
    branch = next;
  }
  branch.whole = true;
}

// escaped pointers compare like their tokens: each token has one escaped form
const isAtOrBelow = (pointer: string, place: string): boolean => pointer === place || pointer.startsWith(`${place}/`);
