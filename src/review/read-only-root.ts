import { isJsonArray, isJsonObject, parseJson, type Json } from "@sallyport/contract/json.ts";
import type { ReadonlyRoot } from "@sallyport/contract/field.ts";
import type { Principal } from "../model/principal.ts";
import type { OutcomeView, ReviewSubject } from "../ports/review-client.ts";

/** One of the parts of a view that no patch writes, whole (RFC.md §3.1); undefined where there is none. */
export function readOnlyRoot({ exchange, route, outcome }: ReviewSubject, root: ReadonlyRoot): Json | undefined {
  switch (root) {
    case "principal":
      return principalOf(exchange.principal);
    case "tenant":
      return new Map([["id", exchange.tenant]]);
    case "route":
      return new Map<string, Json>([
        ["name", route.name],
        ["labels", new Map(Object.entries(route.labels))],
      ]);
    case "client":
      return new Map([
        ["address", exchange.client.address],
        ["tls_subject", exchange.client.tlsSubject],
      ]);
    case "outcome":
      return outcome && outcomeOf(outcome);
    default:
      return root satisfies never;
  }
}

/** What stands at a place in a value; undefined where nothing does. Array indices have one spelling (RFC 6901 section 4). */
export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found = value;
  for (const token of path) {
    if (found === undefined) return undefined;
    if (isJsonObject(found)) found = found.get(token);
    else if (isJsonArray(found) && /^(?:0|[1-9][0-9]{0,9})$/.test(token)) found = found[Number(token)];
    else return undefined;
  }
  return found;
}

function principalOf({ id, anonymous, type, tenants, scopes, roles, claimsJson }: Principal): Json {
  const claims = parseJson(claimsJson);
  return new Map<string, Json>([
    ["id", id],
    ["anonymous", anonymous],
    ["type", type],
    ["tenants", tenants],
    ["scopes", scopes],
    ["roles", roles],
    ["claims", claims.ok ? claims.value : new Map()],
  ]);
}

const outcomeOf = (outcome: OutcomeView): Json =>
  new Map<string, Json>([
    ["status", outcome.status],
    ["decided_by", outcome.decidedBy],
    ["failure", outcome.failure],
    ["duration_ms", outcome.durationMs],
    ["bytes", outcome.bytes],
    ["open", outcome.open],
    ["bodies_omitted", outcome.bodiesOmitted === true],
  ]);
