import type { RouteConfig } from "../config/gateway-config.ts";
import type { SelectorConfig } from "../config/interceptor-config.ts";
import type { BindingDeclaration } from "../model/manifest.ts";
import type { Selector } from "../model/plan.ts";

/** A selector with the names of the routes it can match at all, from what the operator and the manifest say: both must hold (C30). */
export function resolveSelector(
  routes: readonly RouteConfig[],
  match: SelectorConfig,
  manifest: BindingDeclaration["selector"] = NO_SELECTOR,
): Selector {
  return {
    routes: namesOf(match, routes),
    ...present("hosts", match.hosts),
    ...present(
      "paths",
      match.paths?.map(({ source }) => source),
    ),
    ...present("methods", match.methods),
    ...present("principals", match.principals),
    ...present("labels", match.labels),
    ...present("when", match.when),
    manifest: {
      ...present("hosts", nonEmpty(manifest.hosts)),
      ...present("paths", nonEmpty(manifest.paths)),
      ...present("methods", nonEmpty(manifest.methods)),
    },
  };
}

const NO_SELECTOR: BindingDeclaration["selector"] = { methods: [], hosts: [], paths: [] };

// sets: there may be many routes, and a selector may list many of them
function namesOf({ routes, exceptRoutes, routeLabels }: SelectorConfig, all: readonly RouteConfig[]): readonly string[] {
  const listed = routes === undefined ? undefined : new Set(routes);
  const excepted = new Set(exceptRoutes);
  const labels = Object.entries(routeLabels ?? {});
  const selected = all.filter(
    (route) =>
      listed?.has(route.name) !== false &&
      !excepted.has(route.name) &&
      labels.every(([name, value]) => route.labels[name] === value),
  );
  return selected.map(({ name }) => name);
}

const nonEmpty = (list: readonly string[]): readonly string[] | undefined => (list.length === 0 ? undefined : list);

// absent keys stay absent: a plan is compared and hashed as data
const present = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V }; // a computed key is not narrowed to K by the compiler
