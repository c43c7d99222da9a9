import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import type { CallOutcome, Timers } from "@sallyport/lean-grpc/calls.ts";
import { ClientChannel, type ChannelTerms } from "@sallyport/lean-grpc/client-channel.ts";
import { FRAME, type FrameHead } from "@sallyport/lean-grpc/frame.ts";
import { FrameReader } from "@sallyport/lean-grpc/frame-reader.ts";
import { GrpcServer, type MethodHandler, type ServerTerms } from "@sallyport/lean-grpc/server.ts";
import { systemClock } from "../../../src/adapters/system/clock.ts";

/** A server of ours on a port of its own, and its end. */
export async function leanServer(
  methods: Readonly<Record<string, MethodHandler>>,
  { port: wanted = 0, ...terms }: Partial<ServerTerms> & { readonly port?: number } = {},
  path?: string,
): Promise<{ readonly server: GrpcServer; readonly port: number } & Disposable> {
  const server = new GrpcServer({
    methods: new Map(Object.entries(methods)),
    limits: { maxStreams: 100, maxMessageBytes: 4 * 1024 * 1024 },
    maxConnections: 100,
    tls: undefined,
    timers: systemClock(),
    onFault: () => {},
    ...terms,
  });
  const port = await server.listen(path === undefined ? { host: "127.0.0.1", port: wanted } : { path });
  return { server, port, [Symbol.dispose]: () => server.destroy() };
}

/** A channel of ours, what became of it, and promises for its calls. */
export function leanChannel(
  port: number,
  terms: Partial<ChannelTerms> & { readonly timers?: Timers; readonly onFault?: (thrown: unknown) => void } = {},
): LeanClient {
  const events: string[] = [];
  const channel = new ClientChannel(
    {
      address: { kind: "tcp", host: "127.0.0.1", port },
      tls: undefined,
      guard: undefined,
      authority: "service.test",
      userAgent: "test",
      maxMessageBytes: 1024 * 1024,
      ...terms,
    },
    terms.timers ?? systemClock(),
    {
      onFault: terms.onFault ?? ((thrown) => events.push(`fault: ${String(thrown)}`)),
      onReady: () => events.push("ready"),
      onLost: () => events.push("lost"),
      onRefused: (reason) => events.push(`refused: ${reason}`),
    },
  );
  return {
    channel,
    events,
    call: (method, message = Buffer.alloc(0)) =>
      new Promise((resolve) => channel.unary({ method, message, metadata: [] }, 5_000, resolve)),
    [Symbol.dispose]: () => channel.close(),
  };
}

export interface LeanClient extends Disposable {
  readonly channel: ClientChannel;
  readonly events: readonly string[];
  call(method: string, message?: Buffer): Promise<CallOutcome>;
}

/** A peer that says exactly what the test says: for each connection `begin` gets the socket, and `onFrame` each frame that arrives. */
export async function scriptedServer(
  script: (frame: FrameHead, payload: Buffer, socket: Socket) => void,
  prefaceBytes = 24,
): Promise<{ readonly port: number; readonly sockets: readonly Socket[] } & Disposable> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    let toSkip = prefaceBytes;
    const reader = new FrameReader((head, payload) => script(head, payload, socket));
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const skipped = Math.min(toSkip, chunk.length);
      toSkip -= skipped;
      reader.push(chunk.subarray(skipped));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // a server bound to an address has one
  const { port } = server.address() as AddressInfo;
  return {
    port,
    sockets,
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A client that sends raw bytes, and every frame it was sent until the connection ended or `enough` says so. */
export async function rawExchange(
  port: number,
  bytes: Buffer,
  enough: (frames: readonly ReadFrame[]) => boolean = () => false,
): Promise<RawOutcome> {
  const socket = connect(port, "127.0.0.1");
  const frames: ReadFrame[] = [];
  const reader = new FrameReader((head, payload) => frames.push({ ...head, payload: Buffer.from(payload) }));
  socket.on("error", () => {});
  socket.write(bytes);
  return new Promise((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      if (!enough(frames)) return;
      socket.destroy();
      resolve({ frames, ended: false });
    });
    socket.on("close", () => resolve({ frames, ended: true }));
  });
}

export interface ReadFrame extends FrameHead {
  readonly payload: Buffer;
}

export interface RawOutcome {
  readonly frames: readonly ReadFrame[];
  /** By the server. */
  readonly ended: boolean;
}

/** The error code of the last GOAWAY; undefined without one. */
export const goawayCode = (frames: readonly ReadFrame[]): number | undefined =>
  frames.findLast(({ type }) => type === FRAME.GOAWAY)?.payload.readUInt32BE(4);
