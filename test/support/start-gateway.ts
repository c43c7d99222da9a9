import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ListenerCodec } from "../../src/adapters/inbound/listener-settings.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { systemIds } from "../../src/adapters/system/ids.ts";
import { pinoLog } from "../../src/adapters/telemetry/pino-log.ts";
import type { UpstreamClient } from "../../src/app/acquire-upstream.ts";
import { startGateway as start } from "../../src/app/gateway.ts";
import type { RunningGateway } from "../../src/app/running-gateway.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { speakHttp2To } from "./http2-client.ts";
import { codecUnderTest, http2UnderTest, upstreamClientUnderTest, withCodec, withHttp2 } from "./under-test.ts";

/** One line the gateway wrote. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string; readonly level: string };

/** A gateway in this process, over real sockets, with its configuration in a directory of its own. */
export interface TestGateway extends AsyncDisposable {
  readonly running: RunningGateway;
  /** `http://127.0.0.1:port` of the first listener. */
  readonly url: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly directory: string;
  readonly configFile: string;
  readonly lines: readonly LogLine[];
  /** Resolves with the first line, written already or not, that the test takes; rejects after `deadlineMs`. */
  lineWhere(wanted: (line: LogLine) => boolean, deadlineMs?: number): Promise<LogLine>;
  /** The access log lines. */
  exchanges(): readonly LogLine[];
}

/** What a test gateway starts with. */
export interface TestGatewayOptions {
  /** Everything below `version:`, listeners and admin; `defaults` fill in what a test does not care about. */
  readonly config: string;
  /** Files put beside the configuration before it is read: name to content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Puts the configuration to `path` otherwise than by writing it there. */
  readonly place?: (path: string, text: string) => Promise<void>;
  readonly strict?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Of every listener. */
  readonly codec?: ListenerCodec;
  readonly upstreamClient?: UpstreamClient;
}

/** One plain listener and an admin listener on free ports; put before a test's own sections. */
export const PREAMBLE = `version: 1
listeners: [{ name: public, address: "127.0.0.1:0" }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
log: { level: debug }
`;

/** The same, with HTTP/2 in clear text beside HTTP/1.1. */
export const H2C_PREAMBLE = PREAMBLE.replace('"127.0.0.1:0" }]', '"127.0.0.1:0", protocols: [http1, h2c] }]');

/** A whole configuration: the preamble comes before sections that do without. */
export const withPreamble = (config: string): string => (/^version:/m.test(config) ? config : PREAMBLE + config);

/** Starts a gateway; throws with every issue when it does not come up. */
export async function startGateway({
  config,
  files = {},
  place = writeFile,
  strict = false,
  env = {},
  codec = codecUnderTest(),
  upstreamClient = upstreamClientUnderTest(),
}: TestGatewayOptions): Promise<TestGateway> {
  const directory = await temporaryDirectory();
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory.path, name), content);
  const configFile = directory.file("gateway.yaml");
  await place(configFile, withHttp2(withCodec(withPreamble(config), codec)));
  const log = new LineCollector();
  const started = await start({
    configFile,
    env,
    strict,
    version: "0.0.0-test",
    clock: systemClock(),
    ids: systemIds(),
    upstreamClient,
    openLog: (level) => pinoLog({ level, destination: { line: (text) => log.take(text) } }),
  });
  if (!started.ok) {
    await directory[Symbol.asyncDispose]();
    throw new Error(`the gateway did not start:\n${started.error.join("\n")}`);
  }
  const running = started.value;
  const [door] = running.listeners;
  const url = `${door?.scheme}://127.0.0.1:${door?.port}`;
  if (http2UnderTest() && door?.scheme === "http") speakHttp2To(url);
  return {
    running,
    url,
    adminUrl: `http://127.0.0.1:${running.admin.port}`,
    adminToken: (await readFile(directory.file("admin-token"), "utf8")).trim(),
    directory: directory.path,
    configFile,
    lines: log.lines,
    lineWhere: (wanted, deadlineMs = 5_000) => log.lineWhere(wanted, deadlineMs),
    exchanges: () => log.lines.filter(({ event }) => event === "exchange"),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

class LineCollector {
  readonly lines: LogLine[] = [];
  readonly #waiting = new Set<(line: LogLine) => void>();

  take(text: string): void {
    for (const part of text.split("\n").filter((line) => line !== "")) {
      const line = JSON.parse(part) as LogLine; // our own log writes nothing else
      this.lines.push(line);
      for (const waiting of this.#waiting) waiting(line);
    }
  }

  lineWhere(wanted: (line: LogLine) => boolean, deadlineMs: number): Promise<LogLine> {
    const known = this.lines.find(wanted);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(
          new Error(
            `no such log line within ${deadlineMs} ms; last lines:\n${this.lines
              .slice(-10)
              .map((line) => JSON.stringify(line))
              .join("\n")}`,
          ),
        );
      }, deadlineMs);
      const look = (line: LogLine): void => {
        if (!wanted(line)) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
    });
  }
}
