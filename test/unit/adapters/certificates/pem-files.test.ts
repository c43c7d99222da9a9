import { copyFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { createDevelopmentCa, issue, type CertificateAndKey } from "../../../../src/adapters/certificates/development-ca.ts";
import { readPemFiles, watchedPemFiles, type PemMaterial } from "../../../../src/adapters/certificates/pem-files.ts";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { Events } from "../../../support/events.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const ca = await createDevelopmentCa();
const leaf = async (validity?: { from: Date; until: Date }): Promise<CertificateAndKey> => {
  const made = await issue(ca, {
    commonName: "leaf",
    dnsNames: ["localhost"],
    ipAddresses: [],
    usage: "both",
    ...(validity && { validity }),
  });
  if (!made.ok) throw new Error(made.error);
  return made.value;
};
const [first, second] = [await leaf(), await leaf()];

/** A directory with a good triple, and its names. */
async function prepared() {
  const directory = await temporaryDirectory();
  const files = {
    pair: { certFile: directory.file("leaf.pem"), keyFile: directory.file("leaf.key") },
    caFile: directory.file("ca.pem"),
  };
  await writeFile(files.pair.certFile, first.certificatePem);
  await writeFile(files.pair.keyFile, first.privateKeyPem.reveal());
  await writeFile(files.caFile, ca.certificatePem);
  return { files, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

describe("reading PEM files", () => {
  it("gives what fits together", async () => {
    await using place = await prepared();
    const read = await readPemFiles(place.files, Date.now());
    expect(read).toMatchObject({ ok: true, value: { caPem: ca.certificatePem, pair: { certPem: first.certificatePem } } });
    expect(JSON.stringify(read)).not.toContain("PRIVATE KEY");
  });

  it("needs nothing where nothing is named", async () => {
    expect(await readPemFiles({}, Date.now())).toEqual({ ok: true, value: { pair: undefined, caPem: undefined } });
  });

  it.each([
    [
      "the key of another certificate",
      (files: Names) => writeFile(files.pair.keyFile, second.privateKeyPem.reveal()),
      /leaf\.key does not hold the key of the certificate in .*leaf\.pem/,
    ],
    [
      "a certificate where the key should be",
      (files: Names) => copyFile(files.caFile, files.pair.keyFile),
      /leaf\.key holds no private key/,
    ],
    [
      "half a certificate",
      (files: Names) => writeFile(files.pair.certFile, first.certificatePem.slice(0, 200)),
      /leaf\.pem holds no certificate/,
    ],
    [
      "a mangled certificate",
      (files: Names) => writeFile(files.pair.certFile, first.certificatePem.replace(/MII./, "AAAA")),
      /leaf\.pem holds a certificate that cannot be read/,
    ],
    [
      "an encrypted key",
      (files: Names) =>
        writeFile(files.pair.keyFile, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
      /encrypted/,
    ],
    [
      "a leaf as authority",
      (files: Names) => writeFile(files.caFile, first.certificatePem),
      /ca\.pem holds a certificate that is no authority's/,
    ],
    ["nothing at all", (files: Names) => writeFile(files.caFile, ""), /ca\.pem holds no certificate/],
  ])("refuses %s and names the file", async (_, spoil, expected) => {
    await using place = await prepared();
    await spoil(place.files);
    const read = await readPemFiles(place.files, Date.now());
    expect(read.ok ? "" : read.error.join()).toMatch(expected);
  });

  it("refuses what is out of date, before and after", async () => {
    await using place = await prepared();
    const limited = await leaf({ from: new Date("2030-01-01"), until: new Date("2030-02-01") });
    await writeFile(place.files.pair.certFile, limited.certificatePem);
    await writeFile(place.files.pair.keyFile, limited.privateKeyPem.reveal());
    const at = async (time: string) => {
      const read = await readPemFiles({ pair: place.files.pair }, Date.parse(time));
      return read.ok ? "good" : read.error.join();
    };
    expect(await at("2029-12-31")).toContain("not valid before 2030-01-01");
    expect(await at("2030-01-15")).toBe("good");
    expect(await at("2030-02-01")).toContain("expired on 2030-02-01");
  });

  it("takes a bundle in which one of several authorities is out of date", async () => {
    await using place = await prepared();
    await writeFile(place.files.caFile, (await createDevelopmentCa()).certificatePem + ca.certificatePem);
    expect((await readPemFiles({ caFile: place.files.caFile }, Date.now())).ok).toBe(true);
  });
});

type Names = { pair: { certFile: string; keyFile: string }; caFile: string };

describe("followed PEM files", () => {
  it("change over when the new pair is whole, and keep the last good one until then", async () => {
    await using place = await prepared();
    const [changes, rejections] = [new Events(), new Events()];
    const seen: PemMaterial[] = [];
    const source = await watchedPemFiles(place.files, {
      clock: systemClock(),
      onChange: (material) => {
        seen.push(material);
        changes.add();
      },
      onRejected: rejections.add,
    });
    if (!source.ok) throw new Error(source.error.join());
    await using watched = source.value;
    await watched.ready;
    await writeFile(place.files.pair.certFile, second.certificatePem);
    await rejections.reach(1, 4000);
    expect(watched.current().pair?.certPem).toBe(first.certificatePem);
    await writeFile(place.files.pair.keyFile, second.privateKeyPem.reveal());
    await changes.reach(1, 4000);
    expect(watched.current().pair?.certPem).toBe(second.certificatePem);
    expect(seen).toHaveLength(1);
  });

  it("are refused when they are bad from the start", async () => {
    await using place = await prepared();
    await writeFile(place.files.pair.keyFile, "");
    const source = await watchedPemFiles(place.files, { clock: systemClock(), onChange: () => {}, onRejected: () => {} });
    expect(source.ok ? "" : source.error.join()).toContain("leaf.key holds no private key");
  });
});
