import type { Principal, View as SentView } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { parseJson, toPlain } from "@sallyport/contract/json.ts";
import type { SentBody } from "./sent-body.ts";

/** A view as it was sent, as a tree whose places are spelled as pointers spell them. */
export type Member = Level | { readonly kind: "value"; readonly value: unknown } | { readonly kind: "lazy"; read(): unknown };

/** One level of it. */
export interface Level {
  readonly kind: "level";
  readonly members: ReadonlyMap<string, Member>;
  /**
   * What a name that is not here reads as. `withheld`: these names always exist, so the gateway left it out;
   * otherwise it does not exist in the exchange.
   */
  readonly absent: "withheld" | "undefined" | "empty-list";
}

/** Builds the tree as it is read; a part that was not sent is not in it. */
export function viewTree(sent: SentView, bodies: { readonly request: SentBody; readonly response: SentBody }): Level {
  const { principal, tenant, route, client, outcome } = sent;
  return level({
    request: new LaterLevel("withheld", () => requestMembers(sent.request, bodies.request)),
    principal: principal && new LaterLevel("withheld", () => principalMembers(principal)),
    tenant: tenant && new LaterLevel("withheld", () => members({ id: tenant.id })),
    route: route && new LaterLevel("withheld", () => members({ name: route.name, labels: pairs(route.labels) })),
    client: client && new LaterLevel("withheld", () => members({ address: client.address, tls_subject: client.tlsSubject })),
    labels: pairs(sent.labels),
    response: new LaterLevel("withheld", () => responseMembers(sent.response, bodies.response)),
    outcome: outcome && new LaterLevel("withheld", () => outcomeMembers(outcome)),
  });
}

type Members = ReadonlyMap<string, Member>;

/** A level whose members are made when one is asked for. */
class LaterLevel implements Level {
  readonly kind = "level";
  readonly absent: Level["absent"];
  readonly #make: () => Members;
  #members: Members | undefined;

  constructor(absent: Level["absent"], make: () => Members) {
    this.absent = absent;
    this.#make = make;
  }

  get members(): Members {
    return (this.#members ??= this.#make());
  }
}

const requestMembers = (request: SentView["request"], body: SentBody): Members =>
  members({
    id: request?.id,
    protocol: request?.protocol,
    method: request?.method,
    scheme: request?.scheme,
    host: request?.host,
    path: request?.path,
    query: new LaterLevel("empty-list", () =>
      named((request?.query ?? []).map(({ name, values }) => [name, Object.freeze([...values])])),
    ),
    headers: pairs(request?.headers),
    body: { kind: "lazy", read: body.plain },
  });

const responseMembers = (response: SentView["response"], body: SentBody): Members =>
  members({ status: response?.status, headers: pairs(response?.headers), body: { kind: "lazy", read: body.plain } });

const outcomeMembers = (outcome: NonNullable<SentView["outcome"]>): Members =>
  members({
    status: outcome.status,
    decided_by: outcome.decidedBy,
    failure: outcome.failure,
    duration_ms: outcome.durationMs,
    bytes: Number(outcome.bytes),
    open: outcome.open,
    bodies_omitted: outcome.bodiesOmitted,
  });

function principalMembers(principal: Principal): Members {
  const { id, anonymous, type, tenants, scopes, roles } = principal;
  return members({
    id,
    anonymous,
    type,
    tenants: Object.freeze([...tenants]),
    scopes: Object.freeze([...scopes]),
    roles: Object.freeze([...roles]),
    claims: new LaterLevel("undefined", () => named(claimsOf(principal.claimsJson))),
  });
}

function claimsOf(text: string): readonly (readonly [string, unknown])[] {
  if (text === "") return [];
  const parsed = parseJson(text);
  if (!parsed.ok || !(parsed.value instanceof Map)) throw new Error("the gateway sent claims that are no JSON object");
  return [...parsed.value].map(([name, value]) => [name, toPlain(value)] as const);
}

type Given = Member | string | number | boolean | readonly string[] | undefined;

const level = (given: Readonly<Record<string, Given>>): Level => ({ kind: "level", members: members(given), absent: "withheld" });

function members(given: Readonly<Record<string, Given>>): Members {
  const made = new Map<string, Member>();
  for (const name in given) {
    const value = given[name];
    if (value !== undefined) made.set(name, isMember(value) ? value : { kind: "value", value });
  }
  return made;
}

const isMember = (given: Exclude<Given, undefined>): given is Member => typeof given === "object" && "kind" in given;

function named(entries: readonly (readonly [string, unknown])[]): Members {
  const made = new Map<string, Member>();
  for (const [name, value] of entries) made.set(name, { kind: "value", value });
  return made;
}

/** Open names with one text each. */
const pairs = (list: readonly { readonly name: string; readonly value: string }[] | undefined): Level =>
  new LaterLevel("undefined", () => {
    const made = new Map<string, Member>();
    for (const { name, value } of list ?? []) made.set(name, { kind: "value", value });
    return made;
  });
