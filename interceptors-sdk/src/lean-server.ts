import { type SecureContextOptions, TLSSocket } from "node:tls";
import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import { GrpcServer, type MethodHandler } from "@sallyport/lean-grpc/server.ts";
import type { ServerStream } from "@sallyport/lean-grpc/server-stream.ts";
import type { RpcServer, RpcServerTerms, RpcStatus, StreamCall, TlsMaterial, UnaryCall } from "./rpc-server.ts";
import { systemTimers } from "./system-timers.ts";

/** Gateways are few, and each takes one or two connections. */
const MAX_CONNECTIONS = 1024;

/** Serves over our own HTTP/2. */
export function leanServer({ methods, tls, maxMessageBytes, maxStreams, onFault }: RpcServerTerms): RpcServer {
  const table = new Map<string, MethodHandler>();
  for (const [path, answer] of methods.unary) table.set(path, (stream, message) => answer(new LeanCall(stream, message)));
  for (const [path, answer] of methods.streaming) table.set(path, (stream, message) => answer(new LeanCall(stream, message)));
  const server = new GrpcServer({
    methods: table,
    limits: { maxStreams, maxMessageBytes },
    maxConnections: MAX_CONNECTIONS,
    // explicit: NODE_TLS_REJECT_UNAUTHORIZED must not switch trust off
    tls: tls && { ...contextOf(tls), requestCert: tls.ca !== undefined, rejectUnauthorized: tls.ca !== undefined },
    timers: systemTimers,
    onFault,
  });
  return {
    listen: (address) => server.listen(address),
    renewTls: (material) => server.renewTls(contextOf(material)),
    drain: () => server.drain(),
    destroy: () => server.destroy(),
  };
}

const contextOf = ({ ca, cert, key }: TlsMaterial): SecureContextOptions => ({ cert, key, ...(ca && { ca }) });

class LeanCall implements UnaryCall, StreamCall {
  readonly request: Uint8Array;
  readonly endsAtMs: number;
  readonly #stream: ServerStream;
  #onSent: (() => void)[] | undefined;

  constructor(stream: ServerStream, request: Uint8Array) {
    this.#stream = stream;
    this.request = request;
    this.endsAtMs = stream.timeMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + stream.timeMs;
  }

  get method(): string {
    return this.#stream.method;
  }

  get connection(): object {
    return this.#stream.socket;
  }

  get isCancelled(): boolean {
    return this.#stream.isCancelled;
  }

  alternativeNames(): string | undefined {
    const { socket } = this.#stream;
    return socket instanceof TLSSocket ? socket.getPeerCertificate().subjectaltname : undefined;
  }

  authorization(): readonly string[] {
    return this.#stream.fields.flatMap(([name, value]) => (name === "authorization" ? [value] : []));
  }

  onCancel(listener: () => void): void {
    this.#stream.onCancel(listener);
  }

  reply(message: Uint8Array): void {
    this.#stream.answer(message);
  }

  fail(status: RpcStatus): void {
    this.#stream.end(status);
  }

  begin(): void {
    this.#stream.begin();
  }

  send(message: Uint8Array, onSent: () => void): void {
    if (this.#stream.send(message)) return onSent();
    this.#onSent ??= this.#toldWhenDrained();
    this.#onSent.push(onSent);
  }

  end(): void {
    this.#stream.end({ code: STATUS.OK, details: "" });
  }

  reset(): void {
    this.#stream.reset();
  }

  #toldWhenDrained(): (() => void)[] {
    this.#stream.onDrain(() => {
      for (const onSent of this.#onSent?.splice(0) ?? []) onSent();
    });
    return [];
  }
}
