import {
  type Body,
  type Header,
  type Label,
  type Outcome,
  type Principal,
  type View,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { joinLines } from "@sallyport/contract/header-text.ts";
import { fromPlain, stringifyJson } from "@sallyport/contract/json.ts";
import type { CompiledBinding } from "../interceptor.ts";
import type { ExchangeState, TestExchange } from "./exchange.ts";
import type { OutcomeView, PrincipalView } from "../view.ts";

/** The view a gateway would send of an exchange: what `needs` names, and nothing else (C34). */
export function wireView(state: ExchangeState, { binding, needs }: CompiledBinding): View {
  const wants = (...tokens: readonly string[]): boolean => needs.covers(tokens);
  const touches = (pointer: string): boolean => needs.touches(pointer);
  const { tenant, route } = state.given;
  const client = clientOf(state.given);
  const headers = (side: "request" | "response"): Header[] =>
    [...state.headers[side]]
      .filter(([name]) => wants(side, "headers", name))
      .map(([name, lines]) => ({ name, value: joinLines(name, lines) }));
  const body = (side: "request" | "response"): Body | undefined => (wants(side, "body") ? wireBody(state, side) : undefined);
  const member = (name: keyof ExchangeState["members"]): string | undefined =>
    wants("request", name) ? state.members[name] : undefined;
  return {
    request: {
      id: member("id"),
      protocol: member("protocol"),
      method: member("method"),
      scheme: member("scheme"),
      host: member("host"),
      path: member("path"),
      query: [...state.query]
        .filter(([name]) => wants("request", "query", name))
        .map(([name, values]) => ({ name, values: [...values] })),
      headers: headers("request"),
      body: body("request"),
    },
    principal: touches("/principal") ? principalOf(state.given.principal ?? {}) : undefined,
    tenant: touches("/tenant") ? { id: tenant?.id ?? "" } : undefined,
    route: touches("/route") ? { name: route?.name ?? "", labels: labelsOf(Object.entries(route?.labels ?? {})) } : undefined,
    client: touches("/client") ? { address: client.address, tlsSubject: client.tls_subject } : undefined,
    labels: labelsOf([...state.labels].filter(([name]) => wants("labels", name))),
    response:
      binding.phase === "post-response"
        ? { status: wants("response", "status") ? state.status : undefined, headers: headers("response"), body: body("response") }
        : undefined,
    outcome: touches("/outcome") ? outcomeOf(state.given.outcome ?? {}) : undefined,
  };
}

const labelsOf = (entries: readonly (readonly [string, string])[]): Label[] => entries.map(([name, value]) => ({ name, value }));

function wireBody({ bodies, format }: ExchangeState, side: "request" | "response"): Body | undefined {
  const json = bodies[side];
  if (json === undefined) return undefined;
  if (format === "json") return { content: { $case: "json", value: stringifyJson(json) } };
  const text = typeof json === "string" ? json : ""; // a state holds no other value for these formats
  if (format === "text") return { content: { $case: "text", value: text } };
  return { content: { $case: "raw", value: Buffer.from(text, "base64") } };
}

/** The other end of the client connection, completed. */
export const clientOf = ({ client }: TestExchange): { readonly address: string; readonly tls_subject: string } => ({
  address: client?.address ?? "192.0.2.1",
  tls_subject: client?.tls_subject ?? "",
});

/** Who the caller is, completed: anonymous unless a test says otherwise. */
export function principalOf(given: Partial<PrincipalView>): Principal {
  const claims = fromPlain(given.claims ?? {});
  if (!claims.ok) throw new TypeError(`claims: ${claims.error}`);
  return {
    id: given.id ?? "",
    anonymous: given.anonymous ?? given.id === undefined,
    type: given.type ?? (given.id === undefined ? "anonymous" : "static-token"),
    tenants: [...(given.tenants ?? [])],
    scopes: [...(given.scopes ?? [])],
    roles: [...(given.roles ?? [])],
    claimsJson: given.claims === undefined ? "" : stringifyJson(claims.value),
  };
}

function outcomeOf(given: Partial<OutcomeView>): Outcome {
  return {
    status: given.status ?? 200,
    decidedBy: given.decided_by ?? "upstream",
    failure: given.failure ?? "",
    durationMs: given.duration_ms ?? 1,
    bytes: BigInt(given.bytes ?? 0),
    open: given.open ?? false,
    bodiesOmitted: given.bodies_omitted ?? false,
  };
}
