/* oxlint-disable no-underscore-dangle -- the library's own names */
import { connectivityState, credentials, Channel, type ChannelCredentials } from "@grpc/grpc-js";
import { Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { guardedCredentials, type ConnectionGuard } from "../../../../src/adapters/review/guarded-credentials.ts";
import { err, ok } from "../../../../src/model/result.ts";
import { testCertificates } from "../../../support/certificates.ts";
import { Events } from "../../../support/events.ts";
import { testInterceptor, type TestInterceptor } from "../../../support/test-interceptor.ts";

const certificates = await testCertificates();
const insecure = (): ChannelCredentials => credentials.createInsecure();
const overTls = (ca = certificates.ca) => credentials.createSsl(Buffer.from(ca));

/** A guard that writes down what it is asked, and how much was written to the socket by then. */
function recording(refusing: "nothing" | "before" | "after" = "nothing") {
  const steps: string[] = [];
  const guard: ConnectionGuard = {
    async before() {
      steps.push("before");
      if (refusing === "before") return err("not now");
      return ok(async (socket) => {
        steps.push(`after, ${socket.bytesWritten} bytes written`);
        return refusing === "after" ? err("not this one") : ok(undefined);
      });
    },
  };
  return { steps, guard };
}

/** Connects to a service with guarded credentials, and tells how the attempts end. */
function connecting(service: TestInterceptor, inner: ChannelCredentials, guard: ConnectionGuard | undefined) {
  const [attempts, refusals] = [new Events(), [] as string[]];
  const guarded = guardedCredentials(inner, { guard, onRefused: (reason) => refusals.push(reason) });
  const channel = new Channel(`ipv4:127.0.0.1:${service.port}`, guarded, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.ssl_target_name_override": "localhost",
    "grpc.initial_reconnect_backoff_ms": 100,
  });
  const states: connectivityState[] = [];
  const watch = (): void => {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.SHUTDOWN) return;
    states.push(state);
    if (state === connectivityState.READY || state === connectivityState.TRANSIENT_FAILURE) attempts.add();
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, watch);
  };
  watch();
  return { attempts, refusals, states, [Symbol.dispose]: () => channel.close() };
}

describe("guarded credentials", () => {
  it("leave it to the kernel to notice a peer that is gone", async () => {
    const keepAlive = vi.spyOn(Socket.prototype, "setKeepAlive");
    await using service = await testInterceptor(() => ({ kind: "hang" }));
    using connected = connecting(service, insecure(), undefined);
    await connected.attempts.reach(1);
    expect(keepAlive).toHaveBeenCalledWith(true, 10_000);
    keepAlive.mockRestore();
  });

  it.each([
    ["without TLS", insecure, undefined],
    ["before TLS", overTls, "tls"],
  ] as const)("ask before each connect, and again %s, before the first byte", async (_what, inner, tls) => {
    const service = await testInterceptor(
      () => ({ kind: "hang" }),
      tls && { tls: { ca: certificates.ca, ...(await certificates.server()), clientCert: "none" } },
    );
    const { steps, guard } = recording();
    using connection = connecting(service, inner(), guard);
    await connection.attempts.reach(1);
    expect(connection.states.at(-1)).toBe(connectivityState.READY);
    expect(steps).toEqual(["before", "after, 0 bytes written"]);
    await service.kill();
    await using again = await testInterceptor(() => ({ kind: "hang" }), {
      port: service.port,
      ...(tls && { tls: { ca: certificates.ca, ...(await certificates.server()), clientCert: "none" } }),
    });
    await expect.poll(() => again.connections, { timeout: 5_000 }).toBe(1);
    // attempts that found nobody were asked about as well
    expect(steps.slice(0, 3)).toEqual(["before", "after, 0 bytes written", "before"]);
    expect(steps.slice(3).filter((step) => step !== "before")).toEqual(["after, 0 bytes written"]);
    expect(connection.refusals).toEqual([]);
  });

  it("do not connect where the guard refuses before", async () => {
    await using service = await testInterceptor(() => ({ kind: "hang" }));
    using connection = connecting(service, insecure(), recording("before").guard);
    await connection.attempts.reach(1);
    expect(connection.states).toContain(connectivityState.TRANSIENT_FAILURE);
    expect([service.connections, connection.refusals[0]]).toEqual([0, "not now"]);
  });

  it("send nothing where the guard refuses after, however often it is tried", async () => {
    await using service = await testInterceptor(() => ({ kind: "hang" }));
    const { steps, guard } = recording("after");
    using connection = connecting(service, insecure(), guard);
    await expect.poll(() => connection.refusals.length, { timeout: 5_000 }).toBeGreaterThan(1);
    expect(connection.states).not.toContain(connectivityState.READY);
    expect(connection.refusals.slice(0, 2)).toEqual(["not this one", "not this one"]);
    expect(steps.slice(0, 4)).toEqual(["before", "after, 0 bytes written", "before", "after, 0 bytes written"]);
  });

  it("refuse where the library connects without asking before", async () => {
    const guarded = guardedCredentials(insecure(), { guard: recording().guard, onRefused: () => {} });
    const connector = guarded._createSecureConnector({ path: "localhost" }, {});
    await using service = await testInterceptor(() => ({ kind: "hang" }));
    const { connect } = await import("node:net");
    const socket = connect(service.port, "127.0.0.1");
    await expect(connector.connect(socket)).rejects.toThrow("without a check before it");
    socket.destroy();
  });

  it("tell what TLS refused, also where nothing guards", async () => {
    const tls = { ca: certificates.ca, ...(await certificates.server()), clientCert: "none" } as const;
    await using service = await testInterceptor(() => ({ kind: "hang" }), { tls });
    using connection = connecting(service, overTls(certificates.other.ca), undefined);
    await connection.attempts.reach(1);
    expect(connection.refusals[0]).toMatch(/^TLS: .*certificate/);
  });

  it("equal none but themselves, and stay guarded when call credentials join them", () => {
    const terms: Parameters<typeof guardedCredentials>[1] = { guard: undefined, onRefused: () => {} };
    const [one, other] = [guardedCredentials(insecure(), terms), guardedCredentials(insecure(), terms)];
    expect([one._equals(one), one._equals(other), one._isSecure()]).toEqual([true, false, false]);
    const composed = guardedCredentials(overTls(), terms).compose(credentials.createEmpty());
    expect([composed.constructor, composed._isSecure()]).toEqual([one.constructor, true]);
  });
});
