import type { DescMethod } from "@bufbuild/protobuf";
import type { HttpCallPlan, HttpRulePlan } from "../../../../model/route-plan.ts";
import { nearestWord } from "../../../../support/edit-distance.ts";
import type { HttpRule } from "./http-rules.ts";
import { parsePathTemplate, templateShape } from "./path-template.ts";
import { ruleFaults, streamsRequest, type ApiFault } from "./rule-faults.ts";

/** The rules of a route's own by the names of their methods, and all that is wrong with them. Two that take the same requests are a mistake: which one it is would be an accident. */
export function ownRules(
  plans: readonly HttpRulePlan[],
  methods: ReadonlyMap<string, DescMethod>,
): { readonly rules: ReadonlyMap<string, readonly HttpRule[]>; readonly faults: readonly ApiFault[] } {
  const rules = new Map<string, readonly HttpRule[]>();
  const faults: ApiFault[] = [];
  const taken = new Map<string, string>();
  for (const [at, { method: name, calls }] of plans.entries()) {
    const method = methods.get(name);
    const unfit = methodFault(name, method, methods);
    if (unfit !== undefined) faults.push({ ...unfit, pointer: `/rules/${at}/method` });
    if (method === undefined || unfit !== undefined) continue;
    const read: HttpRule[] = [];
    for (const [nth, call] of calls.entries()) {
      const pointer = nth === 0 ? `/rules/${at}` : `/rules/${at}/additional/${nth - 1}`;
      const made = ruleOf(call, method, pointer);
      faults.push(...made.faults);
      if (made.rule === undefined) continue;
      read.push(made.rule);
      const shape = `${call.httpMethod} ${templateShape(made.rule.template)}`;
      const other = taken.get(shape);
      if (other !== undefined)
        faults.push({
          pointer: keyOf(pointer, call),
          message: `${other} is called the same way`,
          hint: "change one of the paths",
        });
      taken.set(shape, name);
    }
    rules.set(name, read);
  }
  return { rules, faults };
}

/** Why a method cannot have a rule. */
export function methodFault(
  name: string,
  method: DescMethod | undefined,
  methods: ReadonlyMap<string, DescMethod>,
): Omit<ApiFault, "pointer"> | undefined {
  if (method === undefined) {
    const meant = nearestWord(name, methods.keys());
    const message = `the descriptor set has no method ${name}`;
    return meant === undefined ? { message } : { message, hint: `did you mean ${meant}?` };
  }
  if (streamsRequest(method)) return { message: `${name} takes a stream: it cannot be called by HTTP and JSON` };
  return undefined;
}

function ruleOf(
  { httpMethod, path, body, responseBody }: HttpCallPlan,
  method: DescMethod,
  pointer: string,
): { readonly rule: HttpRule | undefined; readonly faults: readonly ApiFault[] } {
  const own = { httpMethod, path, body, responseBody };
  const template = parsePathTemplate(path);
  if (!template.ok) return { rule: undefined, faults: [{ pointer: keyOf(pointer, own), message: template.error }] };
  const rule: HttpRule = { httpMethod, template: template.value, body, responseBody };
  const faults = ruleFaults(method, rule).map(({ part, ...fault }) => ({
    ...fault,
    pointer: part === "path" ? keyOf(pointer, own) : `${pointer}/${part}`,
  }));
  return { rule, faults };
}

/** Where a call's path is written. */
const keyOf = (pointer: string, { httpMethod }: HttpCallPlan): string =>
  `${pointer}/${httpMethod === "*" ? "any" : httpMethod.toLowerCase()}`;
