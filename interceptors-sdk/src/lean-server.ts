import { type SecureContextOptions, TLSSocket } from "node:tls";
import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import { GrpcServer, type MethodHandler } from "@sallyport/lean-grpc/server.ts";
import type { ServerStream } from "@sallyport/lean-grpc/server-stream.ts";
import type { RpcCaller, RpcServer, RpcServerTerms, RpcStatus, StreamCall, TlsMaterial, UnaryCall } from "./rpc-server.ts";
import { systemTimers } from "./system-timers.ts";

/** Gateways are few, and each takes one or two connections. */
const MAX_CONNECTIONS = 1024;

/** Serves over our own HTTP/2. */
export function leanServer({ methods, door, tls, maxStreams, onFault, ...bounds }: RpcServerTerms): RpcServer {
  const { maxMessageBytes, maxUnfinishedBytes, arrivalMs } = bounds;
  const table = new Map<string, MethodHandler>();
  for (const [path, answer] of methods.unary) table.set(path, (stream, message) => answer(new LeanCall(stream, message)));
  for (const [path, answer] of methods.streaming) table.set(path, (stream, message) => answer(new LeanCall(stream, message)));
  const server = new GrpcServer({
    methods: table,
    door: (stream) => door(new LeanCaller(stream)),
    limits: {
      maxStreams,
      maxMessageBytes,
      ...(maxUnfinishedBytes !== undefined && { maxUnfinishedBytes }),
      ...(arrivalMs !== undefined && { arrivalMs }),
    },
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

class LeanCaller implements RpcCaller {
  protected readonly stream: ServerStream;

  constructor(stream: ServerStream) {
    this.stream = stream;
  }

  get method(): string {
    return this.stream.method;
  }

  get connection(): object {
    return this.stream.socket;
  }

  alternativeNames(): string | undefined {
    const { socket } = this.stream;
    return socket instanceof TLSSocket ? socket.getPeerCertificate().subjectaltname : undefined;
  }

  authorization(): readonly string[] {
    return this.stream.fields.flatMap(([name, value]) => (name === "authorization" ? [value] : []));
  }
}

class LeanCall extends LeanCaller implements UnaryCall, StreamCall {
  readonly request: Uint8Array;
  #onSent: (() => void)[] | undefined;

  constructor(stream: ServerStream, request: Uint8Array) {
    super(stream);
    this.request = request;
  }

  get endsAtMs(): number {
    return this.stream.endsAtMs;
  }

  get isCancelled(): boolean {
    return this.stream.isCancelled;
  }

  onCancel(listener: () => void): void {
    this.stream.onCancel(listener);
  }

  reply(message: Uint8Array): void {
    this.stream.answer(message);
  }

  fail(status: RpcStatus): void {
    this.stream.end(status);
  }

  begin(): void {
    this.stream.begin();
  }

  send(message: Uint8Array, onSent: () => void): void {
    if (this.stream.send(message)) return onSent();
    this.#onSent ??= this.#toldWhenDrained();
    this.#onSent.push(onSent);
  }

  end(): void {
    this.stream.end({ code: STATUS.OK, details: "" });
  }

  reset(): void {
    this.stream.reset();
  }

  #toldWhenDrained(): (() => void)[] {
    this.stream.onDrain(() => {
      for (const onSent of this.#onSent?.splice(0) ?? []) onSent();
    });
    return [];
  }
}
