import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { findPython } from "./start-python.ts";

/** A service of another implementation: `/t.T/Echo` answers what it is sent, `/t.T/Hold` the same once it is released. */
export interface PeerService extends AsyncDisposable {
  readonly port: number;
  /** Held calls that began, and those whose caller gave up. */
  readonly began: number;
  readonly gaveUp: number;
  release(): void;
  /** Says goodbye: no new calls, those under way finish. */
  drain(): void;
}

/** How a call of a peer ended: a code of gRPC, and the answer where there is one. */
export interface PeerOutcome {
  readonly code: number;
  readonly bytes: number;
  /** The answer is what was sent. */
  readonly same: boolean;
}

/** One call of a peer. */
export interface PeerCall {
  readonly method: string;
  readonly message: Buffer;
  readonly deadlineMs?: number;
  readonly cancelAfterMs?: number;
}

/** A client of another implementation. */
export interface PeerClient extends AsyncDisposable {
  call(call: PeerCall): Promise<PeerOutcome>;
}

/** An implementation of gRPC that is not ours. */
export interface PeerImplementation {
  readonly name: string;
  serve(port?: number): Promise<PeerService>;
  client(port: number): Promise<PeerClient>;
}

const python = await findPython();

/** Why Python's peers are left out; undefined where they are not. */
export const NO_PYTHON = python === undefined ? "no Python with gRPC; apt-get install python3-grpcio" : undefined;

/** grpc-js, and gRPC's C core by way of Python where it is installed. */
export const PEERS: readonly PeerImplementation[] = [
  { name: "grpc-js", serve: serveGrpcJs, client: async (port) => grpcJsClient(port) },
  ...(python === undefined
    ? []
    : [{ name: "Python", serve: (port = 0) => servePython(python, port), client: (port: number) => pythonClient(python, port) }]),
];

const asIs = (bytes: Buffer): Buffer => bytes;
const UNLIMITED = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

type Call = ServerUnaryCall<Buffer, Buffer>;
type Done = sendUnaryData<Buffer>;

async function serveGrpcJs(port = 0): Promise<PeerService> {
  const server = new Server(UNLIMITED);
  let began = 0;
  let gaveUp = 0;
  const held = new Set<() => void>();
  const coding = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  const unary = (name: string) => ({ path: `/t.T/${name}`, requestStream: false, responseStream: false, ...coding });
  server.addService(
    { Echo: unary("Echo"), Hold: unary("Hold") },
    {
      Echo: (call: Call, done: Done) => done(null, call.request),
      Hold: (call: Call, done: Done) => {
        const finish = (): void => done(null, call.request);
        began += 1;
        held.add(finish);
        call.once("cancelled", () => {
          if (held.delete(finish)) gaveUp += 1;
        });
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    ),
  );
  return {
    port: bound,
    get began() {
      return began;
    },
    get gaveUp() {
      return gaveUp;
    },
    release() {
      for (const finish of held) finish();
      held.clear();
    },
    drain: () => server.tryShutdown(() => {}),
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

function grpcJsClient(port: number): PeerClient {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    ...UNLIMITED,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 500,
  });
  return {
    call: ({ method, message, deadlineMs = 10_000, cancelAfterMs }) =>
      new Promise((resolve) => {
        const metadata = new Metadata({ waitForReady: true });
        const options = { deadline: Date.now() + deadlineMs };
        const call = client.makeUnaryRequest(method, asIs, asIs, message, metadata, options, (error, answer) =>
          resolve({ code: error?.code ?? 0, bytes: answer?.length ?? 0, same: answer?.equals(message) ?? false }),
        );
        if (cancelAfterMs !== undefined) setTimeout(() => call.cancel(), cancelAfterMs);
      }),
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

const PEER = fileURLToPath(new URL("python/grpc_peer.py", import.meta.url));

/** A Python peer as a process, and the lines it says. */
function startPython(program: string, mode: "serve" | "call", port: number) {
  const child = spawn(program, [PEER, mode, `${port}`], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(child, "close");
  return {
    lines: createInterface(child.stdout),
    write: (line: string) => void child.stdin.write(`${line}\n`),
    end: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

async function servePython(program: string, port: number): Promise<PeerService> {
  const { lines, write, end } = startPython(program, "serve", port);
  let began = 0;
  let gaveUp = 0;
  const [first] = await once(lines, "line");
  const listening: { readonly port: number } = JSON.parse(String(first));
  lines.on("line", (line) => {
    if (line.includes('"began"')) began += 1;
    if (line.includes('"gave-up"')) gaveUp += 1;
  });
  return {
    port: listening.port,
    get began() {
      return began;
    },
    get gaveUp() {
      return gaveUp;
    },
    release: () => write("release"),
    drain: () => write("drain"),
    [Symbol.asyncDispose]: end,
  };
}

async function pythonClient(program: string, port: number): Promise<PeerClient> {
  const { lines, write, end } = startPython(program, "call", port);
  const waiting = new Map<number, (outcome: PeerOutcome) => void>();
  let calls = 0;
  lines.on("line", (line) => {
    const { id, ...outcome }: PeerOutcome & { readonly id: number } = JSON.parse(line);
    waiting.get(id)?.(outcome);
    waiting.delete(id);
  });
  return {
    call: ({ method, message, deadlineMs = 10_000, cancelAfterMs }) =>
      new Promise((resolve) => {
        calls += 1;
        waiting.set(calls, resolve);
        const what = message.length > 4096 ? { bytes: message.length } : { message: message.toString("base64") };
        const cancelSeconds = cancelAfterMs === undefined ? null : cancelAfterMs / 1000;
        write(JSON.stringify({ id: calls, method, ...what, seconds: deadlineMs / 1000, waits: true, cancelSeconds }));
      }),
    [Symbol.asyncDispose]: end,
  };
}
