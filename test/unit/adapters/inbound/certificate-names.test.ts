import { createSecureContext } from "node:tls";
import { describe, expect, it } from "vitest";
import { CertificateNames } from "../../../../src/adapters/inbound/certificate-names.ts";
import { testCertificates } from "../../../support/certificates.ts";

describe("the certificate for a name", () => {
  it("is one made out to it: exactly before by a wildcard, the first of several, addresses never", async () => {
    const certificates = await testCertificates();
    const names = new CertificateNames();
    const shown = [
      ["a.test", "b.test"],
      ["*.test", "*.deep.test"],
      ["a.test", "127.0.0.1"],
    ].map(() => createSecureContext());
    for (const [at, made] of [
      ["a.test", "b.test"],
      ["*.test", "*.deep.test"],
      ["a.test", "127.0.0.1"],
    ].entries()) {
      const context = shown[at];
      if (context !== undefined) names.add((await certificates.server(...made)).cert, context);
    }
    const at = (name: string): number => shown.findIndex((context) => context === names.find(name));
    expect(["a.test", "B.TEST", "c.test", "x.deep.test", "deep.test"].map(at)).toEqual([0, 0, 1, 1, 1]);
    for (const nobody of ["test", "x.y.test", "127.0.0.1", "", "a.test.evil"]) expect(names.find(nobody)).toBeUndefined();
  });
});
