import { createFileRegistry, fromBinary, type DescMethod, type Registry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, type DescriptorProto } from "@bufbuild/protobuf/wkt";
import { err, ok, type Result } from "../../../../model/result.ts";
import { httpRules, ruleByName, type HttpRule } from "./http-rules.ts";
import { compareTemplates, matchPath, type PathValues } from "./path-template.ts";

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
  /** The call a path of gRPC's own stands for, as clients of Connect use it; undefined: none. */
  named(path: string): ApiCall | undefined;
  /** The call a method and a path stand for; undefined: none. */
  find(httpMethod: string, path: string): ApiCall | undefined;
}

/**
 * The services of these names in a descriptor set, in base64. Methods whose requests are streams are left out: nothing in HTTP and JSON says where
 * one message ends. The error is a fragment.
 */
export function readApi(descriptorSet: string, services: readonly string[]): Result<Api> {
  const registry = readRegistry(descriptorSet);
  if (!registry.ok) return registry;
  const entries: { readonly method: DescMethod; readonly rule: HttpRule }[] = [];
  const byName = new Map<string, ApiCall>();
  for (const name of services) {
    const service = registry.value.getService(name);
    if (service === undefined) return err(`the descriptor set has no service ${name}`);
    for (const method of service.methods) {
      if (method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming") continue;
      const path = `/${name}/${method.name}`;
      byName.set(path, { method, rule: ruleByName(path), values: new Map() });
      const rules = httpRules(method);
      if (!rules.ok) return err(`${name}/${method.name} has ${rules.error}`);
      for (const rule of rules.value) {
        const fault = faultOf(method, rule);
        if (fault !== undefined) return err(`${name}/${method.name} has ${fault}`);
        entries.push({ method, rule });
      }
    }
  }
  const ordered = entries.toSorted((a, b) => compareTemplates(a.rule.template, b.rule.template));
  return ok({
    registry: registry.value,
    named: (path) => byName.get(path),
    find(httpMethod, path) {
      for (const { method, rule } of ordered) {
        const values = rule.httpMethod === httpMethod || rule.httpMethod === "*" ? matchPath(rule.template, path) : undefined;
        if (values !== undefined) return { method, rule, values };
      }
      return undefined;
    },
  });
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

function faultOf({ input, output }: DescMethod, { body, responseBody }: HttpRule): string | undefined {
  const has = (fields: typeof input.fields, name: string): boolean => fields.some((field) => field.name === name);
  if (body !== "" && body !== "*" && !has(input.fields, body)) return `an HTTP rule with a body ${body} that is no field`;
  return responseBody === "" || has(output.fields, responseBody)
    ? undefined
    : `an HTTP rule with a response_body ${responseBody} that is no field`;
}
