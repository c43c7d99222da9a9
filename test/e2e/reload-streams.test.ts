import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { changingDoors } from "../support/changing-doors.ts";
import { EveryClient } from "../support/every-client.ts";
import { startEveryUpstream } from "../support/every-upstream.ts";
import { freePort } from "../support/free-port.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

describe("fifty reloads that open, change and close listeners of every kind (R9)", () => {
  it("fail no request and cut no stream at the one that stays the same", async () => {
    await using upstream = await startEveryUpstream();
    await using sockets = await temporaryDirectory();
    const port = await freePort();
    const doors = await changingDoors(sockets.file("door.sock"));
    const config = (turn: number): string => `version: 1
listeners: [{ name: same, address: "127.0.0.1:${port}", protocols: [http1, h2c] }, ${doors.at(turn)}]
admin: { address: "127.0.0.1:0", token_file: admin-token }
trusted_proxies: { cidrs: [127.0.0.1/32] }
overload: { loop_delay: 5s }
drain: 500ms
${upstream.sections}`;
    await using gateway = await startGateway({ config: config(0), files: doors.files });
    const clients = new EveryClient(port);
    const revisions = new Set<string>();
    for (let turn = 1; turn <= 50; turn += 1) {
      const text = turn % 6 === 0 ? config(turn).replace("version: 1", "version: 2") : config(turn);
      await writeFile(gateway.configFile, text);
      const outcome = await gateway.running.reload("admin");
      // the file is watched as well: what it holds may be in force already
      expect(outcome.kind).toMatch(turn % 6 === 0 ? /^rejected$/ : /^(swapped|unchanged)$/);
      if (outcome.kind !== "rejected") revisions.add(outcome.revision);
    }
    const reports = await clients.stop();
    expect(reports.map(({ kind, failures, sentAway }) => [kind, failures, sentAway])).toEqual(
      reports.map(({ kind }) => [kind, [], 0]),
    );
    // limits change a listener and no route
    expect(revisions.size).toBe(4);
    expect(gateway.lines.filter(({ level, event }) => level === "error" && event !== "config_rejected")).toEqual([]);
  }, 120_000);
});
