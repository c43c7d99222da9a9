import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Phase, Mode } from "@sallyport/contract/phase.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { allowing } from "../support/test-interceptor.ts";
import { ask } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { recordingUpstream, response } from "./support/recording-upstream.ts";
import { denying, scripted, type Scripted } from "./support/scripted.ts";

const declared = (id: string, phase: Phase, mode: Mode) => ({ id, phase, mode, needs: ["/request/path"] });

const DECLARED = [
  declared("early", "pre-auth", "mutate"),
  declared("stamp", "pre-route", "mutate"),
  declared("judge", "pre-route", "validate"),
  declared("late", "post-response", "validate"),
  declared("tried", "pre-route", "validate"),
  declared("watch", "post-response", "observe"),
];

describe("several interceptors, many bindings, many routes", () => {
  const parts = new AsyncDisposableStack();
  /** `service/binding` in the order the services were asked. */
  const order: { readonly who: string; readonly path: string }[] = [];
  let gateway: TestGateway;

  const service = async (name: string): Promise<Scripted> =>
    parts.use(
      await scripted(DECLARED, ({ reviewId, bindingId, view }) => {
        order.push({ who: `${name}/${bindingId}`, path: view?.request?.path ?? "" });
        return bindingId === "tried" ? denying(reviewId) : allowing(reviewId);
      }),
    );

  beforeAll(async () => {
    const upstream = parts.use(await recordingUpstream(() => response("{}")));
    const [one, two, three] = await Promise.all([service("one"), service("two"), service("three")]);
    const bind = (id: string, rest: Readonly<Record<string, unknown>> = {}) => {
      const found = DECLARED.find((each) => each.id === id);
      return { id, phase: found?.phase, mode: found?.mode, ...rest };
    };
    const config = configuration({
      upstreams: { main: { endpoints: [upstream.url] } },
      routes: [
        openRoute("plain"),
        openRoute("billing", { labels: { tier: "gold" } }),
        openRoute("orders", { labels: { tier: "gold" } }),
        openRoute("health"),
      ],
      interceptors: [
        interceptorAt(one.port, {
          name: "one",
          order: 2,
          bindings: [
            bind("early", { match: { except_routes: ["health"] } }),
            bind("stamp", { match: { route_labels: { tier: "gold" } } }),
            bind("judge", { match: { routes: ["orders"], methods: ["POST"] } }),
            bind("late", { enabled: false }),
          ],
        }),
        interceptorAt(two.port, {
          name: "two",
          order: 1,
          bindings: [
            bind("early", { match: { except_routes: ["health"] } }),
            bind("stamp", { match: { routes: ["plain", "orders"] } }),
            bind("tried", { enforcement: "shadow", match: { route_labels: { tier: "gold" } } }),
          ],
        }),
        interceptorAt(three.port, {
          name: "three",
          order: 3,
          bindings: [bind("late", { match: { routes: ["orders"] } }), bind("watch", { match: { except_routes: ["plain"] } })],
        }),
      ],
    });
    gateway = parts.use(await startGateway({ files: await gatewayFiles(), config }));
  });

  afterAll(() => parts.disposeAsync());

  it.each([
    ["GET", "/plain/x", ["two/early", "one/early", "two/stamp"], []],
    ["GET", "/billing/x", ["two/early", "one/early", "one/stamp"], ["two/tried", "three/watch"]],
    ["GET", "/orders/x", ["two/early", "one/early", "two/stamp", "one/stamp", "three/late"], ["two/tried", "three/watch"]],
    [
      "POST",
      "/orders/y",
      ["two/early", "one/early", "two/stamp", "one/stamp", "one/judge", "three/late"],
      ["two/tried", "three/watch"],
    ],
    ["GET", "/health/x", [], ["three/watch"]],
  ] as const)(
    "%s %s is reviewed by whom it should be, in order, and told off the path to the rest",
    async (method, path, onPath, aside) => {
      expect((await ask(gateway, { method, path })).status).toBe(200);
      const asked = (): readonly string[] => order.filter((each) => each.path === path).map(({ who }) => who);
      await expect.poll(() => asked().length, { timeout: 5_000 }).toBe(onPath.length + aside.length);
      const isAside = (who: string): boolean => aside.some((each) => each === who);
      expect(asked().filter((who) => !isAside(who))).toEqual(onPath);
      expect(new Set(asked().filter(isAside))).toEqual(new Set(aside));
    },
  );
});
