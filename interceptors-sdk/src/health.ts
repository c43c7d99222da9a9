import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { SERVICE } from "@sallyport/contract/wire.ts";
import { rawBytes } from "./raw-bytes.ts";

/** grpc.health.v1 for one server. Its two messages have one field each, so they are written by hand. */
export interface HealthService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  /** Turns NOT_SERVING, tells those who watch, and ends their streams. */
  stop(): void;
}

type Watcher = ServerWritableStream<Uint8Array, Uint8Array>;

/** A health service that is SERVING until it is stopped. */
export function healthService(): HealthService {
  let serving = true;
  const watchers = new Set<Watcher>();
  const statusOf = (service: string | undefined): number =>
    service === "" || service === SERVICE ? (serving ? SERVING : NOT_SERVING) : SERVICE_UNKNOWN;
  return {
    definition: {
      Check: { path: "/grpc.health.v1.Health/Check", requestStream: false, responseStream: false, ...rawBytes },
      Watch: { path: "/grpc.health.v1.Health/Watch", requestStream: false, responseStream: true, ...rawBytes },
    },
    implementation: {
      Check: (call: ServerUnaryCall<Uint8Array, Uint8Array>, callback: sendUnaryData<Uint8Array>) => {
        const answer = statusOf(serviceName(call.request));
        if (answer === SERVICE_UNKNOWN) callback({ code: status.NOT_FOUND, details: "no such service here" });
        else callback(null, response(answer));
      },
      Watch: (call: Watcher) => {
        if (watchers.size >= MAX_WATCHERS) {
          call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "too many health watchers" });
          return;
        }
        call.write(response(statusOf(serviceName(call.request))));
        if (!serving) return void call.end();
        watchers.add(call);
        call.on("cancelled", () => watchers.delete(call));
      },
    },
    stop() {
      serving = false;
      for (const watcher of watchers) {
        watcher.write(response(statusOf(serviceName(watcher.request))));
        watcher.end();
      }
      watchers.clear();
    },
  };
}

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
const MAX_WATCHERS = 64;

/** `string service = 1` of a HealthCheckRequest; undefined when the message cannot be read. */
function serviceName(request: Uint8Array): string | undefined {
  try {
    const reader = new BinaryReader(request);
    let service = "";
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 10) service = reader.string();
      else reader.skip(tag & 7);
    }
    return service;
  } catch {
    return undefined;
  }
}

/** `ServingStatus status = 1` of a HealthCheckResponse. */
const response = (serving: number): Uint8Array => new BinaryWriter().uint32(8).int32(serving).finish();
