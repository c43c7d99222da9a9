import { X509Certificate } from "node:crypto";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listening, sallyport, startSallyport, type RunningSallyport } from "../support/start-sallyport.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const valid = (upstream = "http://127.0.0.1:9000", label = "one"): string => `version: 1
listeners: [{ name: public, address: "127.0.0.1:0" }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
upstreams: { echo: { endpoints: ["${upstream}"] } }
routes:
  - { name: orders, match: { path: /v1/orders/** }, authenticate: [anonymous], upstream: echo, labels: { build: ${label} } }
`;

/** Ten mistakes, none of the same kind. */
const TEN_MISTAKES = `version: 2
listeners:
  - { name: public, address: 127.0.0.1 }
drain: 30
upstreams:
  orders: { endpoints: ["http://127.0.0.1:9000/v1"] }
  billing: { endpoints: ["\${BILLING_URL}"] }
authenticators:
  ops: { type: static-token, token_file: no-such.token, principal: { id: ops } }
routes:
  - { name: orders, match: { path: /v1/**/orders }, authenticate: [ops], upstream: orders }
  - { name: open, match: { path: /open/** }, authenticate: [], upstream: orders }
  - { name: bills, match: { path: /v1/bills }, authenticate: [anonymous], upstream: orders, max_body_byte: 1KiB }
  - { name: refunds, match: { path: /v1/refunds }, authenticate: [anonymous], upstream: refund }
`;

const TEN_PLACES = [
  ["1:10", "/version", "expected 1"],
  ["3:30", "/listeners/0/address", "expected"],
  ["4:8", "/drain", "duration"],
  ["6:25", "/upstreams/orders/endpoints/0", "http://127.0.0.1:9000"],
  ["7:26", "/upstreams/billing/endpoints/0", "BILLING_URL"],
  ["9:42", "/authenticators/ops/token_file", "ENOENT"],
  ["11:36", "/routes/0/match/path", "**"],
  ["12:60", "/routes/1/authenticate", "[anonymous]"],
  ["13:93", "/routes/2/max_body_byte", "did you mean max_body_bytes?"],
  ["14:89", "/routes/3/upstream", "refund"],
] as const;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
const at = () => ({ cwd: directory.path });

beforeAll(async () => {
  directory = await temporaryDirectory();
  await writeFile(directory.file("valid.yaml"), valid());
  await writeFile(directory.file("mistakes.yaml"), TEN_MISTAKES);
});

afterAll(() => directory?.[Symbol.asyncDispose]());

describe("sallyport check", () => {
  it("lists ten different mistakes with their places, and ends with 1", async () => {
    const { code, stdout } = await sallyport(["check", "mistakes.yaml"], at());
    expect(code).toBe(1);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.at(-1)).toBe("mistakes.yaml: 10 problems");
    expect(lines.slice(0, -1).map((line) => /^mistakes\.yaml:(\d+:\d+): (\/\S*): /.exec(line)?.slice(1))).toEqual(
      TEN_PLACES.map(([place, pointer]) => [place, pointer]),
    );
    for (const [index, [, , said]] of TEN_PLACES.entries()) expect(lines[index]).toContain(said);
  });

  it("says the same as JSON", async () => {
    const { code, stdout, stderr } = await sallyport(["check", "mistakes.yaml", "--json"], at());
    const { issues } = JSON.parse(stdout) as {
      readonly issues: readonly { readonly line: number; readonly column: number; readonly pointer: string }[];
    }; // check.ts writes it
    expect([code, stderr]).toEqual([1, ""]);
    expect(issues.map(({ line, column, pointer }) => [`${line}:${column}`, pointer])).toEqual(
      TEN_PLACES.map(([place, pointer]) => [place, pointer]),
    );
  });

  it("ends with 0 where there is nothing to say", async () => {
    expect(await sallyport(["check", "valid.yaml"], at())).toEqual({ code: 0, stdout: "valid.yaml: no problems\n", stderr: "" });
  });
});

describe("a wrong command line", () => {
  it.each([
    ["an unknown command", ["chekc", "valid.yaml"]],
    ["no file", ["run"]],
  ])("(%s) ends with 2 and says so on standard error", async (_what, argv) => {
    const { code, stdout, stderr } = await sallyport(argv, at());
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/error:|Usage:/);
  });
});

describe("sallyport plan", () => {
  it("shows the plan, as text and as JSON, and what differs from another file", async () => {
    await writeFile(directory.file("other.yaml"), valid().replace("/v1/orders/**", "/v2/orders/**"));
    const text = await sallyport(["plan", "valid.yaml"], at());
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^revision [0-9a-f]{12}\n/);
    expect(text.stdout).toContain("route orders: /v1/orders/** -> echo, authenticate anonymous");
    const json = await sallyport(["plan", "valid.yaml", "--json"], at());
    expect(JSON.parse(json.stdout)).toMatchObject({
      revision: expect.stringMatching(/^[0-9a-f]{12}$/),
      routes: [{ name: "orders", labels: { build: "one" } }],
    });
    const diff = await sallyport(["plan", "other.yaml", "--diff", "valid.yaml"], at());
    expect(diff.code).toBe(0);
    expect(diff.stdout).toBe("route orders: path: /v1/orders/** -> /v2/orders/**\n");
    expect((await sallyport(["plan", "valid.yaml", "--diff", "valid.yaml"], at())).stdout).toBe("no difference\n");
  });

  it("ends with 1 and the issues where there is none", async () => {
    const { code, stdout, stderr } = await sallyport(["plan", "mistakes.yaml"], at());
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.match(/mistakes\.yaml:\d+:\d+: /g)).toHaveLength(10);
  });
});

