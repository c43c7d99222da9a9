import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toManifest } from "../../src/adapters/review/to-manifest.ts";
import { manifestDigest } from "../../src/plan/manifest-digest.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { allowing, describing } from "../support/test-interceptor.ts";
import { ask, problemOf, reviewsOf, exchangeLine } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { manifestOf, scripted, type Declares, type Scripted } from "./support/scripted.ts";

const DECLARES: Declares = { id: "guard", phase: "pre-route", mode: "validate", idempotent: true };

let parts: AsyncDisposableStack;
let upstream: TestUpstream;

beforeEach(async () => {
  parts = new AsyncDisposableStack();
  upstream = parts.use(await startUpstream());
});

afterEach(() => parts.disposeAsync());

const service = async (declares = DECLARES): Promise<Scripted> => parts.use(await scripted([declares]));

/** A gateway whose route `load` is reviewed by these services, fail-closed. */
async function gatewayOver(services: readonly Scripted[], rest: object = {}): Promise<TestGateway> {
  const bindings = [{ id: "guard", phase: "pre-route", mode: "validate" }];
  const { endpoint: _one, ...common } = interceptorAt(0, { timeout: "1s", bindings });
  const config = configuration({
    upstreams: { main: { endpoints: [upstream.url] } },
    routes: [openRoute("load")],
    interceptors: [{ ...common, endpoints: services.map(({ port }) => `grpcs://127.0.0.1:${port}`), ...rest }],
  });
  return parts.use(await startGateway({ files: await gatewayFiles(), config }));
}

/** The endpoints of the only interceptor, as `/admin/interceptors` shows them. */
async function endpointsOf({ adminUrl, adminToken }: TestGateway): Promise<readonly Record<string, unknown>[]> {
  const answer = await fetch(`${adminUrl}/admin/interceptors`, { headers: { authorization: `Bearer ${adminToken}` } });
  // the shape is what this test is about
  const body = (await answer.json()) as { readonly interceptors: readonly { readonly endpoints: [] }[] };
  return body.interceptors[0]?.endpoints ?? [];
}

const statesOf = async (gateway: TestGateway) => (await endpointsOf(gateway)).map(({ state }) => state);

/** Both are connected and were described. */
async function bothServe(gateway: TestGateway): Promise<void> {
  await expect.poll(() => statesOf(gateway)).toEqual(["serving", "serving"]);
}

