import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { scripted, type Scripted } from "./support/scripted.ts";

describe("a grant", () => {
  let service: Scripted;

  beforeAll(async () => {
    service = await scripted([
      { id: "change", phase: "pre-route", mode: "mutate", needs: ["/request/headers"], writes: ["/request/headers"] },
      { id: "look", phase: "pre-route", mode: "validate", needs: ["/request/path"] },
      { id: "early", phase: "pre-auth", mode: "validate", needs: ["/request/path"] },
      { id: "late", phase: "post-response", mode: "mutate", needs: ["/response/status"] },
    ]);
  });

  afterAll(() => service?.[Symbol.asyncDispose]());

  const gatewayWith = async (entry: object, sections: object = {}) =>
    startGateway({
      strict: true,
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: ["http://127.0.0.1:1"] } },
        routes: [openRoute("all"), openRoute("get", { match: { path: "/get/**", methods: ["GET"] } })],
        interceptors: [interceptorAt(service.port, { timeout: "500ms", ...entry })],
        ...sections,
      }),
    });

  const change = { id: "change", phase: "pre-route", mode: "mutate" };
  const look = { id: "look", phase: "pre-route", mode: "validate" };
  const late = { id: "late", phase: "post-response", mode: "mutate" };
  const early = { id: "early", phase: "pre-auth", mode: "validate" };

  it.each([
    ["allowlist takes what the operator lists, and warns of the rest", { bindings: [change] }, 1, /declares "look".*not granted/],
    ["exact takes all where all is listed", { grant: "exact", bindings: [change, look, early, late] }, 4, undefined],
    ["dynamic takes what the manifest declares, and warns", { grant: "dynamic" }, 4, /grant is dynamic/],
    [
      "dynamic lets the operator disable a binding",
      { grant: "dynamic", bindings: [{ ...look, enabled: false }] },
      3,
      /grant is dynamic/,
    ],
  ])("%s (C30)", async (_what, entry, bindings, warning) => {
    await using gateway = await gatewayWith(entry);
    expect(gateway.running.counts.bindings).toBe(bindings);
    if (warning === undefined) expect(gateway.running.warnings).toEqual([]);
    else expect(gateway.running.warnings).toContainEqual(expect.stringMatching(warning));
  });

  it.each([
    ["exact refuses what is not listed", { grant: "exact", bindings: [change] }, /\/interceptors\/0.*look/],
    [
      "a listed binding the manifest lacks is refused",
      { bindings: [{ ...look, id: "gone" }] },
      /\/interceptors\/0\/bindings\/0: the manifest declares no binding "gone"/,
    ],
    [
      "a binding at another phase is another binding",
      { bindings: [{ ...look, phase: "pre-auth" }] },
      /at pre-route, not at pre-auth/,
    ],
    ["a mode stronger than the manifest's is refused", { bindings: [{ ...look, mode: "mutate" }] }, /stronger than the validate/],
    [
      "needs the manifest does not ask for are refused",
      { bindings: [{ ...look, needs: ["/request/host"] }] },
      /needs \/request\/host/,
    ],
    [
      "writes the manifest does not ask for are refused",
      { bindings: [{ ...change, writes: ["/request/body"] }] },
      /writes \/request\/body/,
    ],
    [
      "a fail-closed observer is refused",
      { bindings: [{ ...look, mode: "observe", failure_policy: "fail-closed" }] },
      /always fail-open/,
    ],
    [
      "a condition on the principal at pre-auth is refused",
      { bindings: [{ ...early, match: { when: 'principal.id == "a"' } }] },
      /principal/,
    ],
    [
      "a condition on the response before there is one is refused",
      { bindings: [{ ...look, match: { when: "response.status == 200" } }] },
      /response/,
    ],
    ["the power to respond after the response is refused", { bindings: [{ ...late, may: ["respond"] }] }, /bindings\/0\/may\/0/],
    ["a condition that is no CEL is refused", { bindings: [{ ...look, match: { when: "request.path ==" } }] }, /when/],
  ])("%s, with its place in the file (C30, C22)", async (_what, entry, reason) => {
    const refusal = await gatewayWith(entry).then(
      () => "it started",
      (error: unknown) => String(error),
    );
    expect(refusal).toMatch(/gateway\.yaml:\d+:\d+: \//);
    expect(refusal).toMatch(reason);
  });

  it.each([
    ["fail-open", { failure_policy: "fail-open" }, /fail-open/],
    ["conditional", { match: { when: 'request.path != "/all/x"' } }, /conditional/],
    ["one that skips", { on_unreviewable: "skip" }, /skip/],
    ["an observer", { mode: "observe" }, /no enforcing binding/],
    ["disabled", { enabled: false }, /no enforcing binding/],
    ["for other methods only", { match: { methods: ["POST"] } }, /only POST/],
    ["for other paths only", { match: { paths: ["/all/a/**"] } }, /only the paths/],
    ["for another route only", { match: { routes: ["get"] } }, /leaves the route out/],
    ["for some principals only", { match: { principals: ["ops"] } }, /principals/],
  ])(
    "that require names is not met by a binding that is %s: the gateway does not start, and says which route and why (C31)",
    async (_what, keys, reason) => {
      const claim = { require: [{ routes: ["all"], phase: "pre-route", interceptor: "scripted" }] };
      await expect(gatewayWith({ bindings: [{ ...look, ...keys }] }, claim)).rejects.toThrow(
        /gateway\.yaml:\d+:\d+: \/require\/0: route all is not covered/,
      );
      await expect(gatewayWith({ bindings: [{ ...look, ...keys }] }, claim)).rejects.toThrow(reason);
    },
  );

  it.each([
    ["covers every method, host and path", { bindings: [look] }, { routes: ["all", "get"] }],
    ["covers the methods the route has", { bindings: [{ ...look, match: { methods: ["GET"] } }] }, { routes: ["get"] }],
    [
      "covers the methods the claim names",
      { bindings: [{ ...look, match: { methods: ["POST", "PUT"] } }] },
      { routes: ["all"], methods: ["POST"] },
    ],
    [
      "has a gap the claim accepts by name",
      { bindings: [{ ...look, failure_policy: "fail-open" }] },
      { routes: ["all"], accept: ["fail-open"] },
    ],
  ])("that require names is met by a binding that %s (C31)", async (_what, entry, claim) => {
    await using gateway = await gatewayWith(entry, { require: [{ ...claim, phase: "pre-route", interceptor: "scripted" }] });
    expect(gateway.running.ready).toBe(true);
  });
});
