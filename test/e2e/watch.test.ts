import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SteadyLoad } from "../support/steady-load.ts";
import { ask } from "./support/ask.ts";
import { manifestOf, type Declares } from "./support/scripted.ts";
import { openRoute } from "./support/configuration.ts";
import { watched, type Watched } from "./support/watched.ts";

const CHECK: Declares = { id: "check", phase: "pre-route", mode: "validate", needs: ["/request/path"] };
const SECOND: Declares = { id: "second", phase: "pre-route", mode: "validate", needs: ["/request/method"] };

describe("Watch (C30)", () => {
  let place: Watched;

  beforeEach(async () => {
    place = await watched({
      declares: [CHECK],
      interceptor: { grant: "dynamic", bindings: [] },
      sections: { routes: [openRoute("load")] },
    });
    await place.watching(1);
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const isAsked = async (id: string): Promise<boolean> => {
    const before = place.reviews.length;
    await ask(place.gateway, { path: "/load/x" });
    return place.reviews.slice(before).some(({ bindingId }) => bindingId === id);
  };

  it("takes a changed manifest in less than a second under `dynamic`, and no request fails meanwhile", async () => {
    const load = new SteadyLoad(place.gateway.url, 20);
    await expect.poll(() => load.sent, { timeout: 10_000 }).toBeGreaterThan(20);
    place.manifest = { ...manifestOf([CHECK, SECOND]), version: "2" };
    const changedAt = performance.now();
    place.changeManifest();
    await place.gateway.lineWhere(({ event, version }) => event === "plan_rebuilt" && version === "2");
    expect(performance.now() - changedAt).toBeLessThan(1_000);
    expect(await isAsked("second")).toBe(true);
    const { failures, sent } = await load.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(20);
  });

  it("asks for the manifest again when the stream was down, since a change may have been missed", async () => {
    place.service.endWatches();
    await expect.poll(() => place.service.watching).toBe(0);
    place.manifest = { ...manifestOf([CHECK, SECOND]), version: "2" };
    await place.gateway.lineWhere(({ event, version }) => event === "plan_rebuilt" && version === "2");
    expect(await isAsked("second")).toBe(true);
  });

  it("survives a storm of events: the service is described twice a second at most", async () => {
    const describes = (): number => place.service.calls.filter(({ method }) => method.endsWith("/Describe")).length;
    const before = describes();
    for (let count = 0; count < 2_000; count += 1) place.changeManifest();
    await expect.poll(() => describes(), { timeout: 3_000 }).toBeGreaterThan(before);
    expect((await ask(place.gateway, { path: "/load/x" })).status).toBe(200);
    expect(describes() - before).toBeLessThanOrEqual(3);
  });

  it("gives a stream up that says what cannot be read, and opens another", async () => {
    place.service.emit(Uint8Array.of(0xff, 0xff, 0xff));
    await place.gateway.lineWhere(({ event }) => event === "watch_ended");
    await expect.poll(() => place.service.watching).toBe(1);
    expect((await ask(place.gateway, { path: "/load/x" })).status).toBe(200);
  });
});
