import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readCommand } from "../../../conformance/src/command-line.ts";
import {
  ALL_CASES,
  type CaseReport,
  caseLines,
  jsonReport,
  serviceAddress,
  summaryLine,
} from "../../../conformance/src/index.ts";
import { RESERVED_CODES } from "../../../conformance/src/reserved-codes.ts";
import { strangerCertificate } from "../../../conformance/src/stranger-certificate.ts";
import { PROBLEMS } from "../../../src/model/problem.ts";
import { textOf } from "../../support/source-tree.ts";

const read = (...argv: readonly string[]) => readCommand(argv, (path) => Promise.resolve(`text of ${path}`));

const TLS = ["--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key"];

describe("the cases", () => {
  it("are many, and each has a name of its own", () => {
    const names = ALL_CASES.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(40);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
  });

  it("cite a section or rule that RFC.md has", () => {
    const rfc = textOf("RFC.md");
    const has = (rule: string): boolean =>
      new RegExp(rule.startsWith("§") ? `^#{2,3} ${rule.slice(1)} ` : `^\\*\\*${rule} `, "m").test(rfc);
    expect(ALL_CASES.map(({ rule }) => rule).filter((rule) => !has(rule))).toEqual([]);
  });

  it("know the codes that are the gateway's own", () => {
    expect([...RESERVED_CODES].toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
  });
});

describe("an address", () => {
  it.each([
    ["grpcs://localhost:7443", { scheme: "grpcs", host: "localhost", port: 7443 }],
    ["grpc://[::1]:1", { scheme: "grpc", host: "::1", port: 1 }],
  ])("is read from %s", (text, address) => {
    expect(serviceAddress(text)).toEqual({ ok: true, value: address });
  });

  it.each([
    "",
    "localhost:7443",
    "https://localhost:7443",
    "grpcs://localhost",
    "grpcs://localhost:0",
    "grpcs://localhost:70000",
    "grpcs://a:1/b",
  ])("is not read from %j", (text) => {
    expect(serviceAddress(text).ok).toBe(false);
  });
});

describe("a command line", () => {
  it("says where the service is and how to be believed there", async () => {
    const command = await read(
      "--target",
      "grpcs://naming.test:7443",
      ...TLS,
      "--server-name",
      "naming",
      "--binding",
      "a",
      "--binding",
      "b",
    );
    expect(command).toMatchObject({
      ok: true,
      value: {
        kind: "run",
        isJson: false,
        options: {
          address: { host: "naming.test", port: 7443 },
          tls: { ca: "text of ca.pem", pair: { cert: "text of gw.pem", key: "text of gw.key" } },
          serverName: "naming",
          bindings: ["a", "b"],
          reviewMs: 5000,
        },
      },
    });
  });

  it("takes the operator's configs as JSON, kept as written", async () => {
    const command = await read("--target", "grpcs://a:1", ...TLS, "--config", 'check={"a":1.0, "b":"x=y"}');
    expect(command.ok && command.value.kind === "run" && command.value.options.configs.get("check")).toBe('{"a":1.0, "b":"x=y"}');
  });

  it.each([
    ["no address", [], "--target is missing"],
    ["an address that is none", ["--target", "here"], "no address"],
    ["the clear without permission", ["--target", "grpc://a:1"], "--allow-insecure"],
    ["no authority", ["--target", "grpcs://a:1"], "--ca is missing"],
    ["no certificate and no token", ["--target", "grpcs://a:1", "--ca", "ca.pem"], "--cert and --key are missing"],
    ["a certificate without its key", ["--target", "grpcs://a:1", "--ca", "ca.pem", "--cert", "gw.pem"], "go together"],
    ["a config that is no JSON", ["--target", "grpcs://a:1", ...TLS, "--config", "a={"], "no JSON"],
    ["a config for nobody", ["--target", "grpcs://a:1", ...TLS, "--config", "{}"], "ID=JSON"],
    ["half of what signing takes", ["--target", "grpcs://a:1", ...TLS, "--jwt-kid", "k"], "go together"],
    ["a group of processes", ["--target", "grpcs://a:1", ...TLS, "--pid", "-1"], "argument"],
    ["no process", ["--target", "grpcs://a:1", ...TLS, "--pid", "0"], "--pid"],
    ["a case that is not there", ["--target", "grpcs://a:1", ...TLS, "--case", "nope"], 'no case "nope"'],
    ["a grant of time nobody gives", ["--target", "grpcs://a:1", ...TLS, "--timeout-ms", "1"], "--timeout-ms"],
    ["an unknown flag", ["--frob"], "--frob"],
  ])("with %s is refused, with the reason", async (_what, argv, reason) => {
    const command = await read(...argv);
    expect(command.ok ? "" : command.error).toContain(reason);
  });

  it("is refused when a file cannot be read", async () => {
    const command = await readCommand(["--target", "grpcs://a:1", ...TLS], () => Promise.reject(new Error("no such file")));
    expect(command).toEqual({ ok: false, error: "no such file" });
  });
});

describe("the stranger's certificate", () => {
  it("is a good certificate of nobody we know, and new each time", () => {
    const { cert, key } = strangerCertificate();
    const parsed = new X509Certificate(cert);
    expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.validFromDate.getTime()).toBeLessThan(Date.now());
    expect(parsed.validToDate.getTime()).toBeGreaterThan(Date.now());
    expect(strangerCertificate().cert).not.toBe(cert);
  });
});

describe("a report", () => {
  const failed: CaseReport = {
    name: "a-case",
    rule: "§4.1",
    requires: "it echoes",
    outcome: "fail",
    reason: "it does not",
    tookMs: 12,
  };
  const report = { address: "grpcs://a:1", service: "naming 1.0.0", conforms: false, cases: [failed] };

  it("shows people what was required, where, and what was found", () => {
    const lines = caseLines(failed, { isColoured: false });
    expect(lines).toContain("FAIL  a-case");
    expect(lines).toContain("required: it echoes (§4.1)");
    expect(lines).toContain("found:    it does not");
    expect(summaryLine(report)).toBe("0 passed, 1 failed, 0 skipped in 0.0 s: naming 1.0.0 at grpcs://a:1");
  });

  it("is one JSON document for programs", () => {
    expect(JSON.parse(jsonReport(report))).toMatchObject({
      conforms: false,
      cases: [{ name: "a-case", outcome: "fail", took_ms: 12 }],
    });
  });
});
