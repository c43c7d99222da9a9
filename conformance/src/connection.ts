import { isIP } from "node:net";
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { CallStream } from "./call-stream.ts";
import { identityProblem, secureContext } from "./secure-connection.ts";
import type { SuiteOptions } from "./suite-options.ts";

/** How a unary call ended. */
export type Answer =
  | { readonly kind: "reply"; readonly bytes: Uint8Array; readonly tookMs: number }
  /** Any status but OK; the service's own, or the client library's. */
  | { readonly kind: "status"; readonly code: number; readonly details: string; readonly tookMs: number };

/** Terms of one call. */
export interface CallTerms {
  /** The gRPC deadline, from now. */
  readonly withinMs: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/** One HTTP/2 connection to the service, with messages as bytes. It connects by itself, and again after a loss. */
export class Connection implements Disposable {
  readonly #client: Client;
  readonly #tokenOf: () => string | undefined;

  constructor(options: SuiteOptions, tokenOf: () => string | undefined) {
    this.#client = new Client(grpcTarget(options), security(options), channelOptions(options));
    this.#tokenOf = tokenOf;
  }

  /** Makes a unary call. Never rejects. */
  call(method: string, message: Uint8Array, { withinMs, signal }: CallTerms): Promise<Answer> {
    const startedMs = performance.now();
    return new Promise((resolve) => {
      const done = (error: ServiceError | null, bytes?: Buffer): void => {
        signal?.removeEventListener("abort", cancel);
        const tookMs = performance.now() - startedMs;
        if (error === null && bytes !== undefined) return resolve({ kind: "reply", bytes, tookMs });
        resolve({ kind: "status", code: error?.code ?? 13, details: error?.details ?? "no message", tookMs });
      };
      const call = this.#client.makeUnaryRequest(
        method,
        asBuffer,
        asBuffer,
        Buffer.from(message),
        this.#metadata(),
        deadline(withinMs),
        done,
      );
      const cancel = (): void => call.cancel();
      if (signal?.aborted === true) cancel();
      else signal?.addEventListener("abort", cancel);
    });
  }

  /** Opens a stream of answers to one message. */
  stream(method: string, message: Uint8Array, { withinMs }: CallTerms): CallStream {
    const call: ClientReadableStream<Buffer> = this.#client.makeServerStreamRequest(
      method,
      asBuffer,
      asBuffer,
      Buffer.from(message),
      this.#metadata(),
      deadline(withinMs),
    );
    return new CallStream(call);
  }

  /** Opens a stream both ways, sends one message and closes its own half. */
  conversation(method: string, message: Uint8Array, { withinMs }: CallTerms): CallStream {
    const call = this.#client.makeBidiStreamRequest(method, asBuffer, asBuffer, this.#metadata(), deadline(withinMs));
    const stream = new CallStream(call);
    call.write(Buffer.from(message));
    call.end();
    return stream;
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #metadata(): Metadata {
    const metadata = new Metadata();
    const token = this.#tokenOf();
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
    return metadata;
  }
}

const asBuffer = (bytes: Buffer): Buffer => bytes;

const deadline = (withinMs: number): { readonly deadline: number } => ({ deadline: Date.now() + withinMs });

function grpcTarget({ address: { host, port } }: SuiteOptions): string {
  if (isIP(host) === 0) return `dns:${host}:${port}`;
  return isIP(host) === 6 ? `ipv6:[${host}]:${port}` : `ipv4:${host}:${port}`;
}

function security({ tls, serverName }: SuiteOptions): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createFromSecureContext(secureContext(tls), {
    checkServerIdentity: (_host, certificate) => identityProblem(serverName, certificate),
  });
}

function channelOptions({ tls, serverName, address }: SuiteOptions): ChannelOptions {
  return {
    // clients that look alike would share a connection otherwise
    "grpc.use_local_subchannel_pool": 1,
    // a library that repeats calls by itself would hide what the service did
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    ...(tls !== undefined && {
      // TLS allows no address as a server name, and newer Nodes refuse to send one
      "grpc.ssl_target_name_override": isIP(serverName) === 0 ? serverName : "interceptor.invalid",
      "grpc.default_authority": `${isIP(serverName) === 6 ? `[${serverName}]` : serverName}:${address.port}`,
    }),
  };
}
