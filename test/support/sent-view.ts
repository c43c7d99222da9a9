import type { View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { parseJson, type Json } from "@sallyport/contract/json.ts";
import type { PointerSet } from "@sallyport/contract/view-field.ts";

/**
 * A View message read back as the document it stands for: what was needed and is there. Fields without presence on the wire count as
 * there when they were needed; such a field that was not needed and is not empty is a leak, and comes out as `LEAK`.
 */
export function sentDocument(view: View | undefined, needs: PointerSet): Json | undefined {
  const { request, principal, tenant, route, client, response, outcome } = view ?? { labels: [] };
  const needed = (at: readonly string[], value: Json, empty: Json): Json | undefined =>
    needs.covers(at) ? value : value === empty || (Array.isArray(value) && value.length === 0) ? undefined : "LEAK";
  return object({
    request:
      request &&
      object({
        id: request.id,
        protocol: request.protocol,
        method: request.method,
        scheme: request.scheme,
        host: request.host,
        path: request.path,
        query: filled(new Map(request.query.map(({ name, values }) => [name, values]))),
        headers: pairs(request.headers),
        body: bodyOf(request.body),
      }),
    principal:
      principal &&
      object({
        id: needed(["principal", "id"], principal.id, ""),
        anonymous: needed(["principal", "anonymous"], principal.anonymous, false),
        type: needed(["principal", "type"], principal.type, ""),
        tenants: needed(["principal", "tenants"], principal.tenants, ""),
        scopes: needed(["principal", "scopes"], principal.scopes, ""),
        roles: needed(["principal", "roles"], principal.roles, ""),
        claims: claimsOf(principal.claimsJson),
      }),
    tenant: tenant && object({ id: needed(["tenant", "id"], tenant.id, "") }),
    route: route && object({ name: needed(["route", "name"], route.name, ""), labels: pairs(route.labels) }),
    client:
      client &&
      object({
        address: needed(["client", "address"], client.address, ""),
        tls_subject: needed(["client", "tls_subject"], client.tlsSubject, ""),
      }),
    labels: pairs(view?.labels ?? []),
    response: response && object({ status: response.status, headers: pairs(response.headers), body: bodyOf(response.body) }),
    outcome:
      outcome &&
      object({
        status: needed(["outcome", "status"], outcome.status, 0),
        decided_by: needed(["outcome", "decided_by"], outcome.decidedBy, ""),
        failure: needed(["outcome", "failure"], outcome.failure, ""),
        duration_ms: needed(["outcome", "duration_ms"], outcome.durationMs, 0),
        bytes: needed(["outcome", "bytes"], Number(outcome.bytes), 0),
        open: needed(["outcome", "open"], outcome.open, false),
        bodies_omitted: needed(["outcome", "bodies_omitted"], outcome.bodiesOmitted, false),
      }),
  });
}

/** A view document without the containers that hold nothing: the wire does not tell an empty list of headers from none. */
export function withoutEmpty(view: Json | undefined): Json | undefined {
  if (!(view instanceof Map)) return view;
  const sections = new Map<string, Json | undefined>();
  for (const [name, section] of view) {
    const kept =
      section instanceof Map && name !== "labels"
        ? [...section].filter(([field, value]) => !CONTAINERS.has(field) || !isEmpty(value))
        : undefined;
    sections.set(name, kept === undefined ? section : filled(new Map(kept)));
  }
  return filled(
    new Map(
      [...sections].flatMap(([name, section]) => (section === undefined || isEmpty(section) ? [] : [[name, section] as const])),
    ),
  );
}

const CONTAINERS: ReadonlySet<string> = new Set(["query", "headers", "labels", "claims"]);

const isEmpty = (value: Json): boolean => value instanceof Map && value.size === 0;

function bodyOf(body: NonNullable<View["request"]>["body"]): Json | undefined {
  const content = body?.content;
  if (content === undefined) return undefined;
  if (content.$case === "text") return content.value;
  if (content.$case === "raw") return content.value.toBase64();
  const parsed = parseJson(content.value);
  return parsed.ok ? parsed.value : "NOT JSON";
}

function claimsOf(text: string): Json | undefined {
  const parsed = parseJson(text);
  return parsed.ok && parsed.value instanceof Map ? filled(parsed.value) : undefined;
}

function pairs(list: readonly { readonly name: string; readonly value: string }[]): Json | undefined {
  const map = new Map(list.map(({ name, value }) => [name, value] as const));
  return map.size === list.length ? filled(map) : "NAME TWICE";
}

const filled = (map: ReadonlyMap<string, Json>): Json | undefined => (map.size === 0 ? undefined : map);

function object(members: Readonly<Record<string, Json | undefined>>): Json | undefined {
  const map = new Map<string, Json>();
  for (const [name, value] of Object.entries(members)) if (value !== undefined) map.set(name, value);
  return filled(map);
}
