import type { Body, Header, Principal, View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { parseJson, stringifyJson } from "@sallyport/contract/json.ts";
import type { PointerSet } from "@sallyport/contract/view-field.ts";
import type { BindingUnderTest } from "./binding-under-test.ts";
import type { SampleExchange } from "./sample-exchange.ts";

/** The view a gateway would send of an exchange: what `needs` names at the binding's phase, and nothing else (RFC.md §3.2). */
export function sampleView(exchange: SampleExchange, binding: BindingUnderTest, needs: PointerSet = binding.needs): View {
  const shows = (...tokens: readonly string[]): boolean => needs.covers(tokens);
  const text = (member: string, value: string): string | undefined => (shows("request", member) ? value : undefined);
  const headers = (side: "request" | "response", all: readonly Header[]): Header[] =>
    all.filter(({ name }) => shows(side, "headers", name));
  const body = (side: "request" | "response", content: string | undefined): Body | undefined =>
    content !== undefined && shows(side, "body") ? bodyOf(content, binding) : undefined;
  return {
    request: {
      id: text("id", `request-${exchange.name}`),
      protocol: text("protocol", "http"),
      method: text("method", exchange.method),
      scheme: text("scheme", "https"),
      host: text("host", "api.example.org"),
      path: text("path", exchange.path),
      query: exchange.query.filter(({ name }) => shows("request", "query", name)),
      headers: headers("request", exchange.headers),
      body: body("request", exchange.body),
    },
    principal: needs.touches("/principal") ? principalOf(exchange.principal, needs) : undefined,
    tenant: needs.touches("/tenant") ? { id: exchange.tenant } : undefined,
    route: needs.touches("/route")
      ? { name: shows("route", "name") ? "main" : "", labels: shows("route", "labels") ? [{ name: "tier", value: "gold" }] : [] }
      : undefined,
    client: needs.touches("/client")
      ? { address: shows("client", "address") ? "192.0.2.7" : "", tlsSubject: shows("client", "tls_subject") ? "CN=client" : "" }
      : undefined,
    labels: exchange.labels.filter(({ name }) => shows("labels", name)),
    response:
      binding.phase === "post-response"
        ? {
            status: shows("response", "status") ? exchange.response.status : undefined,
            headers: headers("response", exchange.response.headers),
            body: body("response", exchange.response.body),
          }
        : undefined,
    outcome: binding.mode === "observe" && needs.touches("/outcome") ? exchange.outcome : undefined,
  };
}

/** A view that shows nothing at all. */
export const EMPTY_VIEW: View = {
  request: undefined,
  principal: undefined,
  tenant: undefined,
  route: undefined,
  client: undefined,
  labels: [],
  response: undefined,
  outcome: undefined,
};

function bodyOf(content: string, { bodyFormat }: BindingUnderTest): Body {
  if (bodyFormat === "bytes") return { content: { $case: "raw", value: Buffer.from(content) } };
  return { content: { $case: bodyFormat, value: content } };
}

function principalOf(principal: Principal, needs: PointerSet): Principal {
  const shows = (member: string): boolean => needs.covers(["principal", member]);
  return {
    id: shows("id") ? principal.id : "",
    anonymous: shows("anonymous") && principal.anonymous,
    type: shows("type") ? principal.type : "",
    tenants: shows("tenants") ? principal.tenants : [],
    scopes: shows("scopes") ? principal.scopes : [],
    roles: shows("roles") ? principal.roles : [],
    claimsJson: claimsOf(principal.claimsJson, needs),
  };
}

/** The claims the needs name; the text of an object, or empty. */
function claimsOf(claimsJson: string, needs: PointerSet): string {
  if (claimsJson === "" || needs.covers(["principal", "claims"])) return claimsJson;
  const claims = parseJson(claimsJson);
  if (!claims.ok || !(claims.value instanceof Map)) return "";
  const shown = new Map([...claims.value].filter(([name]) => needs.covers(["principal", "claims", name])));
  return shown.size === 0 ? "" : stringifyJson(shown);
}
