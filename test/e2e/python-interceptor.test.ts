import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { casesThat, conformanceOf } from "../support/conformance.ts";
import { send } from "../support/http-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { gatewayFiles, TLS } from "../support/start-interceptor.ts";
import { findPython, PYTHON_NAMING, startPythonNaming } from "../support/start-python.ts";
import { startUpstream } from "../support/start-upstream.ts";

const python = await findPython();
const needs = python === undefined ? " (skipped: no Python with gRPC; apt-get install python3-grpcio python3-protobuf)" : "";

describe.skipIf(python === undefined)(`the Python interceptor${needs}`, () => {
  const started = (port?: number) => startPythonNaming(python ?? "", port);

  it("conforms, and drains on SIGTERM", async () => {
    await using service = await started();
    const report = await conformanceOf(service.port, {
      configs: new Map([["check-name", '{"pattern":"[a-z-]{3,40}"}']]),
      pid: service.pid,
    });
    expect(casesThat("fail", report), service.written).toEqual([]);
    const skipped = casesThat("skip", report).map((line) => line.split(":")[0]);
    expect(skipped.filter((name) => !/^(token-|watch-several|restart-|keepalive-|verdict-re)/.test(name ?? ""))).toEqual([]);
  });

  it("gives the gateway its verdicts over mTLS: patches, denials, and what is not its business", async () => {
    await using service = await started();
    await using upstream = await startUpstream();
    await using gateway = await startGateway({
      strict: true,
      files: await gatewayFiles(),
      config: config(upstream.url, service.port),
    });
    const url = `${gateway.url}/v1/lamps`;
    const json = { "content-type": "application/json" };

    const tidied = await send(url, { headers: json, body: '{"price":1.0,"name":" Blue-Lamp ","id":12345678901234567890}' });
    expect(tidied.status).toBe(200);
    expect(upstream.seen.map(({ body }) => body.toString())).toEqual([
      '{"price":1.0,"name":"blue-lamp","id":12345678901234567890}',
    ]);

    for (const body of ['{"name":"x"}', '{"name":7}', "{}", "[]"]) {
      const denied = await send(url, { headers: json, body });
      expect(denied.status).toBe(422);
      expect(denied.json()).toMatchObject({
        code: "bad_name",
        detail: "name must match [a-z-]{3,40}",
        body: { pointer: "/name" },
      });
    }
    expect(upstream.seen).toHaveLength(1);

    expect((await send(url)).status).toBe(200);
    const [first] = gateway.exchanges();
    expect(JSON.stringify(first)).toContain("tidy-name");
    expect(JSON.stringify(gateway.exchanges().at(-1))).not.toContain("tidy-name");
  });

  it("fails closed while it is away, and serves the same gateway when it is back, described anew", async () => {
    await using upstream = await startUpstream();
    const before = await started();
    await using gateway = await startGateway({
      strict: true,
      files: await gatewayFiles(),
      config: config(upstream.url, before.port),
    });
    const ask = () =>
      send(`${gateway.url}/v1/lamps`, { headers: { "content-type": "application/json" }, body: '{"name":"lamp"}' });
    expect((await ask()).status).toBe(200);
    await before.stop();
    const away = await ask();
    expect([away.status, away.json()["code"]]).toEqual([503, "interceptor_unavailable"]);
    expect(upstream.seen).toHaveLength(1);
    await using after = await started(before.port);
    await gateway.lineWhere(
      ({ event, interceptor }) =>
        event === "interceptor_connected" &&
        interceptor === "naming" &&
        gateway.lines.filter((line) => line.event === event).length > 1,
      15_000,
    );
    // the first review may meet a service that was not described yet: that is what makes the gateway describe it
    const statuses: number[] = [];
    do statuses.push((await ask()).status);
    while (statuses.at(-1) !== 200 && statuses.length < 50);
    expect(statuses.at(-1), after.written).toBe(200);
  });

  it("has stubs of today's definitions", async () => {
    const definitions = await output(
      "buf",
      ["build", "--as-file-descriptor-set", "--exclude-source-info", "--output", "-#format=bin"],
      {
        cwd: fileURLToPath(new URL("../../proto", import.meta.url)),
      },
    );
    const said = await output(python ?? "", ["-c", COMPARE, `${PYTHON_NAMING}gen`], { input: definitions });
    expect(said.toString().trim(), "run examples/interceptors/python-naming/generate.sh").toBe("the same");
  });
});

const config = (upstreamUrl: string, port: number): string => `
upstreams: { main: { endpoints: ["${upstreamUrl}"] } }
routes: [{ name: lamps, match: { path: /v1/lamps }, authenticate: [anonymous], upstream: main }]
interceptors:
  - name: naming
    endpoint: grpcs://127.0.0.1:${port}
    tls: ${TLS}
    timeout: 5s
    bindings:
      - { id: tidy-name, phase: pre-route, mode: mutate }
      - { id: check-name, phase: pre-route, mode: validate, config: { pattern: "[a-z-]{3,40}" } }
`;

/** Compares the stubs' own descriptor with a FileDescriptorSet on standard input; JSON names are derived, and only buf writes them. */
const COMPARE = `
import sys
sys.path.insert(0, sys.argv[1])
from google.protobuf import descriptor_pb2
from sallyport.interceptor.v1 import interceptor_pb2
def plain(file):
    messages = list(file.message_type)
    while messages:
        message = messages.pop()
        messages.extend(message.nested_type)
        for field in message.field: field.ClearField("json_name")
    return file.SerializeToString(deterministic=True)
wanted = descriptor_pb2.FileDescriptorSet.FromString(sys.stdin.buffer.read()).file
found = descriptor_pb2.FileDescriptorProto()
interceptor_pb2.DESCRIPTOR.CopyToProto(found)
print("the same" if [plain(file) for file in wanted] == [plain(found)] else "stale")
`;

/** What a program writes; rejects when it fails. */
function output(
  program: string,
  argv: readonly string[],
  from: { readonly cwd?: string; readonly input?: Buffer },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { ...(from.cwd !== undefined && { cwd: from.cwd }), stdio: ["pipe", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(Buffer.concat(chunks)) : reject(new Error(`${program} ended with ${code}`)),
    );
    child.stdin.end(from.input);
  });
}
