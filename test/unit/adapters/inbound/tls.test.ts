import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import type { ListenerPem, ListenerTls } from "../../../../src/adapters/inbound/listener-settings.ts";
import { httpListener } from "../../../../src/adapters/inbound/http-listener.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import { err, ok, type Result } from "../../../../src/model/result.ts";
import { HandStream } from "../../../support/byte-flow.ts";
import { testCertificates, type TestCertificate } from "../../../support/certificates.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { fixedIds } from "../../../support/fixed-ids.ts";
import { LISTENER_LIMITS, startInbound, textResponse } from "../../../support/inbound.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { RawClient } from "../../../support/raw-http.ts";
import { turn } from "../../../support/turn.ts";

const certificates = await testCertificates();

/** Files that change under the listener. */
class PemFiles implements ListenerTls {
  readonly clientCert: ListenerTls["clientCert"];
  now: Result<ListenerPem>;

  constructor(server: TestCertificate, clientCert: ListenerTls["clientCert"] = "none") {
    this.clientCert = clientCert;
    this.now = ok({ ...server, clientCa: clientCert === "none" ? undefined : certificates.ca });
  }

  readPem(): Promise<Result<ListenerPem>> {
    return Promise.resolve(this.now);
  }
}

interface Seen {
  readonly status: number;
  readonly serial: string;
}

const get = (port: number, client?: TestCertificate): Promise<Seen> =>
  new Promise((resolve, reject) => {
    const options = { host: "localhost", port, ca: certificates.ca, agent: false, ...client };
    const sent = request(options, (response) => {
      // a TLS server's socket is a TLS socket
      const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
      response.resume().on("end", () => resolve({ status: response.statusCode ?? 0, serial: serialNumber }));
    });
    sent.on("error", reject).end();
  });

describe("a TLS listener", () => {
  it("hands exchanges over as https, speaking HTTP/1.1", async () => {
    await using inbound = await startInbound(() => textResponse("ok"), {
      tls: new PemFiles(await certificates.server("localhost")),
    });
    expect(await get(inbound.port)).toMatchObject({ status: 200 });
    expect(inbound.received).toMatchObject([{ scheme: "https", tlsSubject: "", peerAddress: "127.0.0.1" }]);
  });

  it("uses renewed certificates for new connections, and keeps the old ones when the new are no good", async () => {
    const files = new PemFiles(await certificates.server("localhost"));
    await using inbound = await startInbound(() => textResponse("ok"), { tls: files });
    const first = await get(inbound.port);
    const second = await certificates.server("localhost", "127.0.0.1");
    files.now = ok({ cert: second.cert.slice(0, 200), key: second.key, clientCa: undefined });
    expect(await inbound.listener.renewCertificates()).toMatchObject({ ok: false });
    files.now = ok({ ...second, key: (await certificates.server("localhost")).key, clientCa: undefined });
    expect(await inbound.listener.renewCertificates()).toMatchObject({ ok: false });
    files.now = err("key file: gone");
    expect(await inbound.listener.renewCertificates()).toEqual(err("key file: gone"));
    expect((await get(inbound.port)).serial).toBe(first.serial);
    files.now = ok({ ...second, clientCa: undefined });
    expect(await inbound.listener.renewCertificates()).toEqual(ok(undefined));
    expect((await get(inbound.port)).serial).not.toBe(first.serial);
  });

  it.each([
    ["required", "of ours", 200, "CN=gateway"],
    ["optional", "of ours", 200, "CN=gateway"],
    ["optional", "none", 200, ""],
    ["required", "none", undefined, undefined],
    ["required", "of another authority", undefined, undefined],
    ["optional", "of another authority", undefined, undefined],
  ] as const)("with client certificates %s and one %s", async (clientCert, shown, status, subject) => {
    const client = {
      "of ours": await certificates.client(),
      none: undefined,
      "of another authority": await certificates.other.client(),
    }[shown];
    await using inbound = await startInbound(() => textResponse("ok"), {
      tls: new PemFiles(await certificates.server("localhost"), clientCert),
    });
    const seen = await get(inbound.port, client).catch(() => undefined);
    expect(seen?.status).toBe(status);
    expect(inbound.received.map(({ tlsSubject }) => tlsSubject)).toEqual(
      subject === undefined ? [] : [expect.stringContaining(subject)],
    );
  });

  it("drains: an idle connection is closed soon, one under way behind its response", async () => {
    const clock = new FakeClock();
    const stream = new HandStream(4);
    await using inbound = await startInbound(
      ({ requestTarget }) =>
        requestTarget === "/" ? textResponse("ok") : { status: 200, headers: HeaderLines.EMPTY, body: stream },
      {
        tls: new PemFiles(await certificates.server("localhost")),
        clock,
      },
    );
    const [idle, busy] = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
    const asked = (agent: Agent, path: string): Promise<IncomingMessage> =>
      new Promise((resolve, reject) =>
        request({ host: "localhost", port: inbound.port, ca: certificates.ca, agent, path }, resolve).on("error", reject).end(),
      );
    const whole = (message: IncomingMessage): Promise<unknown> => new Promise((resolve) => message.resume().once("end", resolve));
    await whole(await asked(idle, "/"));
    const streaming = await asked(busy, "/stream");
    while (inbound.sent.length === 0) await turn();
    const draining = inbound.listener.drain(30_000);
    clock.advance(1_100);
    while (inbound.listener.connectionCount > 1) await turn();
    stream.write("done");
    stream.sink?.end();
    await whole(streaming);
    while (inbound.sent.length < 2) await turn();
    clock.advance(1_100);
    await draining;
    expect(inbound.sent).toMatchObject([{ completed: true }, { completed: true }]);
    for (const agent of [idle, busy]) agent.destroy();
  });

  it("cuts a broken response short", async () => {
    const stream = new HandStream();
    await using inbound = await startInbound(() => ({ status: 200, headers: HeaderLines.EMPTY, body: stream }), {
      tls: new PemFiles(await certificates.server("localhost")),
    });
    const response = await new Promise<IncomingMessage>((resolve) =>
      request({ host: "localhost", port: inbound.port, ca: certificates.ca, agent: false }, resolve).end(),
    );
    const broken = new Promise<NodeJS.ErrnoException>((resolve) => response.once("error", resolve));
    stream.write("hel");
    response.once("data", () => stream.sink?.fail("upstream gone"));
    expect((await broken).code).toBe("ECONNRESET");
  });

  it("closes on what is no TLS, and can still be drained", async () => {
    await using inbound = await startInbound(() => textResponse("ok"), {
      tls: new PemFiles(await certificates.server("localhost")),
    });
    using client = await RawClient.connect(inbound.port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.closed;
    expect(inbound.received).toEqual([]);
    using silent = await RawClient.connect(inbound.port);
    await inbound.listener.close();
    await silent.closed;
  });

  it("does not start without a usable certificate, nor on an address it cannot have", async () => {
    const files = new PemFiles({ cert: "x", key: "y" });
    const deps = {
      handle: () => Promise.reject(new Error("unused")),
      log: new MemoryLog(),
      clock: new FakeClock(),
      ids: fixedIds(),
    };
    const address = { host: "127.0.0.1", port: 0 };
    await expect(httpListener({ name: "secure", address, tls: files, limits: LISTENER_LIMITS }, deps)).rejects.toThrow(
      /listener secure has no usable certificate/,
    );
    await expect(
      httpListener({ name: "far", address: { host: "192.0.2.1", port: 0 }, limits: LISTENER_LIMITS }, deps),
    ).rejects.toThrow(/listener far cannot listen/);
  });
});
