import { err, ok, type Result } from "../../../../model/result.ts";

/** The path of an HTTP rule: `/v1/{name=shelves/*}/books/{id}:verb` (google.api.http). */
export interface PathTemplate {
  readonly parts: readonly TemplatePart[];
  readonly variables: readonly TemplateVariable[];
  /** Behind the last `:`; undefined: none. */
  readonly verb: string | undefined;
}

/** One segment. `globstar` is the last one, and takes any number. */
export type TemplatePart =
  { readonly kind: "literal"; readonly text: string } | { readonly kind: "star" } | { readonly kind: "globstar" };

/** A field and the segments that make its value, `end` excluded. */
export interface TemplateVariable {
  readonly field: string;
  readonly start: number;
  readonly end: number;
}

/** Field paths to values, as a path gave them. */
export type PathValues = ReadonlyMap<string, string>;

const MAX_SEGMENTS = 64;

/** Parses a template; the error is a fragment. */
export function parsePathTemplate(source: string): Result<PathTemplate> {
  const [, path, verb] = /^(\/.*?)(?::([A-Za-z0-9_.~-]+))?$/s.exec(source) ?? [];
  if (path === undefined) return err("a path that does not begin with /");
  const parts: TemplatePart[] = [];
  const variables: TemplateVariable[] = [];
  // a slash within braces belongs to the variable
  const texts = path.slice(1).match(/(?:\{[^{}]*\}|[^/{}])+/g) ?? [];
  if (texts.join("/") !== path.slice(1)) return err("braces or slashes that do not fit");
  for (const text of texts) {
    const [, field, inner = "*"] = /^\{([a-zA-Z_][a-zA-Z0-9_.]*)(?:=([^{}]+))?\}$/.exec(text) ?? [];
    if (field === undefined && /[{}=]/.test(text)) return err("a variable that is not a whole segment");
    const start = parts.length;
    for (const segment of field === undefined ? [text] : inner.split("/")) parts.push(partOf(segment));
    if (field !== undefined) variables.push({ field, start, end: parts.length });
  }
  if (parts.length > MAX_SEGMENTS) return err(`more than ${MAX_SEGMENTS} segments`);
  if (parts.some(({ kind }, at) => kind === "globstar" && at < parts.length - 1)) return err("** that is not the last segment");
  return ok({ parts, variables, verb });
}

function partOf(segment: string): TemplatePart {
  if (segment === "**") return { kind: "globstar" };
  return segment === "*" ? { kind: "star" } : { kind: "literal", text: segment };
}

/** The values a path gives, percent-decoded; undefined where it is another path. */
export function matchPath({ parts, variables, verb }: PathTemplate, path: string): PathValues | undefined {
  const bare = verb === undefined ? path : path.endsWith(`:${verb}`) ? path.slice(0, -verb.length - 1) : undefined;
  if (bare === undefined) return undefined;
  const segments = bare.slice(1).split("/");
  const last = parts.at(-1);
  const isOpen = last?.kind === "globstar";
  if (isOpen ? segments.length < parts.length - 1 : segments.length !== parts.length) return undefined;
  for (const [at, part] of parts.entries()) {
    const segment = segments[at] ?? "";
    if (part.kind === "literal" && part.text !== segment) return undefined;
    if (part.kind === "star" && segment === "") return undefined;
  }
  const values = new Map<string, string>();
  for (const { field, start, end } of variables) {
    const own = segments.slice(start, isOpen && end === parts.length ? undefined : end);
    const decoded = own.map(decode);
    if (decoded.includes(undefined)) return undefined;
    values.set(field, decoded.join("/"));
  }
  return values;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Which of two templates is asked first: the one with a literal where the other has none, from the left; then the longer one. */
export function compareTemplates(a: PathTemplate, b: PathTemplate): number {
  const ranks = { literal: 0, star: 1, globstar: 2 };
  for (const [at, part] of a.parts.entries()) {
    const other = b.parts[at];
    if (other === undefined) return -1;
    if (ranks[part.kind] !== ranks[other.kind]) return ranks[part.kind] - ranks[other.kind];
  }
  return b.parts.length - a.parts.length || Number(b.verb !== undefined) - Number(a.verb !== undefined);
}

/** Equal for templates that take the same paths. */
export const templateShape = ({ parts, verb }: PathTemplate): string =>
  JSON.stringify([parts.map((part) => (part.kind === "literal" ? [part.text] : part.kind)), verb]);
