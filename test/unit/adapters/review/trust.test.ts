import { createServer, type Server, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { Server as GrpcServer, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { encodeVerdict } from "@sallyport/contract/verdict.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { PemMaterial } from "../../../../src/adapters/certificates/pem-files.ts";
import { grpcReviewClient, type GrpcReviewClient } from "../../../../src/adapters/review/grpc-review-client.ts";
import type { TransportName } from "../../../../src/adapters/review/transport/transports.ts";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { CancelSource } from "../../../../src/model/cancel.ts";
import { Secret } from "../../../../src/model/secret.ts";
import { bindingPlan } from "../../../support/binding-plan.ts";
import { testCertificates, type TestCertificate } from "../../../support/certificates.ts";
import { Events } from "../../../support/events.ts";
import { exchangeOf } from "../../../support/exchange.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { allowing, describing, testInterceptor } from "../../../support/test-interceptor.ts";

const SUBJECT = {
  exchange: exchangeOf(),
  route: { name: "main", labels: {} },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
};
const HIDDEN = { headers: new Set<string>(), query: new Set<string>() };

const certificates = await testCertificates();
const pems = (ca: string, pair: TestCertificate): PemMaterial => ({
  caPem: ca,
  pair: { certPem: pair.cert, keyPem: new Secret(pair.key) },
});
const OUR_PEMS = pems(certificates.ca, await certificates.client("gateway"));

/** What clients call over; each test runs over all. */
let transport: TransportName = "lean";

function client(
  port: number,
  parts: { readonly serverName?: string; readonly tls?: PemMaterial | undefined; readonly host?: string } = {},
): GrpcReviewClient {
  const { serverName = "localhost", host = "127.0.0.1" } = parts;
  return grpcReviewClient(
    {
      name: "tenancy",
      endpoints: [{ kind: "grpcs", host, port, tls: { serverName }, url: "grpcs://test" }],
      transport,
      tls: "tls" in parts ? parts.tls : OUR_PEMS,
      gatewayId: "gw",
      gatewayVersion: "0.0.0",
      maxConcurrentReviews: 10,
      maxPendingReviews: 10,
    },
    { clock: systemClock(), log: new MemoryLog() },
  );
}

const ask = (from: GrpcReviewClient, grantMs = 2_000) =>
  from.reviewer(bindingPlan(), HIDDEN)(SUBJECT, { reviewId: "r", grantMs, cancel: new CancelSource() });

const allowAll = describing({}, ({ reviewId }) => allowing(reviewId));

/** A TLS server that speaks HTTP/2 by name only, and counts what it is told after the handshake. */
async function listeningPeer(
  pair: TestCertificate,
): Promise<AsyncDisposable & { readonly port: number; readonly handshakes: Events; bytes(): number }> {
  const handshakes = new Events();
  const sockets = new Set<TLSSocket>();
  let bytes = 0;
  const server: Server = createServer({ ...pair, ALPNProtocols: ["h2"] }, (socket) => {
    sockets.add(socket.on("error", () => {}).on("data", (chunk) => (bytes += chunk.length)));
    handshakes.add();
  });
  server.on("tlsClientError", () => handshakes.add());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a TCP server's address is an object
  const { port } = server.address() as AddressInfo;
  return {
    port,
    handshakes,
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

describe.each(["lean", "grpc-js"] as const)("over %s", (name) => {
  beforeEach(() => {
    transport = name;
  });

  describe("mutual TLS to an interceptor", () => {
    it("shows our certificate, and asks for the service by its name", async () => {
      await using service = await testInterceptor(allowAll, {
        tls: { ca: certificates.ca, ...(await certificates.server("tenancy.internal")) },
      });
      await using reached = client(service.port, { serverName: "tenancy.internal" });
      expect(await ask(reached)).toMatchObject({ ok: true });
      expect(service.calls[0]?.headers[":authority"]).toBe(`tenancy.internal:${service.port}`);
    });

    it("reaches a service by its address, whose certificate names that address", async () => {
      await using service = await testInterceptor(allowAll, {
        tls: { ca: certificates.ca, ...(await certificates.server("127.0.0.1")) },
      });
      await using reached = client(service.port, { serverName: "127.0.0.1" });
      expect(await ask(reached)).toMatchObject({ ok: true });
      await using elsewhere = client(service.port, { serverName: "127.0.0.2" });
      expect(await ask(elsewhere)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    });

    it("works with the server of the gRPC library", async () => {
      const server = new GrpcServer();
      const raw = {
        requestSerialize: passed,
        requestDeserialize: passed,
        responseSerialize: passed,
        responseDeserialize: passed,
      };
      server.addService(
        { review: { path: METHODS.review, requestStream: false, responseStream: false, ...raw } },
        {
          review: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
            const { reviewId } = ReviewRequest.decode(call.request);
            callback(null, Buffer.from(encodeVerdict({ kind: "allow", patches: [], annotations: [], warnings: [] }, reviewId)));
          },
        },
      );
      const pair = await certificates.server();
      const credentials = ServerCredentials.createSsl(
        Buffer.from(certificates.ca),
        [{ cert_chain: Buffer.from(pair.cert), private_key: Buffer.from(pair.key) }],
        true,
      );
      const port = await new Promise<number>((resolve, reject) =>
        server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
      );
      await using reached = client(port);
      expect(await ask(reached)).toMatchObject({ ok: true, value: { kind: "allow" } });
      server.forceShutdown();
    });

    it.each([
      ["whose certificate another authority signed", () => certificates.other.server("localhost")],
      ["whose certificate names another host", () => certificates.server("somebody.else")],
      ["whose certificate names another address", () => certificates.server("127.0.0.2")],
    ])("tells nothing to a peer %s", async (_what, certificate) => {
      await using peer = await listeningPeer(await certificate());
      await using reached = client(peer.port);
      expect(await ask(reached)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      await peer.handshakes.reach(1);
      expect(peer.bytes()).toBe(0);
    });

    it.each([
      ["without a certificate", undefined],
      ["with a certificate of another authority", "other"],
    ])("is refused %s, which is unavailable", async (_what, whose) => {
      await using service = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
      const tls =
        whose === undefined
          ? { caPem: certificates.ca, pair: undefined }
          : pems(certificates.ca, await certificates.other.client("gateway"));
      await using reached = client(service.port, { tls });
      expect(await ask(reached)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      expect(service.calls).toHaveLength(0);
    });

    it("does not fall back: neither to a plain service nor without TLS", async () => {
      await using plain = await testInterceptor(allowAll);
      await using reached = client(plain.port);
      expect(await ask(reached)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      await using secured = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
      await using bare = grpcReviewClient(
        {
          name: "t",
          endpoints: [{ kind: "grpc", host: "127.0.0.1", port: secured.port, url: "grpc://test" }],
          tls: undefined,
          gatewayId: "",
          gatewayVersion: "",
          maxConcurrentReviews: 1,
          maxPendingReviews: 1,
        },
        { clock: systemClock(), log: new MemoryLog() },
      );
      expect(await ask(bare)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      expect([...plain.calls, ...secured.calls]).toHaveLength(0);
    });

    it("never shares a connection: a client that trusts others makes its own check", async () => {
      await using service = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
      await using trusting = client(service.port);
      expect(await ask(trusting)).toMatchObject({ ok: true });
      await using distrusting = client(service.port, { tls: pems(certificates.other.ca, await certificates.client("gateway")) });
      expect(await ask(distrusting)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      expect(service.calls).toHaveLength(1);
    });

    it("is not switched off by NODE_TLS_REJECT_UNAUTHORIZED in the environment", async () => {
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
      onTestFinished(() => void vi.unstubAllEnvs());
      await using service = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
      await using reached = client(service.port, { tls: pems(certificates.other.ca, await certificates.client("gateway")) });
      expect(await ask(reached)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      expect(service.calls).toHaveLength(0);
    });

    it("fails at once with PEM material that cannot be used, and says so without quoting it", async () => {
      const log = new MemoryLog();
      await using unusable = grpcReviewClient(
        {
          name: "t",
          endpoints: [{ kind: "grpcs", host: "127.0.0.1", port: 1, tls: { serverName: "x" }, url: "grpcs://test" }],
          tls: pems("no PEM", { cert: "s3cret", key: "s3cret" }),
          gatewayId: "",
          gatewayVersion: "",
          maxConcurrentReviews: 1,
          maxPendingReviews: 1,
        },
        { clock: systemClock(), log },
      );
      const answer = await ask(unusable);
      expect(answer).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      expect(log.events).toEqual(["interceptor_unusable"]);
      expect(JSON.stringify([answer, log.lines])).not.toContain("s3cret");
    });
  });

  describe("rotated certificates", () => {
    it("are shown from then on, while a call in flight finishes on the old connection", async () => {
      const arrived = new Events();
      await using service = await testInterceptor(
        describing({}, ({ reviewId }) => {
          arrived.add();
          return { kind: "later", afterMs: 100, reply: allowing(reviewId) };
        }),
        { tls: { ca: certificates.ca, ...(await certificates.server()) } },
      );
      await using reached = client(service.port);
      const inFlight = ask(reached);
      await arrived.reach(1);
      expect(reached.rotate(pems(certificates.ca, await certificates.client("gateway-2")))).toEqual({
        ok: true,
        value: undefined,
      });
      expect(await Promise.all([inFlight, ask(reached)])).toMatchObject([{ ok: true }, { ok: true }]);
      expect(service.connections).toBe(2);
    });

    it("are not taken when they cannot be used: the old ones stay", async () => {
      await using service = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
      await using reached = client(service.port);
      const [ours, others] = [await certificates.client("gateway"), await certificates.client("gateway-2")];
      const unusable = [
        pems("", ours),
        pems("no PEM", ours),
        pems(ours.cert, ours),
        pems(certificates.ca, { cert: "", key: "" }),
        pems(certificates.ca, { cert: ours.cert, key: others.key }),
      ];
      for (const tls of unusable) expect(reached.rotate(tls)).toMatchObject({ ok: false });
      expect(await ask(reached)).toMatchObject({ ok: true });
    });

    it("end trust where they trust others", async () => {
      await using service = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
      await using reached = client(service.port);
      expect(await ask(reached)).toMatchObject({ ok: true });
      reached.rotate(pems(certificates.other.ca, await certificates.client("gateway")));
      expect(await ask(reached)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    });
  });

  const passed = (bytes: Buffer): Buffer => bytes;
});