describe("an interceptor with two endpoints", () => {
  it("shares its reviews among them, and shows each", async () => {
    const [one, other] = [await service(), await service()];
    const gateway = await gatewayOver([one, other]);
    await bothServe(gateway);
    for (let time = 0; time < 10; time += 1) expect((await ask(gateway, { path: "/load/a" })).status).toBe(200);
    expect([one.reviews.length, other.reviews.length]).toEqual([5, 5]);
    expect(await endpointsOf(gateway)).toEqual(
      [one, other].map(({ port }) => ({ url: `grpcs://127.0.0.1:${port}`, state: "serving", in_flight: 0 })),
    );
  });

  it("loses no request when one of them is killed under load, and uses it again when it is back (C6)", async () => {
    const [one, other] = [await service(), await service()];
    const gateway = await gatewayOver([one, other]);
    await bothServe(gateway);
    const load = new SteadyLoad(gateway.url, 5);
    await expect.poll(() => other.reviews.length).toBeGreaterThan(20);
    await other.service.kill();
    const before = load.sent;
    await expect.poll(() => load.sent - before).toBeGreaterThan(100);
    const back = parts.use(await scripted([DECLARES], undefined, other.port));
    await expect.poll(() => back.reviews.length, { timeout: 8_000 }).toBeGreaterThan(20);
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
  });

  it("sends nothing new to one that says it does not serve, and fails by name where none does", async () => {
    const [one, other] = [await service(), await service()];
    const gateway = await gatewayOver([one, other]);
    one.service.health = "serving";
    other.service.health = "serving";
    await bothServe(gateway);
    // services that do not know the method are not asked again: these are, over new connections
    await one.service.kill();
    const again = parts.use(await scripted([DECLARES], undefined, one.port));
    again.service.health = "not-serving";
    await expect.poll(() => statesOf(gateway), { timeout: 5_000 }).toEqual(["not-serving", "serving"]);
    for (let time = 0; time < 6; time += 1) expect((await ask(gateway, { path: "/load/a" })).status).toBe(200);
    expect(again.reviews).toHaveLength(0);
    await other.service.kill();
    const refused = await ask(gateway, { path: "/load/a" });
    expect(problemOf(refused)).toMatchObject({ status: 503, code: "interceptor_unavailable" });
    expect(reviewsOf(await exchangeLine(gateway, refused))).toEqual([
      expect.objectContaining({ failure: "unavailable", reason: "not_serving" }),
    ]);
    again.service.health = "serving";
    await expect.poll(async () => (await ask(gateway, { path: "/load/a" })).status).toBe(200);
  });

  it("prefers the first in the file where they want different things, and says which differs", async () => {
    const one = await service();
    const other = await service({ ...DECLARES, needs: ["/request/path"] });
    const gateway = await gatewayOver([one, other]);
    expect(await gateway.lineWhere(({ event }) => event === "manifest_differs")).toMatchObject({
      endpoint: `grpcs://127.0.0.1:${other.port}`,
    });
    for (let time = 0; time < 6; time += 1) expect((await ask(gateway, { path: "/load/a" })).status).toBe(200);
    expect(other.reviews).toHaveLength(0);
    expect((await endpointsOf(gateway))[1]).toMatchObject({ fault: expect.stringMatching(/manifest differs/) });
  });

  it("takes two versions that want the same for alike, and prefers the one that is pinned where one is", async () => {
    const one = await service();
    const other = await service();
    const newer = { ...manifestOf([DECLARES]), version: "9.9.9" };
    other.service.script = describing(newer, ({ reviewId }) => allowing(reviewId));
    const gateway = await gatewayOver([one, other]);
    const asked = async (from: TestGateway) => {
      const before = other.service.calls.length;
      for (let time = 0; time < 6; time += 1) expect((await ask(from, { path: "/load/a" })).status).toBe(200);
      return other.service.calls.length - before;
    };
    expect(await asked(gateway)).toBe(3);
    const manifest = toManifest(newer);
    if (!manifest.ok) throw new Error(manifest.error);
    const pinned = await gatewayOver([one, other], { manifest_digest: manifestDigest(manifest.value) });
    expect(await asked(pinned)).toBe(6);
    expect((await endpointsOf(pinned))[0]).toMatchObject({ fault: "its manifest is not the one of manifest_digest" });
  });

  it("does not wait for one that does not answer Describe", async () => {
    const [one, other] = [await service(), await service()];
    other.service.script = () => ({ kind: "hang" });
    const startedMs = performance.now();
    const gateway = await gatewayOver([one, other]);
    expect((await ask(gateway, { path: "/load/a" })).status).toBe(200);
    expect(performance.now() - startedMs).toBeLessThan(1_900);
  });

  it.each([
    ["of two kinds", { endpoints: ["grpcs://127.0.0.1:1", "unix:///run/x"] }, /endpoints.*grpcs:\/\/ and unix:\/\/ are mixed/],
    ["that are the same", { endpoints: ["grpcs://127.0.0.1:1", "grpcs://127.0.0.1:1"] }, /endpoints\/1.*is listed twice/],
    ["beside endpoint", { endpoint: "grpcs://127.0.0.1:1" }, /endpoint and endpoints are both given/],
    ["that are none", { endpoints: [] }, /expected at least one endpoint/],
  ])("is refused at load with endpoints %s", async (_what, keys, reason) => {
    await expect(gatewayOver([await service()], keys)).rejects.toThrow(reason);
  });
});
