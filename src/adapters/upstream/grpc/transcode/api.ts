import { createFileRegistry, fromBinary, type DescMethod, type Registry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, type DescriptorProto } from "@bufbuild/protobuf/wkt";
import type { TranscodePlan } from "../../../../model/route-plan.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import { eventRules, PLAIN_EVENTS, type EventRule } from "./event-rules.ts";
import { httpRules, ruleByName, type HttpRule } from "./http-rules.ts";
import { ownRules } from "./own-rules.ts";
import { compareTemplates, matchPath, type PathValues } from "./path-template.ts";
import { ruleFaults, streamsRequest, type ApiFault } from "./rule-faults.ts";

/** A call a request asks for. */
export interface ApiCall {
  readonly method: DescMethod;
  readonly rule: HttpRule;
  readonly values: PathValues;
}

/** Services that can be called by HTTP and JSON. */
export interface Api {
  /** For messages within `Any`. */
  readonly registry: Registry;
  /** How the stream a method answers with becomes events. */
  events(method: DescMethod): EventRule;
  /** The call a path of gRPC's own stands for, as clients of Connect use it; undefined: none. */
  named(path: string): ApiCall | undefined;
  /** The call a method and a path stand for; undefined: none. */
  find(httpMethod: string, path: string): ApiCall | undefined;
}

/**
 * The services a route offers, out of a descriptor set in base64. A rule of the route's own takes the place of what its method is annotated
 * with. Methods whose requests are streams are left out: nothing in HTTP and JSON says where one message ends.
 */
export function readApi(descriptorSet: string, { services, rules, sse }: TranscodePlan): Result<Api, readonly ApiFault[]> {
  const registry = readRegistry(descriptorSet);
  if (!registry.ok) return err([{ pointer: "", message: registry.error }]);
  const faults: ApiFault[] = [];
  const methods = new Map<string, DescMethod>();
  for (const [at, name] of services.entries()) {
    const service = registry.value.getService(name);
    if (service === undefined) faults.push({ pointer: `/services/${at}`, message: `the descriptor set has no service ${name}` });
    for (const method of service?.methods ?? []) methods.set(`${name}/${method.name}`, method);
  }
  const own = ownRules(rules, methods);
  const events = eventRules(sse, methods);
  faults.push(...own.faults, ...events.faults);
  const entries: Entry[] = [];
  for (const [name, method] of methods) {
    if (streamsRequest(method)) continue;
    const read = own.rules.has(name) ? ok(own.rules.get(name) ?? []) : annotatedRules(method);
    if (!read.ok) faults.push({ pointer: "", message: `${name} has ${read.error}` });
    else entries.push(...read.value.map((rule) => ({ method, rule })));
  }
  return faults.length > 0 ? err(faults) : ok(apiOf(registry.value, { entries, methods, events: events.rules }));
}

interface Entry {
  readonly method: DescMethod;
  readonly rule: HttpRule;
}

interface ApiParts {
  readonly entries: readonly Entry[];
  readonly methods: ReadonlyMap<string, DescMethod>;
  readonly events: ReadonlyMap<string, EventRule>;
}

function apiOf(registry: Registry, { entries, methods, events }: ApiParts): Api {
  const ordered = entries.toSorted((a, b) => compareTemplates(a.rule.template, b.rule.template));
  const byName = new Map<string, ApiCall>();
  for (const [name, method] of methods)
    if (!streamsRequest(method)) byName.set(`/${name}`, { method, rule: ruleByName(`/${name}`), values: new Map() });
  return {
    registry,
    events: ({ parent, name }) => events.get(`${parent.typeName}/${name}`) ?? PLAIN_EVENTS,
    named: (path) => byName.get(path),
    find(httpMethod, path) {
      for (const { method, rule } of ordered) {
        const values = rule.httpMethod === httpMethod || rule.httpMethod === "*" ? matchPath(rule.template, path) : undefined;
        if (values !== undefined) return { method, rule, values };
      }
      return undefined;
    },
  };
}

function annotatedRules(method: DescMethod): Result<readonly HttpRule[]> {
  const rules = httpRules(method);
  if (!rules.ok) return rules;
  for (const rule of rules.value) {
    const [fault] = ruleFaults(method, rule);
    if (fault !== undefined) return err(`an HTTP rule with ${fault.message}`);
  }
  return rules;
}

function readRegistry(descriptorSet: string): Result<Registry> {
  try {
    const set = fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSet, "base64"));
    for (const { messageType } of set.file) nameInJson(messageType);
    return ok(createFileRegistry(set));
  } catch {
    return err("the file is no descriptor set with all its imports");
  }
}

/** Compilers write the names of fields in JSON into the set; where one did not, they follow from the fields' own. */
function nameInJson(messages: readonly DescriptorProto[]): void {
  for (const { field, nestedType } of messages) {
    for (const each of field)
      if (each.jsonName === "")
        each.jsonName = each.name.replaceAll(/_+(.)?/g, (_match, next?: string) => next?.toUpperCase() ?? "");
    nameInJson(nestedType);
  }
}
