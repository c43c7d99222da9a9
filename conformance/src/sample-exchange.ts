import type {
  Header,
  Label,
  Outcome,
  Principal,
  QueryParameter,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { parsePointer } from "@sallyport/contract/json-pointer.ts";
import { LIMITS } from "@sallyport/contract/limits.ts";
import type { BindingUnderTest } from "./binding-under-test.ts";

/** An exchange to be shown: everything a gateway could know of it. */
export interface SampleExchange {
  readonly name: SampleName;
  readonly method: string;
  readonly path: string;
  readonly query: readonly QueryParameter[];
  readonly headers: readonly Header[];
  readonly body: string | undefined;
  readonly labels: readonly Label[];
  readonly principal: Principal;
  readonly tenant: string;
  readonly response: { readonly status: number; readonly headers: readonly Header[]; readonly body: string | undefined };
  readonly outcome: Outcome;
}

/**
 * `typical`: everything the binding needs is there. `bare`: whatever a client may leave out is not. `odd`: names and texts that are
 * legal and rare. `large`: as much as a gateway shows by default.
 */
export type SampleName = "typical" | "bare" | "odd" | "large";

/** The samples ordinary traffic could hold. */
export const EVERYDAY: readonly SampleName[] = ["typical", "bare", "odd"];

/** A sample made for a binding: what it needs by name is there by name. */
export function sampleExchange(name: SampleName, binding: BindingUnderTest): SampleExchange {
  return SAMPLES[name](binding);
}

const SAMPLES: Readonly<Record<SampleName, (binding: BindingUnderTest) => SampleExchange>> = {
  typical: (binding) => ({
    name: "typical",
    method: methodOf(binding),
    path: pathOf(binding),
    query: [...namesBelow(binding, ["request", "query"]), "page"].map((each) => ({ name: each, values: ["1"] })),
    headers: [...headersOf(binding, "request", "acme"), { name: "accept", value: "application/json" }, JSON_TYPE],
    body: textBody(binding, '{"id":"order-1","name":" Blue Lamp","price":1.0,"total":12345678901234567890,"tags":["a","b"]}'),
    labels: [...namesBelow(binding, ["labels"]), "team"].map((each) => ({ name: each, value: "acme" })),
    principal: principal({ id: "ada", tenants: ["acme"], scopes: ["read", "write"], claimsJson: claimsOf(binding) }),
    tenant: "acme",
    response: {
      status: 200,
      headers: [...headersOf(binding, "response", "acme"), JSON_TYPE],
      body: textBody(binding, '{"ok":true,"items":[{"id":1}]}'),
    },
    outcome: { status: 200, decidedBy: "upstream", failure: "", durationMs: 12, bytes: 27n, open: false, bodiesOmitted: false },
  }),
  bare: () => ({
    name: "bare",
    method: "GET",
    path: "/",
    query: [],
    headers: [],
    body: undefined,
    labels: [],
    principal: principal({ anonymous: true, type: "anonymous" }),
    tenant: "",
    response: { status: 204, headers: [], body: undefined },
    outcome: {
      status: 503,
      decidedBy: "",
      failure: "gateway_overloaded",
      durationMs: 0,
      bytes: 0n,
      open: false,
      bodiesOmitted: false,
    },
  }),
  odd: (binding) => ({
    name: "odd",
    method: "PATCH",
    path: "/%E2%9C%93/a%20b",
    query: [
      { name: "__proto__", values: ["polluted"] },
      { name: "constructor", values: [] },
      { name: "", values: ["", "\u0000", "a\r\nb", "🦀"] },
      ...namesBelow(binding, ["request", "query"]).map((each) => ({ name: each, values: ["", "é", "2"] })),
    ],
    headers: [...headersOf(binding, "request", 'caf\u00e9 \u0080, "x"; y=1'), { name: "constructor", value: "1" }],
    body: textBody(
      binding,
      `{"__proto__":{"a":1},"name":"\\u0000\\ud83e\\udd80 \\"x\\"","big":1e400,"deep":${"[".repeat(100)}${"]".repeat(100)}}`,
    ),
    labels: namesBelow(binding, ["labels"]).map((each) => ({ name: each, value: "ü ✓" })),
    principal: principal({
      id: "ünï@example.org",
      tenants: ["", "__proto__"],
      roles: ["*"],
      claimsJson: '{"__proto__":{"admin":true},"n":12345678901234567890}',
    }),
    tenant: "__proto__",
    response: {
      status: 599,
      headers: headersOf(binding, "response", "\u00ff"),
      body: textBody(binding, '[null,-0,1E5,"\\ud83e\\udd80"]'),
    },
    outcome: {
      status: 499,
      decidedBy: "someone/else",
      failure: "client_closed",
      durationMs: 4_294_967_295,
      bytes: 2n ** 53n,
      open: true,
      bodiesOmitted: false,
    },
  }),
  large: (binding) => ({
    ...SAMPLES.typical(binding),
    name: "large",
    query: [...namesBelow(binding, ["request", "query"]), "q"].map((each) => ({ name: each, values: ["x".repeat(4_000)] })),
    headers: largeHeaders(headersOf(binding, "request", "")),
    body: largeBody(binding),
    response: { status: 200, headers: largeHeaders(headersOf(binding, "response", "")), body: largeBody(binding) },
  }),
};

const JSON_TYPE: Header = { name: "content-type", value: "application/json" };

const principal = (parts: Partial<Principal>): Principal => ({
  id: "",
  anonymous: false,
  type: "api-key",
  tenants: [],
  scopes: [],
  roles: [],
  claimsJson: "",
  ...parts,
});

const methodOf = ({ declaration }: BindingUnderTest): string => declaration.selector?.methods[0] ?? "POST";

/** A path its selector would match. */
function pathOf({ declaration }: BindingUnderTest): string {
  const pattern = declaration.selector?.paths[0] ?? "/v1/orders";
  return pattern
    .split("/")
    .map((segment) => (segment === "**" || segment === "*" || segment.startsWith(":") ? "one" : segment))
    .join("/");
}

function headersOf(binding: BindingUnderTest, side: "request" | "response", value: string): readonly Header[] {
  return namesBelow(binding, [side, "headers"]).map((name) => ({ name, value }));
}

/** Names the needs spell out below a container, such as headers. */
function namesBelow({ needs }: BindingUnderTest, at: readonly string[]): readonly string[] {
  return needs.pointers.flatMap((pointer) => {
    const tokens = parsePointer(pointer);
    if (!tokens.ok || tokens.value.length !== at.length + 1) return [];
    return at.every((token, index) => token === tokens.value[index]) ? tokens.value.slice(at.length) : [];
  });
}

function claimsOf(binding: BindingUnderTest): string {
  const named = namesBelow(binding, ["principal", "claims"]).map((name) => [name, "free"]);
  return JSON.stringify(Object.fromEntries([["sub", "ada"], ...named]));
}

const textBody = ({ bodyFormat }: BindingUnderTest, json: string): string =>
  bodyFormat === "json" ? json : "some text, ünd more";

/** 60 KiB over at most 100 lines: what a gateway takes (RFC.md §2.7). */
function largeHeaders(named: readonly Header[]): readonly Header[] {
  const count = Math.max(1, 90 - named.length);
  const fillers = Array.from({ length: count }, (_, index) => ({ name: `x-filler-${index}`, value: "" }));
  const all = [...named.slice(0, 90), ...fillers];
  const each = Math.floor((58 * 1024) / all.length);
  return all.map(({ name }) => ({ name, value: "v".repeat(Math.max(1, each - name.length)) }));
}

function largeBody(binding: BindingUnderTest): string {
  const length = LIMITS.maxBodyBytes.fallback;
  if (binding.bodyFormat !== "json") return "t".repeat(length);
  const items = Math.floor((length - 64) / 16);
  return `{"name":"large","items":[${Array.from({ length: items }, () => '"0123456789abc"').join(",")}]}`;
}
