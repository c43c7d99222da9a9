import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { serve } from "@sallyport/interceptors-sdk";
import { expect, it } from "vitest";
import { tenancy } from "../../examples/interceptors/tenancy/tenancy.ts";
import { testCertificates } from "../support/certificates.ts";
import { casesThat, conformanceOf } from "../support/conformance.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

it("an interceptor of the SDK that asks for the gateway's token conforms in everything that can be asked of one", async () => {
  await using directory = await temporaryDirectory();
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "first", use: "sig", alg: "EdDSA" };
  await writeFile(directory.file("jwks.json"), JSON.stringify({ keys: [jwk] }));
  const proof = { issuer: "urn:sallyport:test", audience: "urn:sallyport:interceptor:tenancy" };
  await using running = await serve(tenancy, {
    listen: "grpcs://127.0.0.1:0",
    tls: { ca: certificates.ca, cert, key },
    gateway: { identity: "mtls+jwt", ...proof, jwks: { file: directory.file("jwks.json") } },
    signals: false,
    log: () => {},
    drainMs: 500,
  });
  const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" });
  const report = await conformanceOf(running.port, { token: { privateKeyPem, kid: "first", ...proof } });
  expect(casesThat("fail", report)).toEqual([]);
  expect(casesThat("pass", report).filter((name) => name.startsWith("token-")).length).toBeGreaterThanOrEqual(16);

  const unproven = await conformanceOf(running.port, { cases: ["describe-answers", "verdict-for-typical-view"] });
  expect(casesThat("fail", unproven)).toEqual([expect.stringContaining("UNAUTHENTICATED")]);
  expect(casesThat("skip", unproven)).toHaveLength(1);
});
