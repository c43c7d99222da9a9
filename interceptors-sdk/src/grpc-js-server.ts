import type { EventEmitter } from "node:events";
import { constants } from "node:http2";
import {
  type ChannelOptions,
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import { RenewedCredentials } from "./grpc-js-credentials.ts";
import { admitted } from "./admitted.ts";
import type { RpcAddress, RpcServer, RpcServerTerms, RpcStatus, StreamCall, UnaryCall } from "./rpc-server.ts";

/** Serves over the general library, with which our own is compared. */
export function grpcJsServer(terms: RpcServerTerms): RpcServer {
  const server = new Server(channelOptions(terms));
  const renewed = terms.tls && new RenewedCredentials(terms.tls);
  server.addService(...serviceOf(terms));
  return {
    listen: (address) => bind(server, address, renewed ?? ServerCredentials.createInsecure()),
    renewTls: (material) => renewed?.renew(material),
    drain: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
    destroy: () => server.forceShutdown(),
  };
}

const channelOptions = ({ maxMessageBytes, maxStreams }: RpcServerTerms): ChannelOptions => ({
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_concurrent_streams": maxStreams,
  // a half-dead connection would otherwise look alive for ever
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // no "grpc.enable_channelz": 0 here: without it forceShutdown of 1.14.7 knows no connections, and a drain never ends
});

function bind(server: Server, address: RpcAddress, credentials: ServerCredentials): Promise<number> {
  const at = "path" in address ? `unix://${address.path}` : `${bracketed(address.host)}:${address.port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(at, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
}

const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host);

type Unary = ServerUnaryCall<Uint8Array, Uint8Array>;
type Streaming = ServerWritableStream<Uint8Array, Uint8Array>;

/** One table for all methods: the library keeps them by path, whatever service they are of. */
function serviceOf({ methods, door, onFault }: RpcServerTerms): [ServiceDefinition, UntypedServiceImplementation] {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const [path, answer] of methods.unary) {
    definition[path] = { path, requestStream: false, responseStream: false, ...rawBytes };
    implementation[path] = (call: Unary, done: sendUnaryData<Uint8Array>) =>
      admitted(new GrpcJsUnaryCall(call, done), answer, { door, onFault });
  }
  for (const [path, answer] of methods.streaming) {
    definition[path] = { path, requestStream: false, responseStream: true, ...rawBytes };
    implementation[path] = (call: Streaming) => admitted(new GrpcJsStreamCall(call), answer, { door, onFault });
  }
  return [definition, implementation];
}

/** Leaves messages as the bytes they are. */
const rawBytes = {
  requestSerialize: toBuffer,
  requestDeserialize: asIs,
  responseSerialize: toBuffer,
  responseDeserialize: asIs,
} as const;

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

abstract class GrpcJsCall<Call extends Unary | Streaming> {
  readonly request: Uint8Array;
  readonly endsAtMs: number;
  protected readonly call: Call;

  constructor(call: Call) {
    this.call = call;
    this.request = call.request;
    this.endsAtMs = performance.now() + Number(call.getDeadline()) - Date.now();
  }

  get method(): string {
    return this.call.getPath();
  }

  /** The HTTP/2 session: the library keeps it there, and does not promise to. */
  get connection(): object | undefined {
    return memberAt(this.call, "call", "stream", "session");
  }

  get isCancelled(): boolean {
    return this.call.cancelled;
  }

  alternativeNames(): string | undefined {
    return this.call.getAuthContext().sslPeerCertificate?.subjectaltname;
  }

  authorization(): readonly unknown[] {
    return this.call.metadata.get("authorization");
  }

  onCancel(listener: () => void): void {
    const call: EventEmitter = this.call;
    call.once("cancelled", listener);
  }
}

class GrpcJsUnaryCall extends GrpcJsCall<Unary> implements UnaryCall {
  readonly #done: sendUnaryData<Uint8Array>;

  constructor(call: Unary, done: sendUnaryData<Uint8Array>) {
    super(call);
    this.#done = done;
  }

  reply(message: Uint8Array): void {
    this.#done(null, message);
  }

  fail(status: RpcStatus): void {
    this.#done(status);
  }
}

class GrpcJsStreamCall extends GrpcJsCall<Streaming> implements StreamCall {
  override onCancel(listener: () => void): void {
    super.onCancel(listener);
    this.call.once("error", listener);
  }

  begin(): void {
    this.call.sendMetadata(new Metadata());
  }

  send(message: Uint8Array, onSent: () => void): void {
    this.call.write(message, onSent);
  }

  end(): void {
    this.call.end();
  }

  fail(status: RpcStatus): void {
    this.call.emit("error", status);
  }

  /** The stream of HTTP/2 is where the library keeps it, and does not promise to: then a status says it, behind what waits. */
  reset(): void {
    const stream = memberAt(this.call, "call", "stream");
    const close: unknown = stream === undefined ? undefined : Reflect.get(stream, "close");
    if (typeof close === "function") Reflect.apply(close, stream, [constants.NGHTTP2_CANCEL]);
    else this.fail({ code: STATUS.RESOURCE_EXHAUSTED, details: "the messages are not read" });
  }
}

function memberAt(from: object, ...names: readonly string[]): object | undefined {
  let at = from;
  for (const name of names) {
    const next: unknown = Reflect.get(at, name);
    if (typeof next !== "object" || next === null) return undefined;
    at = next;
  }
  return at;
}
