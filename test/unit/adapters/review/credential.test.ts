import { describe, expect, it } from "vitest";
import { grpcReviewClient, type GrpcReviewClientConfig } from "../../../../src/adapters/review/grpc-review-client.ts";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { CancelSource } from "../../../../src/model/cancel.ts";
import { err, ok, type Result } from "../../../../src/model/result.ts";
import { Secret } from "../../../../src/model/secret.ts";
import { review } from "../../../contract/review-client/client-under-test.ts";
import { testCertificates } from "../../../support/certificates.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { allowing, describing, testInterceptor } from "../../../support/test-interceptor.ts";

const certificates = await testCertificates();
const allowAll = describing({}, ({ reviewId }) => allowing(reviewId));

/** A client of a service on this port that shows what `token` gives. */
async function client(port: number, scheme: "grpcs" | "grpc", token: () => Result<Secret, string>) {
  const log = new MemoryLog();
  const { cert, key } = await certificates.client();
  const at = { host: "127.0.0.1", port };
  const config: GrpcReviewClientConfig = {
    name: "tenancy",
    endpoints: [
      scheme === "grpc"
        ? { kind: "grpc", ...at, url: "grpc://test" }
        : { kind: "grpcs", ...at, tls: { serverName: "localhost" }, url: "grpcs://test" },
    ],
    tls: scheme === "grpc" ? undefined : { caPem: certificates.ca, pair: { certPem: cert, keyPem: new Secret(key) } },
    credential: { token },
    gatewayId: "gw",
    gatewayVersion: "0.0.0",
    maxConcurrentReviews: 10,
    maxPendingReviews: 10,
  };
  return { reviewClient: grpcReviewClient(config, { clock: systemClock(), log }), log };
}

const describeCall = () => ({ deadlineMs: 2_000, cancel: new CancelSource() });

describe("the credential of calls", () => {
  it("goes with Describe and every review, the current one each time", async () => {
    await using service = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
    let current = new Secret("aaa.bbb.ccc");
    const { reviewClient } = await client(service.port, "grpcs", () => ok(current));
    await using _ = reviewClient;
    expect(await reviewClient.describe([], describeCall())).toMatchObject({ ok: true });
    expect(await review(reviewClient)).toMatchObject({ ok: true });
    expect(await review(reviewClient)).toMatchObject({ ok: true });
    current = new Secret("ddd.eee.fff");
    expect(await review(reviewClient)).toMatchObject({ ok: true });
    const seen = service.calls.map(({ headers }) => headers["authorization"]);
    expect(seen).toEqual(["Bearer aaa.bbb.ccc", "Bearer aaa.bbb.ccc", "Bearer aaa.bbb.ccc", "Bearer ddd.eee.fff"]);
  });

  it("is never sent in the clear, nor asked for", async () => {
    await using service = await testInterceptor(allowAll);
    let asked = 0;
    const { reviewClient } = await client(service.port, "grpc", () => {
      asked += 1;
      return ok(new Secret("aaa.bbb.ccc"));
    });
    await using _ = reviewClient;
    expect(await review(reviewClient)).toMatchObject({ ok: true });
    expect(service.calls.map(({ headers }) => headers["authorization"])).toEqual([undefined]);
    expect(asked).toBe(0);
  });

  it("keeps a call from being made when it is empty or out of date: the failure is unavailable", async () => {
    await using service = await testInterceptor(allowAll, { tls: { ca: certificates.ca, ...(await certificates.server()) } });
    const { reviewClient, log } = await client(service.port, "grpcs", () => err("the token is out of date for urn:a"));
    await using _ = reviewClient;
    const failure = { kind: "unavailable", message: "gRPC status 16: the token is out of date for urn:a" };
    expect(await review(reviewClient)).toEqual({ ok: false, error: failure });
    expect(await reviewClient.describe([], describeCall())).toEqual({ ok: false, error: failure });
    await expect.poll(() => log.events).toContain("interceptor_connected");
    expect(service.calls).toEqual([]);
  });
});
