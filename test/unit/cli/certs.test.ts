import { X509Certificate } from "node:crypto";
import { readFile, rm, stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { certsCommand } from "../../../src/cli/certs.ts";
import { runCommand } from "../../support/run-command.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const certs = (argv: readonly string[]) => runCommand(argv, { commands: [certsCommand] });

const certificateIn = async (path: string): Promise<X509Certificate> => new X509Certificate(await readFile(path));

describe("sallyport certs", () => {
  it("makes an authority and a leaf for this machine, and says what it wrote", async () => {
    await using directory = await temporaryDirectory();
    const { code, stdout, stderr } = await certs(["certs", "--out", directory.file("certs")]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const name of ["ca.pem", "gateway.pem", "gateway.key"]) expect(stdout).toContain(directory.file(`certs/${name}`));
    const [ca, leaf] = [
      await certificateIn(directory.file("certs/ca.pem")),
      await certificateIn(directory.file("certs/gateway.pem")),
    ];
    expect(leaf.checkIssued(ca)).toBe(true);
    expect([leaf.checkHost("localhost"), leaf.checkIP("127.0.0.1"), leaf.checkIP("::1")]).not.toContain(undefined);
    expect((await stat(directory.file("certs/gateway.key"))).mode & 0o777).toBe(0o600);
  });

  it("reuses the authority and takes names, addresses and a side", async () => {
    await using directory = await temporaryDirectory();
    await certs(["certs", "--out", directory.path]);
    const { stdout } = await certs([
      "certs",
      "--out",
      directory.path,
      "--name",
      "tenancy",
      "--dns",
      "a.example",
      "--dns",
      "b.example",
      "--ip",
      "192.0.2.1",
      "--server",
      "--json",
    ]);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({
      ca: { created: false },
      certificate: { usage: "server", dns: ["a.example", "b.example"], ip: ["192.0.2.1"] },
    });
    const leaf = await certificateIn(answer.certificate.cert_file);
    expect(leaf.subjectAltName).toBe("DNS:a.example, DNS:b.example, IP Address:192.0.2.1");
    expect(leaf.checkHost("localhost")).toBeUndefined();
  });

  it.each([
    [["--dns", "not a name"], '"not a name" is not a DNS name'],
    [["--ip", "1.2.3"], '"1.2.3" is not an IP address'],
    [["--name", "../x"], '"../x" is not a file name'],
  ])("refuses %j with exit code 1 and the reason", async (more, reason) => {
    await using directory = await temporaryDirectory();
    const { code, stdout, stderr } = await certs(["certs", "--out", directory.path, ...more]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(`error: ${reason}${reason.endsWith("file name") ? ": letters, digits, dot, dash and underscore" : ""}\n`);
  });

  it("does not replace an authority that is half there", async () => {
    await using directory = await temporaryDirectory();
    await certs(["certs", "--out", directory.path]);
    await rm(directory.file("ca.key"));
    const { code, stderr } = await certs(["certs", "--out", directory.path]);
    expect(code).toBe(1);
    expect(stderr).toContain("ca.key cannot be read: ENOENT");
  });
});
