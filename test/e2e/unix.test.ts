import { chmod, rename, rm } from "node:fs/promises";
import { allow, binding, defineInterceptor, serve, type RunningInterceptor } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCertificates } from "../support/certificates.ts";
import { send } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { NO_TRUSTED_PLACE, trustedDirectory } from "../support/trusted-directory.ts";
import { unixPeer } from "../support/unix-peer.ts";
import { ask, problemOf } from "./support/ask.ts";
import { configuration, MTLS, openRoute } from "./support/configuration.ts";

const marker = defineInterceptor({
  name: "marker",
  version: "1.0.0",
  bindings: {
    mark: binding({
      phase: "pre-route",
      mode: "mutate",
      needs: ["/request/path"],
      writes: ["/request/headers/x-mark"],
      review: () => allow().setHeader("x-mark", "reviewed"),
    }),
  },
});

const quiet = { signals: false, log: () => {}, drainMs: 200 } as const;
const REQUEST = { path: "/guarded/a" };

let upstream: TestUpstream;
beforeAll(async () => void (upstream = await startUpstream()));
afterAll(() => upstream?.[Symbol.asyncDispose]());

const servePlain = (path: string): Promise<RunningInterceptor> =>
  serve(marker, { listen: `unix:///${path.slice(1)}`, gateway: { identity: "unix" }, ...quiet });

async function gatewayFor(path: string, keys: Readonly<Record<string, unknown>> = {}): Promise<TestGateway> {
  const bindings = [{ id: "mark", phase: "pre-route", mode: "mutate", writes: ["/request/headers/x-mark"] }];
  return startGateway({
    files: await gatewayFiles(),
    config: configuration({
      upstreams: { main: { endpoints: [upstream.url] } },
      routes: [openRoute("guarded")],
      interceptors: [{ name: "marker", endpoint: `unix://${path}`, timeout: "2s", bindings, ...keys }],
    }),
  });
}

const connected = (gateway: TestGateway, after = 0) =>
  expect
    .poll(() => gateway.lines.filter(({ event }) => event === "interceptor_connected").length, { timeout: 8_000 })
    .toBeGreaterThan(after);

/** The only interceptor, as `/admin/interceptors` shows it. */
async function shown({ adminUrl, adminToken }: TestGateway): Promise<unknown> {
  const answer = await send(`${adminUrl}/admin/interceptors`, { headers: { authorization: `Bearer ${adminToken}` } });
  const { interceptors } = answer.json() as { readonly interceptors: readonly unknown[] }; // our own admin listener wrote it
  return interceptors[0];
}

describe.skipIf(NO_TRUSTED_PLACE)(
  "an interceptor on a unix socket, which needs a directory nobody else may write to (C39)",
  () => {
    it("reviews what the gateway asks it", async () => {
      using place = trustedDirectory();
      await using running = await servePlain(place.file("s"));
      await using gateway = await gatewayFor(place.file("s"));
      expect((await ask(gateway, REQUEST)).status).toBe(200);
      expect(upstream.seen.at(-1)?.headers["x-mark"]).toBe("reviewed");
      expect(running.counters()).toMatchObject({ describes: 1, reviews: 1 });
      expect(await shown(gateway)).toMatchObject({
        name: "marker",
        endpoints: [expect.objectContaining({ url: `unix://${place.file("s")}`, state: "serving" })],
        described: true,
      });
    });

    it("reviews over mutual TLS as well", async () => {
      using place = trustedDirectory();
      const certificates = await testCertificates();
      const tls = { ca: certificates.ca, ...(await certificates.server()) };
      await using running = await serve(marker, {
        listen: `unix:///${place.file("s").slice(1)}`,
        tls,
        gateway: { identity: "mtls" },
        ...quiet,
      });
      await using gateway = await gatewayFor(place.file("s"), { tls: MTLS });
      expect((await ask(gateway, REQUEST)).status).toBe(200);
      expect(running.counters().reviews).toBe(1);
    });

    it("is not asked over TLS where it serves without, and not told anything where it is another's", async () => {
      using place = trustedDirectory();
      await using running = await servePlain(place.file("s"));
      await using gateway = await gatewayFor(place.file("s"), { tls: MTLS });
      expect(problemOf(await ask(gateway, REQUEST))).toMatchObject({ status: 503 });
      expect(running.counters()).toMatchObject({ describes: 0, reviews: 0 });
    });

    it(
      "that restarts is checked anew: a socket in its place that others may write to hears nothing, and the log and the admin listener say why",
      { timeout: 30_000 },
      async () => {
        using place = trustedDirectory();
        const path = place.file("s");
        const first = await servePlain(path);
        await using gateway = await gatewayFor(path);
        expect((await ask(gateway, REQUEST)).status).toBe(200);
        await first.close();

        await using impostor = await unixPeer(place.file("t"));
        await chmod(impostor.path, 0o666);
        // its mode is wrong before it is there: a connect may come at any time
        await rename(impostor.path, path);
        const refused = await gateway.lineWhere(
          ({ event, reason }) => event === "interceptor_refused" && /writable by others/.test(String(reason)),
        );
        expect(refused).toMatchObject({
          level: "warn",
          interceptor: "marker",
          reason: `unix socket ${path}: is writable by others`,
        });
        expect(problemOf(await ask(gateway, REQUEST))).toMatchObject({ status: 503, code: "interceptor_unavailable" });
        await expect.poll(() => shown(gateway)).toMatchObject({ last_error: `unix socket ${path}: is writable by others` });
        expect([impostor.connections.count, impostor.bytes]).toEqual([0, 0]);

        await rm(path);
        await using second = await servePlain(path);
        await connected(gateway, 1);
        expect((await ask(gateway, REQUEST)).status).toBe(200);
        expect(second.counters().reviews).toBe(1);
        expect(await shown(gateway)).not.toHaveProperty("last_error");
      },
    );

    it(
      "is described once it can be trusted: until then its routes are refused, with the check by name",
      { timeout: 30_000 },
      async () => {
        using place = trustedDirectory();
        await using running = await servePlain(place.file("s"));
        await chmod(place.path, 0o770);
        await using gateway = await gatewayFor(place.file("s"));
        expect(problemOf(await ask(gateway, REQUEST))).toMatchObject({ status: 503 });
        expect(await shown(gateway)).toMatchObject({
          described: false,
          last_error: `unix socket directory ${place.path}: is writable by its group`,
        });
        expect(running.counters().describes).toBe(0);
        await chmod(place.path, 0o700);
        await expect.poll(async () => (await ask(gateway, REQUEST)).status, { timeout: 10_000 }).toBe(200);
        expect(running.counters().reviews).toBeGreaterThan(0);
      },
    );

    it("is told nothing where its user is not in trusted_uids", async () => {
      using place = trustedDirectory();
      await using running = await servePlain(place.file("s"));
      await using gateway = await gatewayFor(place.file("s"), { trusted_uids: [54_321] });
      expect(problemOf(await ask(gateway, REQUEST))).toMatchObject({ status: 503 });
      expect(await shown(gateway)).toMatchObject({ last_error: expect.stringMatching(/belongs to uid \d+/) });
      expect(running.counters()).toMatchObject({ describes: 0, reviews: 0 });
    });
  },
);
