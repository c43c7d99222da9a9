import { isJsonArray, isJsonObject, RawNumber, stringifyJson, type Json } from "@sallyport/contract/json.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { parsePointer } from "@sallyport/contract/json-pointer.ts";
import { QueryText } from "@sallyport/contract/query-text.ts";
import type { AllowVerdict, DenyVerdict, RespondVerdict } from "@sallyport/contract/verdict.ts";
import { parseFieldPointer, type Field } from "@sallyport/contract/view-field.ts";
import type { Exchange } from "../model/exchange.ts";

/** Shorter values are everywhere by chance; a secret of so few characters protects nothing. */
const MIN_SECRET_CHARS = 4;

/**
 * The values `expose` showed to a binding: what no allow or respond verdict may repeat (C23). Beside the value as shown: each of its
 * lines, each cookie of a cookie header, and a credential without the name of its scheme, since that is what gets repeated.
 */
export function exposedValues(pointers: readonly string[], exchange: Exchange): readonly string[] {
  const values = new Set<string>();
  for (const pointer of pointers) {
    const parsed = parseFieldPointer(pointer);
    if (!parsed.ok) continue;
    for (const value of valuesOf(parsed.value.field, exchange)) if (value.length >= MIN_SECRET_CHARS) values.add(value);
  }
  return [...values];
}

function valuesOf(field: Field, { head, response }: Exchange): readonly string[] {
  if (field.kind === "query") return new QueryText(head.query ?? "").values(field.name);
  if (field.kind !== "header") return [];
  const headers = field.side === "request" ? head.headers : response?.headers;
  const joined = headers?.joined(field.name);
  if (headers === undefined || joined === undefined) return [];
  const lines = headers.lines(field.name);
  return [joined, ...lines, ...lines.flatMap((line) => partsOf(field.name, line))];
}

function partsOf(name: string, line: string): readonly string[] {
  if (name === "cookie") return line.split(";").map((pair) => pair.trim());
  if (name === "set-cookie") return [line.split(";", 1)[0] ?? ""];
  return name.endsWith("authorization") ? [line.slice(line.indexOf(" ") + 1).trim()] : [];
}

/** Whether a verdict that is not a denial carries one of these values anywhere. */
export function repeatsExposed(verdict: AllowVerdict | RespondVerdict, values: readonly string[]): boolean {
  return values.length > 0 && textsOf(verdict).some(leaksAnyOf(values));
}

const leaksAnyOf =
  (values: readonly string[]) =>
  (text: string): boolean =>
    values.some((value) => text.includes(value));

function* textsOf(verdict: AllowVerdict | RespondVerdict): Generator<string> {
  yield* verdict.warnings;
  for (const { name, value } of verdict.annotations) yield* [name, value];
  if (verdict.kind === "allow") {
    for (const operation of verdict.patches) yield* textsOfPatch(operation);
    return;
  }
  for (const { name, value } of verdict.headers) yield* [name, value];
  // header bytes are shown as U+0080 to U+00FF, query values as what their UTF-8 says: a body may repeat either
  yield new TextDecoder("latin1").decode(verdict.body);
  yield new TextDecoder().decode(verdict.body);
}

function* textsOfPatch(operation: PatchOperation): Generator<string> {
  yield* tokensOf(operation.path);
  if ("from" in operation) yield* tokensOf(operation.from);
  if ("value" in operation) yield* textsIn(operation.value);
}

function tokensOf(pointer: string): readonly string[] {
  const tokens = parsePointer(pointer);
  return tokens.ok ? tokens.value : [pointer];
}

/** Every text in a value, names of members included: as it is, not as JSON escapes it. */
function* textsIn(value: Json): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "number" || value instanceof RawNumber) yield stringifyJson(value);
  else if (isJsonArray(value)) for (const item of value) yield* textsIn(item);
  else if (isJsonObject(value)) {
    for (const [name, member] of value) {
      yield name;
      yield* textsIn(member);
    }
  }
}

/** A denial without the parts that repeat an exposed value; the denial stands (C23). `dropped` counts those parts. */
export function withoutExposed(
  verdict: DenyVerdict,
  values: readonly string[],
): { readonly verdict: DenyVerdict; readonly dropped: number } {
  const leaks = leaksAnyOf(values);
  const { body, ...rest } = verdict;
  const keptBody = body !== undefined && textsIn(body).some(leaks) ? undefined : body;
  const next: DenyVerdict = {
    ...rest,
    code: leaks(verdict.code) ? "review_denied" : verdict.code,
    message: leaks(verdict.message) ? "The request was denied by a review." : verdict.message,
    headers: verdict.headers.filter(({ name, value }) => !leaks(name) && !leaks(value)),
    annotations: verdict.annotations.filter(({ name, value }) => !leaks(name) && !leaks(value)),
    warnings: verdict.warnings.filter((warning) => !leaks(warning)),
    ...(keptBody === undefined ? {} : { body: keptBody }),
  };
  return { verdict: next, dropped: keptParts(verdict, verdict) - keptParts(next, verdict) };
}

function keptParts(verdict: DenyVerdict, original: DenyVerdict): number {
  const lists = verdict.headers.length + verdict.annotations.length + verdict.warnings.length;
  const texts = Number(verdict.code === original.code) + Number(verdict.message === original.message);
  return lists + texts + Number(verdict.body !== undefined);
}
