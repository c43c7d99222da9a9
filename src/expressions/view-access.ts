import type { QueryText } from "../model/query-text.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import type { Compilation, Evaluate, PathStep } from "./compilation.ts";
import { absenceOf, isRoot, type RootName } from "./declarations.ts";
import type { BodyFacts, Frame, HiddenNames } from "./facts.ts";
import { Unusable } from "./problem.ts";
import { NamedValues, toValue, type Value } from "./values.ts";

/**
 * Reads the field of the view that a literal path names; undefined where the path goes on below one (into a body, or to a name in
 * a map other than headers, query and labels). A root that the phase does not have and a hidden name are mistakes (C22).
 */
export function viewAccess(path: readonly PathStep[], compilation: Compilation): Evaluate | undefined {
  const [root, field, name] = path;
  if (root === undefined) return undefined;
  if (root.name === "labels") return labelAccess(path);
  if (!isRoot(root.name)) return undefined;
  const absence = absenceOf(root.name, compilation.phase);
  if (absence !== undefined) throw new Unusable(absence, root.node);
  if (field === undefined) throw new Unusable(`${root.name} has fields; name one of them`, root.node);
  const named = namedValues(root.name, field.name, compilation.hidden);
  if (named !== undefined) {
    if (name !== undefined) checkName(path, compilation.hidden);
    return byName(named, path.slice(2));
  }
  if (path.length > 2) return undefined;
  if (field.name === "body" && (root.name === "request" || root.name === "response")) return bodyAccess(root.name, compilation);
  return SCALARS[`${root.name}.${field.name}`];
}

/** Refuses a literal name that can never be read: a hidden one, or a header that is not in lower case. */
export function checkName(path: readonly PathStep[], hidden: HiddenNames): void {
  const [root, field, name] = path;
  if (name === undefined || (root?.name !== "request" && root?.name !== "response")) return;
  if (field?.name === "headers") {
    if (name.name !== name.name.toLowerCase())
      throw new Unusable(`header names are in lower case: "${name.name.toLowerCase()}"`, name.node);
    if (isHiddenHeader(hidden, root.name, name.name))
      throw new Unusable(`the header ${name.name} is hidden: it may carry a credential`, name.node);
  }
  if (field?.name === "query" && hidden.query.has(name.name))
    throw new Unusable(`the query name ${name.name} is hidden: it may carry a credential`, name.node);
}

const isHiddenHeader = (hidden: HiddenNames, side: RootName, name: string): boolean =>
  hidden.headers.has(name) || (side === "response" && name === "set-cookie");

function labelAccess(path: readonly PathStep[]): Evaluate | undefined {
  return byName(
    (frame) =>
      new NamedValues(
        "",
        (name) => frame.facts.exchange.labels.get(name),
        () => [...frame.facts.exchange.labels.keys()],
      ),
    path.slice(1),
  );
}

/** All of them, or the one that the rest of the path names; undefined where the path goes on below that. */
function byName(named: (frame: Frame) => NamedValues, rest: readonly PathStep[]): Evaluate | undefined {
  const [step] = rest;
  if (step === undefined) return named;
  if (rest.length > 1) return undefined;
  const { name } = step;
  return (frame) => {
    const values = named(frame);
    return values.read(name) ?? values.absent;
  };
}

function namedValues(root: RootName, field: string, hidden: HiddenNames): ((frame: Frame) => NamedValues) | undefined {
  if (root === "route" && field === "labels") return ({ facts }) => ofRecord(facts.route.labels);
  if (root === "request" && field === "query") return (frame) => ofQuery(frame.query, hidden);
  if (field !== "headers") return undefined;
  const isShown = (name: string): boolean => !isHiddenHeader(hidden, root, name);
  return root === "request"
    ? ({ facts }) => ofHeaders(facts.exchange.head.headers, isShown)
    : ({ facts }) => ofHeaders(facts.exchange.response?.headers, isShown);
}

const ofRecord = (labels: Readonly<Record<string, string>>): NamedValues =>
  new NamedValues(
    "",
    (name) => (Object.hasOwn(labels, name) ? labels[name] : undefined),
    () => Object.keys(labels),
  );

function ofHeaders(headers: HeaderLines | undefined, isShown: (name: string) => boolean): NamedValues {
  return new NamedValues(
    "",
    (name) => (isShown(name) ? headers?.joined(name) : undefined),
    () => [...(headers?.names() ?? [])].filter(isShown),
  );
}

function ofQuery(query: QueryText, hidden: HiddenNames): NamedValues {
  const read = (name: string): Value | undefined => (hidden.query.has(name) || !query.has(name) ? undefined : query.values(name));
  return new NamedValues([], read, () => query.names().filter((name) => !hidden.query.has(name)));
}

function bodyAccess(side: "request" | "response", { needsBody }: Compilation): Evaluate {
  needsBody[side] = true;
  return side === "request" ? ({ facts }) => bodyValue(facts.requestBody) : ({ facts }) => bodyValue(facts.responseBody);
}

function bodyValue(body: BodyFacts | undefined): Value {
  if (body === undefined) return null;
  if (body.format === "json") return toValue(body.value);
  return body.format === "text" ? body.text : body.bytes;
}

/** Fields that are one value. */
const SCALARS: Readonly<Record<string, Evaluate>> = {
  "request.id": ({ facts }) => facts.exchange.ids.requestId,
  "request.protocol": ({ facts }) => facts.exchange.protocol,
  "request.method": ({ facts }) => facts.exchange.head.method,
  "request.scheme": ({ facts }) => facts.exchange.head.scheme,
  "request.host": ({ facts }) => facts.exchange.head.host,
  "request.path": ({ facts }) => facts.exchange.head.path,
  // never asked where there is none: the phase was checked
  "response.status": ({ facts }) => BigInt(facts.exchange.response?.status ?? 0),
  "principal.id": ({ facts }) => facts.exchange.principal.id,
  "principal.anonymous": ({ facts }) => facts.exchange.principal.anonymous,
  "principal.type": ({ facts }) => facts.exchange.principal.type,
  "principal.tenants": ({ facts }) => facts.exchange.principal.tenants,
  "principal.scopes": ({ facts }) => facts.exchange.principal.scopes,
  "principal.roles": ({ facts }) => facts.exchange.principal.roles,
  "principal.claims": (frame) => frame.claims,
  "tenant.id": ({ facts }) => facts.exchange.tenant,
  "route.name": ({ facts }) => facts.route.name,
  "client.address": ({ facts }) => facts.exchange.client.address,
  "client.tls_subject": ({ facts }) => facts.exchange.client.tlsSubject,
};
