import type { ConfigIssue } from "../../model/config-issue.ts";
import { nearestWord } from "../../support/edit-distance.ts";
import type { Cursor } from "../source/cursor.ts";
import { fallbackName } from "./fallbacks.ts";
import { mayQuote, quote } from "../validate/found.ts";

/** Looking for the name that was meant compares with all of them: of a file full of unknown names the first ones get a hint. */
const MAX_HINTS = 100;

/** Names refer to names in the file. */
export function checkReferences(config: Cursor): readonly ConfigIssue[] {
  const names = namesIn(config);
  const references = [
    ...config
      .get("upstreams")
      .entries()
      .flatMap(([, upstream]) => upstream.get("fallback").items())
      .map(fallbackName)
      .map((at) => ({ at, names: names.upstreams, what: "upstream" })),
    ...config
      .get("routes")
      .items()
      .flatMap((route) => inRoute(route, names)),
    ...config
      .get("interceptors")
      .items()
      .flatMap((interceptor) => inSelectors(interceptor, names)),
    ...config
      .get("require")
      .items()
      .flatMap((claim) => inClaim(claim, names)),
  ];
  const unknown = references.filter(
    ({ at, names }) => at.node !== undefined && at.text() !== undefined && !names.has(at.text() ?? ""),
  );
  return unknown.flatMap((reference, index) => tell(reference, index < MAX_HINTS));
}

/** A name that stands somewhere, and the names it may be. */
interface Reference {
  readonly at: Cursor;
  readonly names: { has(name: string): boolean; keys(): Iterable<string> };
  /** What is named. */
  readonly what: string;
}

interface Names {
  readonly listeners: ReadonlySet<string>;
  readonly upstreams: ReadonlySet<string>;
  readonly authenticators: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  /** Binding ids by interceptor; undefined where the manifest may bring others, and the plan has to check. */
  readonly interceptors: ReadonlyMap<string, ReadonlySet<string> | undefined>;
}

function namesIn(config: Cursor): Names {
  const listed = (list: Cursor, key: string) => new Set(list.items().flatMap((item) => item.get(key).text() ?? []));
  const keyed = (section: string) =>
    config
      .get(section)
      .entries()
      .map(([name]) => name);
  const interceptors = config
    .get("interceptors")
    .items()
    .map((each) => {
      const ids = each.get("grant").text() === "dynamic" ? undefined : listed(each.get("bindings"), "id");
      return [each.get("name").text() ?? "", ids] as const;
    });
  return {
    listeners: listed(config.get("listeners"), "name"),
    routes: listed(config.get("routes"), "name"),
    upstreams: new Set(keyed("upstreams")),
    authenticators: new Set([...keyed("authenticators"), "anonymous"]),
    interceptors: new Map(interceptors),
  };
}

function inRoute(route: Cursor, { upstreams, listeners, authenticators }: Names): readonly Reference[] {
  return [
    { at: route.get("upstream"), names: upstreams, what: "upstream" },
    ...route
      .get("listeners")
      .items()
      .map((at) => ({ at, names: listeners, what: "listener" })),
    ...route
      .get("authenticate")
      .items()
      .map((at) => ({ at, names: authenticators, what: "authenticator" })),
  ];
}

function inSelectors(interceptor: Cursor, { routes }: Names): readonly Reference[] {
  const selectors = interceptor
    .get("bindings")
    .items()
    .map((binding) => binding.get("match"));
  const named = selectors.flatMap((match) => [...match.get("routes").items(), ...match.get("except_routes").items()]);
  return named.map((at) => ({ at, names: routes, what: "route" }));
}

function inClaim(claim: Cursor, { routes, interceptors }: Names): readonly Reference[] {
  const bindings = interceptors.get(claim.get("interceptor").text() ?? "");
  return [
    ...claim
      .get("routes")
      .items()
      .map((at) => ({ at, names: routes, what: "route" })),
    { at: claim.get("interceptor"), names: interceptors, what: "interceptor" },
    ...(bindings === undefined ? [] : [{ at: claim.get("binding"), names: bindings, what: "binding" }]),
  ];
}

function tell({ at, names, what }: Reference, withHint: boolean): ConfigIssue[] {
  const name = at.text() ?? "";
  if (at.node === undefined || !mayQuote(at.node, at.pointer)) return at.issue(`no ${what} has this name`);
  const meant = withHint ? nearestWord(name, names.keys()) : undefined;
  return at.issue(`unknown ${what} ${quote(name)}`, meant === undefined ? undefined : `did you mean ${meant}?`);
}