describe("sallyport certs", () => {
  it("makes certificates a gateway can be run with, without any other program", async () => {
    const { code, stdout } = await sallyport(["certs", "--out", "certs", "--name", "edge", "--server", "--json"], {
      ...at(),
      env: { PATH: "/nonexistent" },
    });
    expect(code).toBe(0);
    const { ca, certificate } = JSON.parse(stdout) as {
      readonly ca: { readonly cert_file: string };
      readonly certificate: { readonly cert_file: string; readonly key_file: string };
    }; // certs.ts writes it
    const [authority, leaf] = [
      await readFile(directory.file(ca.cert_file)),
      await readFile(directory.file(certificate.cert_file)),
    ].map((pem) => new X509Certificate(pem));
    expect(leaf?.verify(authority!.publicKey)).toBe(true);
    expect((await stat(directory.file(certificate.key_file))).mode & 0o777).toBe(0o600);
    const tls = valid().replace(
      'address: "127.0.0.1:0" }]',
      `address: "127.0.0.1:0", tls: { certs: [{ cert_file: ${certificate.cert_file}, key_file: ${certificate.key_file} }] } }]`,
    );
    await writeFile(directory.file("tls.yaml"), tls);
    await using gateway = startSallyport(["run", "tls.yaml", "--json"], at());
    expect((await listening(gateway)).url).toMatch(/^https:/);
  });
});

describe("sallyport run", () => {
  it("ends with 1 and every issue at its place where the configuration is broken", async () => {
    const { code, stdout, stderr } = await sallyport(["run", "mistakes.yaml"], at());
    expect([code, stdout]).toEqual([1, ""]);
    for (const [place, pointer] of TEN_PLACES) expect(stderr).toContain(`mistakes.yaml:${place}: ${pointer}: `);
  });

  it.each([
    ["a file that is not there", "absent.yaml", undefined, /absent\.yaml.*ENOENT|absent\.yaml.*does not exist/],
    [
      "a certificate that is not there",
      "no-cert.yaml",
      valid().replace(
        'address: "127.0.0.1:0" }]',
        'address: "127.0.0.1:0", tls: { certs: [{ cert_file: no.pem, key_file: no.key }] } }]',
      ),
      /no\.pem/,
    ],
    [
      "an address that is taken",
      "taken.yaml",
      valid().replace(
        'name: public, address: "127.0.0.1:0"',
        'name: one, address: "127.0.0.1:0" }, { name: public, address: "192.0.2.1:1"',
      ),
      /listener public cannot listen: .*EADDRNOTAVAIL/,
    ],
  ])("ends with 1 and the reason: %s", async (_what, file, text, reason) => {
    if (text !== undefined) await writeFile(directory.file(file), text);
    const { code, stderr } = await sallyport(["run", file], at());
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("greets in six lines at most, and logs nothing but JSON on standard output", async () => {
    await using gateway = startSallyport(["run", "valid.yaml"], at());
    await gateway.until(({ stderr }) => /^ {2}ready$/m.test(stderr));
    expect(gateway.stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(6);
    expect(gateway.stderr).toMatch(/gateway {2}http:\/\/127\.0\.0\.1:\d+ \(public\)/);
    gateway.signal("SIGINT");
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    for (const line of gateway.stdout.trimEnd().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), event: expect.any(String) });
  });
});

describe("sallyport healthcheck and reload", () => {
  let upstream: TestUpstream;
  let gateway: RunningSallyport;
  let admin: string;

  beforeAll(async () => {
    upstream = await startUpstream();
    await writeFile(directory.file("live.yaml"), valid(upstream.url));
    gateway = startSallyport(["run", "live.yaml", "--json"], at());
    admin = (await listening(gateway)).adminUrl.replace("http://", "");
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  const reload = (...more: string[]) => sallyport(["reload", admin, "--token-file", "admin-token", ...more], at());

  const replace = async (text: string): Promise<void> => {
    await writeFile(directory.file("live.yaml.new"), text);
    await rename(directory.file("live.yaml.new"), directory.file("live.yaml"));
  };

  it("find a running gateway ready, by argument and by environment", async () => {
    expect(await sallyport(["healthcheck", admin], at())).toEqual({ code: 0, stdout: "ready\n", stderr: "" });
    expect((await sallyport(["healthcheck"], { ...at(), env: { SALLYPORT_ADMIN__ADDRESS: admin } })).code).toBe(0);
  });

  it("take up a good file, refuse a broken one with its issues, and need the token", async () => {
    await replace(valid(upstream.url, "two"));
    expect(await reload()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/revision [0-9a-f]{12} (is|stays) in force\n$/),
    });
    await replace(`${valid(upstream.url, "three")}no_such_key: 1\n`);
    const rejected = await reload();
    expect([rejected.code, rejected.stdout]).toEqual([
      1,
      expect.stringMatching(/^rejected for 1 issue: revision [0-9a-f]{12} stays in force\n$/),
    ]);
    expect(rejected.stderr).toMatch(/^live\.yaml:8:1: \/no_such_key: unknown key/);
    await writeFile(directory.file("wrong-token"), "0123456789abcdef0123456789abcdef\n");
    const refused = await sallyport(["reload", admin, "--token-file", "wrong-token"], at());
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("401")]);
  });

  it("say so when nobody is there any more", async () => {
    gateway.signal("SIGTERM");
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(await sallyport(["healthcheck", admin], at())).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("ECONNREFUSED"),
    });
  });
});
