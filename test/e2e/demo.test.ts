import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { send } from "../support/http-client.ts";
import { sallyport, startSallyport } from "../support/start-sallyport.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const isListening = async (port: number): Promise<boolean> => {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

/** Every port the demonstration's configuration names: gateway, admin, upstream and both interceptors. */
async function portsOf(directory: string): Promise<readonly number[]> {
  const config = await readFile(join(directory, "gateway.yaml"), "utf8");
  return [...config.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
}

interface Tried {
  readonly shows: string;
  readonly curl: string;
  readonly answer: readonly string[];
}

describe("sallyport demo", () => {
  it("shows four requests with what each returned, and stops with --once", async () => {
    await using directory = await temporaryDirectory();
    const { code, stdout, stderr } = await sallyport(["demo", "--once", "--json", "--dir", "demo"], { cwd: directory.path });
    expect([code, stderr]).toEqual([0, ""]);
    const tried = JSON.parse(stdout) as readonly Tried[]; // demo.ts writes it
    expect(tried.map(({ answer }) => answer[0])).toEqual([
      "HTTP/1.1 200 OK",
      "HTTP/1.1 403 Forbidden",
      "HTTP/1.1 429 Too Many Requests",
      "HTTP/1.1 200 OK",
    ]);
    const [allowed, denied, limited, health] = tried.map(({ answer }) => answer.join("\n"));
    expect(allowed).toMatch(/"x-verified-tenant":"acme".*"authorization":"\(none\)"/);
    expect(denied).toContain('"code":"tenant_mismatch"');
    expect(limited).toMatch(/^retry-after: \d+$/m);
    expect(limited).toContain('"code":"quota_exceeded"');
    expect(health).toMatch(/"status": "ready"/);
    for (const { curl } of tried) expect(curl).toMatch(/^(for n in .*do )?curl -s?i .*http:\/\/127\.0\.0\.1:\d+\//);
    for (const port of await portsOf(directory.file("demo"))) expect([port, await isListening(port)]).toEqual([port, false]);
  });

  it("stays until Ctrl-C, and then stops everything it started", async () => {
    await using directory = await temporaryDirectory();
    await using demo = startSallyport(["demo", "--dir", "demo"], { cwd: directory.path });
    await demo.until(({ stderr }) => stderr.includes("Ctrl-C stops everything"), 30_000);
    expect(demo.stdout).toContain("curl -i -H 'authorization: Bearer demo-key-of-alice'");
    const ports = await portsOf(directory.file("demo"));
    expect(ports).toHaveLength(5);
    for (const port of ports) expect([port, await isListening(port)]).toEqual([port, true]);
    const gateway = /open at (http:\/\/127\.0\.0\.1:\d+)/.exec(demo.stderr)?.[1] ?? "";
    const headers = { authorization: "Bearer demo-key-of-alice", "x-tenant-id": "acme" };
    expect((await send(`${gateway}/v1/orders/1`, { headers })).status).toBe(200);

    demo.signal("SIGINT");
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    for (const port of ports) expect([port, await isListening(port)]).toEqual([port, false]);
  });
});
