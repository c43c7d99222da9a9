import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { ALL_CASES, runSuite, type SuiteOptions } from "../../../conformance/src/index.ts";
import { type TestCertificates, testCertificates } from "../../support/certificates.ts";
import { serviceOf } from "../../support/conforming-service.ts";
import { type TestInterceptor, testInterceptor, type TestInterceptorTls } from "../../support/test-interceptor.ts";

const tokenCases = ALL_CASES.map(({ name }) => name).filter((name) => name.startsWith("token-"));

describe("the conformance suite", () => {
  let certificates: TestCertificates;

  beforeAll(async () => {
    certificates = await testCertificates();
  });

  const served = async (
    clientCert: TestInterceptorTls["clientCert"],
    names: readonly string[] = [],
  ): Promise<TestInterceptor> => {
    const pair = await certificates.server(...names);
    return testInterceptor(serviceOf(), { tls: { ca: certificates.ca, ...pair, ...(clientCert && { clientCert }) } });
  };

  const outcomes = async (port: number, cases: readonly string[], changes: Partial<SuiteOptions> = {}) => {
    const options: SuiteOptions = {
      address: { scheme: "grpcs", host: "127.0.0.1", port },
      tls: { ca: certificates.ca, pair: await certificates.client() },
      serverName: "localhost",
      bindings: [],
      configs: new Map(),
      cases,
      reviewMs: 1_000,
      slow: false,
      ...changes,
    };
    const report = await runSuite(options);
    return Object.fromEntries(report.cases.map(({ name, outcome }) => [name, outcome]));
  };

  it("fails a service that lets callers in without a certificate of its authority", async () => {
    await using service = await served("none");
    expect(await outcomes(service.port, ["tls-no-client-certificate", "tls-stranger-certificate"])).toEqual({
      "tls-no-client-certificate": "fail",
      "tls-stranger-certificate": "fail",
    });
  });

  it("does not fail one that asks for it", async () => {
    await using service = await served("required");
    expect(
      await outcomes(service.port, ["tls-server-certificate", "tls-no-client-certificate", "tls-stranger-certificate"]),
    ).toEqual({
      "tls-server-certificate": "pass",
      "tls-no-client-certificate": "pass",
      "tls-stranger-certificate": "pass",
    });
  });

  it.each([
    ["none", "fail"],
    ["required", "pass"],
  ] as const)("asks a service that takes certificates (%s) whether a stranger may watch", async (clientCert, outcome) => {
    await using service = await served(clientCert);
    service.watch = "offered";
    expect(await outcomes(service.port, ["watch-needs-identity"])).toEqual({ "watch-needs-identity": outcome });
  });

  it("fails a service whose certificate names somebody else, or comes from another authority", async () => {
    await using misnamed = await served("required", ["elsewhere"]);
    expect(await outcomes(misnamed.port, ["tls-server-certificate"])).toEqual({ "tls-server-certificate": "fail" });
    await using service = await served("required");
    const tls = { ca: certificates.other.ca, pair: await certificates.client() };
    expect(await outcomes(service.port, ["tls-server-certificate"], { tls })).toEqual({ "tls-server-certificate": "fail" });
  });

  it("fails a service that answers in the clear where TLS is due", async () => {
    await using service = await testInterceptor(serviceOf());
    expect(await outcomes(service.port, ["tls-plaintext", "tls-server-certificate"])).toEqual({
      "tls-plaintext": "fail",
      "tls-server-certificate": "fail",
    });
  });

  it("fails a service that believes every token, by every case of tokens that are none", async () => {
    const privateKeyPem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
    const token = { privateKeyPem, kid: "k", issuer: "urn:sallyport:gw", audience: "urn:sallyport:interceptor:sample" };
    await using service = await served("required");
    const found = await outcomes(service.port, tokenCases, { token });
    const { "token-good": good, "token-expected-audience": audience, ...others } = found;
    expect({ good, audience }).toEqual({ good: "pass", audience: "skip" });
    expect(Object.values(others)).toEqual(Object.keys(others).map(() => "fail"));
  });

  it("skips the cases of tokens where it is given no key, and those of TLS where there is none", async () => {
    await using service = await testInterceptor(serviceOf());
    const cases = ALL_CASES.map(({ name }) => name).filter((name) => /^(token|tls)-/.test(name));
    const found = await outcomes(service.port, cases, {
      address: { scheme: "grpc", host: "127.0.0.1", port: service.port },
      tls: undefined,
    });
    expect(new Set(Object.values(found))).toEqual(new Set(["skip"]));
  });

  it("fails by its first case, and breaks nowhere, where nobody listens", async () => {
    const service = await testInterceptor(serviceOf());
    await service.kill();
    const found = await outcomes(service.port, [
      "describe-answers",
      "manifest-ids",
      "verdict-for-typical-view",
      "health-check-server",
    ]);
    expect(found).toEqual({
      "describe-answers": "fail",
      "manifest-ids": "skip",
      "verdict-for-typical-view": "skip",
      "health-check-server": "fail",
    });
  });

  it("cannot begin with certificates that are none", async () => {
    await expect(outcomes(1, ["describe-answers"], { tls: { ca: "no PEM", pair: { cert: "", key: "" } } })).rejects.toThrow();
  });
});
