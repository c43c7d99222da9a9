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

/** Builds the tree; a part that was not sent is not in it. */
export function viewTree(sent: SentView, bodies: { readonly request: SentBody; readonly response: SentBody }): Level {
  const { request, response, principal, tenant, route, client, outcome } = sent;
  return level({
    request: level({
      id: request?.id,
      protocol: request?.protocol,
      method: request?.method,
      scheme: request?.scheme,
      host: request?.host,
      path: request?.path,
      query: named(
        (request?.query ?? []).map(({ name, values }) => [name, Object.freeze([...values])]),
        "empty-list",
      ),
      headers: named(pairs(request?.headers)),
      body: { kind: "lazy", read: bodies.request.plain },
    }),
    principal: principal && principalLevel(principal),
    tenant: tenant && level({ id: tenant.id }),
    route: route && level({ name: route.name, labels: named(pairs(route.labels)) }),
    client: client && level({ address: client.address, tls_subject: client.tlsSubject }),
    labels: named(pairs(sent.labels)),
    response: level({
      status: response?.status,
      headers: named(pairs(response?.headers)),
      body: { kind: "lazy", read: bodies.response.plain },
    }),
    outcome:
      outcome &&
      level({
        status: outcome.status,
        decided_by: outcome.decidedBy,
        failure: outcome.failure,
        duration_ms: outcome.durationMs,
        bytes: Number(outcome.bytes),
        open: outcome.open,
        bodies_omitted: outcome.bodiesOmitted,
      }),
  });
}

function principalLevel(principal: Principal): Level {
  const { id, anonymous, type, tenants, scopes, roles } = principal;
  return level({
    id,
    anonymous,
    type,
    tenants: Object.freeze([...tenants]),
    scopes: Object.freeze([...scopes]),
    roles: Object.freeze([...roles]),
    claims: named(claimsOf(principal.claimsJson)),
  });
}

function claimsOf(text: string): readonly (readonly [string, unknown])[] {
  if (text === "") return [];
  const parsed = parseJson(text);
  if (!parsed.ok || !(parsed.value instanceof Map)) throw new Error("the gateway sent claims that are no JSON object");
  return [...parsed.value].map(([name, value]) => [name, toPlain(value)] as const);
}

type Given = Member | string | number | boolean | readonly string[] | undefined;

function level(given: Readonly<Record<string, Given>>): Level {
  const members = new Map<string, Member>();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) members.set(name, isMember(value) ? value : { kind: "value", value });
  }
  return { kind: "level", members, absent: "withheld" };
}

const isMember = (given: Exclude<Given, undefined>): given is Member => typeof given === "object" && "kind" in given;

function named(entries: readonly (readonly [string, unknown])[], absent: "undefined" | "empty-list" = "undefined"): Level {
  return { kind: "level", members: new Map(entries.map(([name, value]) => [name, { kind: "value", value }])), absent };
}

function pairs(
  list: readonly { readonly name: string; readonly value: string }[] | undefined,
): readonly (readonly [string, string])[] {
  return (list ?? []).map(({ name, value }) => [name, value]);
}
