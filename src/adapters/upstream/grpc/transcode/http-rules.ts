import type { DescMethod } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { err, ok, type Result } from "../../../../model/result.ts";
import { parsePathTemplate, type PathTemplate } from "./path-template.ts";

/** How a method is called by HTTP: one rule of `google.api.http`. */
export interface HttpRule {
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** `*`: the body is the message; a name: that field of it; empty: there is no body. */
  readonly body: string;
  /** A name: that field of the answer is the body; empty: all of it. */
  readonly responseBody: string;
}

/** `extend google.protobuf.MethodOptions { HttpRule http = 72295728; }` */
const HTTP_EXTENSION = 72_295_728;

/** Bindings a method may have; more are a mistake. */
const MAX_RULES = 32;

/** The rules a method is annotated with; one by its gRPC path where there are none. The error is a fragment. */
export function httpRules(method: DescMethod): Result<readonly HttpRule[]> {
  const annotation = method.proto.options?.$unknown?.findLast(({ no }) => no === HTTP_EXTENSION);
  if (annotation === undefined) return ok([ruleByName(`/${method.parent.typeName}/${method.name}`)]);
  try {
    // unknown fields keep their length in front
    const rules = readRule(new BinaryReader(annotation.data).bytes());
    return rules.length > MAX_RULES ? err(`more than ${MAX_RULES} HTTP rules`) : rulesOf(rules);
  } catch {
    return err("an HTTP rule that cannot be read");
  }
}

/** The rule of a method by its gRPC path: the whole body is the message. */
export const ruleByName = (path: string): HttpRule => ({
  httpMethod: "POST",
  template: {
    parts: path
      .slice(1)
      .split("/")
      .map((text) => ({ kind: "literal", text })),
    variables: [],
    verb: undefined,
  },
  body: "*",
  responseBody: "",
});

interface RawRule {
  readonly httpMethod: string;
  readonly path: string;
  readonly body: string;
  readonly responseBody: string;
}

const EMPTY: RawRule = { httpMethod: "", path: "", body: "", responseBody: "" };

function rulesOf(rules: readonly RawRule[]): Result<readonly HttpRule[]> {
  const read: HttpRule[] = [];
  for (const { httpMethod, path, body, responseBody } of rules) {
    const template = parsePathTemplate(path);
    if (!template.ok) return err(`an HTTP rule with ${template.error}`);
    read.push({ httpMethod, template: template.value, body, responseBody });
  }
  return ok(read);
}

const METHODS: Readonly<Record<number, string>> = { 2: "GET", 3: "PUT", 4: "POST", 5: "DELETE", 6: "PATCH" };

/** A rule, and its additional bindings behind it. */
function readRule(bytes: Uint8Array): readonly RawRule[] {
  const reader = new BinaryReader(bytes);
  let own = EMPTY;
  const more: RawRule[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const verb = METHODS[field];
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType);
    else if (verb !== undefined) own = { ...own, httpMethod: verb, path: reader.string() };
    else if (field === 7) own = { ...own, body: reader.string() };
    else if (field === 8) own = { ...own, ...readCustom(reader.bytes()) };
    else if (field === 11) more.push(...readRule(reader.bytes()));
    else if (field === 12) own = { ...own, responseBody: reader.string() };
    else reader.skip(wireType);
  }
  return [own, ...more];
}

function readCustom(bytes: Uint8Array): Pick<RawRule, "httpMethod" | "path"> {
  const reader = new BinaryReader(bytes);
  const custom = { httpMethod: "", path: "" };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) custom.httpMethod = reader.string();
    else if (field === 2) custom.path = reader.string();
    else reader.skip(wireType);
  }
  return custom;
}
