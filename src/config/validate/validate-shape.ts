import { z } from "zod";
import type { ConfigIssue } from "../../model/config-issue.ts";
import { nearestWord } from "../../support/edit-distance.ts";
import { type ConfigNode, type PlainValue, toPlainValue } from "../source/config-node.ts";
import { pointerTo } from "../source/pointer.ts";
import { ConfigPositions } from "../source/positions.ts";
import { describeFound, isSecretPointer, mayQuote, quote } from "./found.ts";
import { legalAt } from "./schema-at.ts";
import { readEnvironmentTypes } from "./environment-types.ts";

/** Telling costs more than finding: of a file with more mistakes the first ones are told. */
const MAX_TOLD = 1000;

/** A value that fits the schema, or every way in which it does not. */
export type Shape<Schema extends z.ZodType> =
  | { readonly kind: "fits"; readonly value: z.output<Schema> }
  | { readonly kind: "misfits"; readonly issues: readonly ConfigIssue[] };

/** Checks a tree against a schema. Issues stand at their values, unknown keys at the keys, missing ones at their map. */
export function validateShape<Schema extends z.ZodType>(schema: Schema, root: ConfigNode): Shape<Schema> {
  const value = toPlainValue(root);
  const positions = new ConfigPositions(root);
  let parsed = z.safeParse(schema, value);
  if (!parsed.success && readEnvironmentTypes(value, parsed.error.issues.flatMap(unfolded), positions))
    parsed = z.safeParse(schema, value);
  if (parsed.success) return { kind: "fits", value: parsed.data };
  const teller: IssueTeller = { schema, value, positions };
  const issues = parsed.error.issues.flatMap(unfolded).slice(0, MAX_TOLD);
  return { kind: "misfits", issues: issues.flatMap((issue) => tell(issue, teller)) };
}

/** Where a value may be a text or a map: the issues of the form that was begun, rather than that it is neither. */
function unfolded(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union" || ownWords(issue) !== undefined) return [issue];
  const begun = issue.errors.filter((form) => !form.some(({ code, path }) => code === "invalid_type" && path.length === 0));
  const [form] = begun;
  if (form === undefined || begun.length > 1) return [issue];
  return form.map((each) => ({ ...each, path: [...issue.path, ...each.path] }));
}

interface IssueTeller {
  readonly schema: z.ZodType;
  readonly value: PlainValue;
  readonly positions: ConfigPositions;
}

function tell(issue: z.core.$ZodIssue, teller: IssueTeller): ConfigIssue[] {
  const pointer = pointerOf(issue.path);
  const { positions } = teller;
  if (issue.code === "unrecognized_keys") return issue.keys.slice(0, MAX_TOLD).map((key) => unknownKey(issue.path, key, teller));
  if (issue.code === "invalid_key") return [positions.issueAtKey(pointer, issue.issues[0]?.message ?? "expected another key")];
  const node = positions.nodeAt(pointer);
  if (node === undefined) return [missingKey(issue.path, teller)];
  const message = messageOf(issue);
  // what does not begin so may speak of the value, which the environment may have given
  if (!message.startsWith("expected ")) return [positions.issueAt(pointer, mayQuote(node, node.home) ? message : UNFIT)];
  return [positions.issueAt(pointer, `${message}, found ${describeFound(node, node.home)}`, suggestion(issue, node))];
}

function unknownKey(path: readonly PropertyKey[], key: string, { schema, value, positions }: IssueTeller): ConfigIssue {
  const parent = pointerOf(path);
  const meant = nearestWord(key, legalAt(schema, path, value).keys);
  const hint = meant === undefined ? undefined : `did you mean ${meant}?`;
  const issue = positions.issueAtKey(pointerTo(parent, key), `unknown key ${quote(key)}`, hint);
  // what stands in place of a key where a secret is due may be the secret
  const map = positions.nodeAt(parent);
  const isSecret = map !== undefined && (map.source.kind === "secret-file" || isSecretPointer(map.home));
  return isSecret ? { ...issue, pointer: map.home, message: "unknown key" } : issue;
}

function missingKey(path: readonly PropertyKey[], { schema, value, positions }: IssueTeller): ConfigIssue {
  const { description } = legalAt(schema, path, value);
  return positions.issueAt(
    pointerOf(path),
    `required key ${quote(String(path.at(-1)))} is missing`,
    description?.replace(/\.$/, ""),
  );
}

const UNFIT = "the value does not fit here";

/** Our own words where the schema gave none. */
function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return ownWords(issue) ?? `expected ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `expected ${oneOf(issue.values)}`;
    case "invalid_union":
      return ownWords(issue) ?? `expected ${oneOf(unionTags(issue))}`;
    case "too_big":
      return ownWords(issue) ?? `expected at most ${issue.maximum} ${SIZE_WORDS[issue.origin] ?? ""}`.trimEnd();
    case "too_small":
      return ownWords(issue) ?? `expected at least ${issue.minimum} ${SIZE_WORDS[issue.origin] ?? ""}`.trimEnd();
    default:
      return issue.message;
  }
}

// zod's own sentences begin with a capital letter or name its types; ours are fragments
const ownWords = (issue: z.core.$ZodIssue): string | undefined =>
  issue.message.startsWith("expected ") ? issue.message : undefined;

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

const SIZE_WORDS: Readonly<Record<string, string>> = { string: "characters", array: "items" };

const oneOf = (values: readonly unknown[]): string => (values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`);

/** Values of the key that chooses between the forms of a map. */
const unionTags = (issue: z.core.$ZodIssue): readonly unknown[] =>
  "options" in issue && Array.isArray(issue.options) ? issue.options : [];

function suggestion(issue: z.core.$ZodIssue, node: ConfigNode): string | undefined {
  const words = issue.code === "invalid_value" ? issue.values : issue.code === "invalid_union" ? unionTags(issue) : [];
  if (node.kind !== "scalar" || typeof node.value !== "string" || !mayQuote(node, node.home)) return undefined;
  const meant = nearestWord(
    node.value,
    words.filter((word) => typeof word === "string"),
  );
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}

/** Pointer of a zod path. */
export const pointerOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((pointer, step) => pointerTo(pointer, typeof step === "number" ? step : String(step)), "");
