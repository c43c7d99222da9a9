import { isHeaderName } from "@sallyport/contract/header-text.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import { BODY_FORMATS, MODES, PHASES } from "@sallyport/contract/phase.ts";
import { type Result } from "@sallyport/contract/result.ts";
import { compilePointers, legalNeeds, legalWrites } from "@sallyport/contract/view-field.ts";
import { Binding } from "./binding.ts";
import type { InterceptorDeclaration } from "./interceptor-declaration.ts";

/** Everything wrong with a declaration, one sentence each; plain JavaScript may get anything wrong. Empty: it is sound. */
export function definitionIssues(declaration: InterceptorDeclaration<string>): readonly string[] {
  const issues: string[] = [];
  if (!isName(declaration.name)) issues.push(`name: ${NAME_RULE}`);
  if (!["none", "replica", "cluster"].includes(declaration.stateScope ?? "none")) {
    issues.push("stateScope: expected none, replica or cluster");
  }
  const entries = Object.entries(declaration.bindings ?? {});
  if (entries.length === 0) issues.push("bindings: at least one is expected");
  for (const [id, declared] of entries) {
    issues.push(...bindingIssues(id, declared).map((issue) => `bindings/${id}: ${issue}`));
  }
  return issues;
}

function bindingIssues(id: string, declared: unknown): readonly string[] {
  const issues: string[] = [];
  if (!isName(id)) issues.push(`the id ${NAME_RULE}`);
  if (!(declared instanceof Binding)) return [...issues, "expected what binding({ … }) returns"];
  // without these three nothing else can be judged
  if (!Object.hasOwn(PHASES, declared.phase)) return [...issues, `phase: expected ${Object.keys(PHASES).join(", ")}`];
  if (!Object.hasOwn(MODES, declared.mode)) return [...issues, `mode: expected ${Object.keys(MODES).join(", ")}`];
  if (!Object.hasOwn(BODY_FORMATS, declared.body)) return [...issues, `body: expected ${Object.keys(BODY_FORMATS).join(", ")}`];
  if (typeof declared.review !== "function") issues.push("review: expected a function");
  return [...issues, ...needsIssues(declared), ...writesIssues(declared), ...ownedIssues(declared)];
}

function needsIssues({ phase, mode, needs }: Binding): readonly string[] {
  return pointerIssues("needs", needs, (pointer) => legalNeeds(phase, pointer, mode));
}

function writesIssues({ phase, mode, writes, body }: Binding): readonly string[] {
  if (writes.length > 0 && mode !== "mutate") return [`writes: a binding of mode ${mode} changes nothing; leave writes out`];
  const issues = pointerIssues("writes", writes, (pointer) => legalWrites(phase, pointer));
  const below = writes.filter((pointer) => /^\/(request|response)\/body\//.test(pointer));
  if (body === "json" || below.length === 0) return issues;
  return [...issues, `writes: a body shown as ${body} is replaced whole; ${below.join(", ")} takes body: "json"`];
}

function ownedIssues({ ownsHeaders, writes }: Binding): readonly string[] {
  const set = compilePointers(writes);
  return ownsHeaders.flatMap((name) => {
    if (!isHeaderName(name)) return [`ownsHeaders: "${name}" is not a header name in lower case`];
    if (set.ok && set.value.covers(["request", "headers", name])) return [];
    return [`ownsHeaders: ${name} is not among writes: add "/request/headers/${name}"`];
  });
}

function pointerIssues(
  list: "needs" | "writes",
  pointers: readonly string[],
  judge: (pointer: string) => Result<void>,
): readonly string[] {
  if (pointers.length > FIXED_LIMITS.pointers) return [`${list}: at most ${FIXED_LIMITS.pointers} pointers`];
  const issues = pointers.flatMap((pointer) => {
    const verdict = judge(pointer);
    return verdict.ok ? [] : [`${list}: ${pointer}: ${verdict.error}`];
  });
  const set = compilePointers(pointers);
  return set.ok || issues.length > 0 ? issues : [`${list}: ${set.error}`];
}

const isName = (text: unknown): boolean => typeof text === "string" && text.length <= 64 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text);

const NAME_RULE = "has 1 to 64 characters a-z and 0-9, with single - in between";
