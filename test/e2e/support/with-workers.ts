import { readFile, rename, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { oneConnection, send, type ClientAnswer } from "../../support/http-client.ts";
import { listening, startSallyport, type RunningSallyport } from "../../support/start-sallyport.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** A line of the log. */
type Line = Readonly<Record<string, unknown>>;

/** A `sallyport run` process with workers. */
export interface WithWorkers extends AsyncDisposable {
  readonly process: RunningSallyport;
  readonly url: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  /** Process ids of the workers that serve, by number. */
  pids(): ReadonlyMap<number, number>;
  /** Resolves when a line was written, or was already. */
  lineWhere(wanted: (line: Line) => boolean): Promise<Line>;
  /** A connection of its own that is kept open, and the worker that serves it. */
  connection(): Promise<Connection>;
  /** Saves the configuration anew, whole. */
  save(config: string): Promise<void>;
  /** Replaces a file of the configuration's directory, whole. */
  saveFile(name: string, text: string): Promise<void>;
  /** Asks an admin endpoint. */
  admin(path: string, options?: { readonly method?: string; readonly body?: string }): Promise<ClientAnswer>;
}

/** A client connection to one worker. */
export interface Connection {
  readonly worker: number;
  send(path: string): Promise<ClientAnswer>;
  close(): void;
}

/** What is put before a test's sections. */
const preamble = (workers: number, listener: string): string => `version: 1
workers: ${workers}
listeners: [{ name: public, address: "127.0.0.1:0"${listener} }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
`;

/** Starts one; `sections` is the configuration below listeners and admin, `listener` further keys of the one listener. */
export async function withWorkers(options: {
  readonly sections: string;
  readonly workers?: number;
  readonly listener?: string;
  readonly files?: Readonly<Record<string, string>>;
}): Promise<WithWorkers> {
  const { sections, workers = 2, listener = "", files = {} } = options;
  const directory = await temporaryDirectory();
  const write = async (name: string, text: string): Promise<void> => {
    await writeFile(directory.file(`${name}.new`), text);
    await rename(directory.file(`${name}.new`), directory.file(name));
  };
  const save = (config: string): Promise<void> => write("gateway.yaml", preamble(workers, listener) + config);
  for (const [name, text] of Object.entries(files)) await write(basename(name), text);
  await save(sections);
  const process = startSallyport(["run", "gateway.yaml", "--json"], { cwd: directory.path });
  const dispose = async (): Promise<void> => {
    await process[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  };
  try {
    const { url, adminUrl } = await listening(process);
    const adminToken = (await readFile(directory.file("admin-token"), "utf8")).trim();
    const running = new Running({ process, url, adminUrl, adminToken, save, write, dispose });
    await process.until(() => running.pids().size === workers);
    return running;
  } catch (error) {
    await dispose();
    throw error;
  }
}

interface Parts extends Pick<WithWorkers, "process" | "url" | "adminUrl" | "adminToken" | "save"> {
  readonly write: (name: string, text: string) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

class Running implements WithWorkers {
  readonly process: RunningSallyport;
  readonly url: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly #parts: Parts;
  #probes = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.process = parts.process;
    this.url = parts.url;
    this.adminUrl = parts.adminUrl;
    this.adminToken = parts.adminToken;
  }

  pids(): ReadonlyMap<number, number> {
    const started = this.process.lines().filter(({ event }) => event === "worker_started");
    return new Map(started.map((line) => [Number(line["worker"]), Number(line["worker_pid"])]));
  }

  async lineWhere(wanted: (line: Line) => boolean): Promise<Line> {
    await this.process.until(() => this.process.lines().some(wanted));
    return this.process.lines().find(wanted) ?? {};
  }

  async connection(): Promise<Connection> {
    const agent = oneConnection();
    this.#probes += 1;
    const path = `/probe/${this.#probes}`;
    await send(`${this.url}${path}`, { agent });
    const line = await this.lineWhere((each) => each["event"] === "exchange" && each["path"] === path);
    return {
      worker: Number(line["worker"]),
      send: (wanted) => send(`${this.url}${wanted}`, { agent }),
      close: () => agent.destroy(),
    };
  }

  save(config: string): Promise<void> {
    return this.#parts.save(config);
  }

  saveFile(name: string, text: string): Promise<void> {
    return this.#parts.write(name, text);
  }

  admin(
    path: string,
    { method = "GET", body }: { readonly method?: string; readonly body?: string } = {},
  ): Promise<ClientAnswer> {
    const headers = {
      authorization: `Bearer ${this.adminToken}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    return send(`${this.adminUrl}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.dispose();
  }
}

/** One connection to each of two workers, by worker. */
export async function oneToEach(gateway: WithWorkers): Promise<ReadonlyMap<number, Connection>> {
  const found = new Map<number, Connection>();
  for (let tries = 0; tries < 16 && found.size < 2; tries += 1) {
    const connection = await gateway.connection();
    if (found.has(connection.worker)) connection.close();
    else found.set(connection.worker, connection);
  }
  return found;
}

/** Whether a process of that id is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
