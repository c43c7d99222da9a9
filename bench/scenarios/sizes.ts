import { sallyport } from "../peers/sallyport.ts";
import { HEADER_VIEW } from "./reviewed.ts";
import type { Contender, Scenario } from "./scenario.ts";

const withRoutes = (routes: number): Contender => ({
  peer: sallyport({
    name: `sallyport, ${routes.toLocaleString("en")} routes`,
    description: `the plain route among ${routes.toLocaleString("en")}, no interceptors`,
    routes,
  }),
  reviews: 0,
});

const withBindings = (bindings: number): Contender => ({
  peer: sallyport({
    name: `sallyport, ${bindings.toLocaleString("en")} bindings`,
    description: `the plain route; ${bindings.toLocaleString("en")} granted bindings review others, by route and by path in turn`,
    // besides the one that reviews /reviewed
    reviews: { bindings: 1, mode: "mutate", needs: HEADER_VIEW, transport: "mtls", others: bindings - 1 },
  }),
  reviews: 0,
});

/** What the size of the configuration costs a request. */
export const SIZE_SCENARIOS: readonly Scenario[] = [
  {
    name: "routes",
    title: "Plain proxying among many routes",
    request: { path: "/plain/orders/42", seenTenant: undefined },
    peers: [withRoutes(10), withRoutes(1_000), withRoutes(100_000)],
  },
  {
    name: "bindings",
    title: "Plain proxying beside many bindings",
    request: { path: "/plain/orders/42", seenTenant: undefined },
    peers: [withBindings(10), withBindings(100), withBindings(10_000)],
  },
];
