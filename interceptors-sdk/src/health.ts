import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { SERVICE } from "@sallyport/contract/wire.ts";
import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import type { RpcMethods, StreamCall } from "./rpc-server.ts";

/** grpc.health.v1 for one server. Its two messages have one field each, so they are written by hand. */
export interface HealthService {
  readonly methods: RpcMethods;
  /** Turns NOT_SERVING, tells those who watch, and ends their streams. */
  stop(): void;
}

/** A health service that is SERVING until it is stopped. */
export function healthService(): HealthService {
  let serving = true;
  const watchers = new Set<StreamCall>();
  const statusOf = (service: string | undefined): number =>
    service === "" || service === SERVICE ? (serving ? SERVING : NOT_SERVING) : SERVICE_UNKNOWN;
  const tell = (call: StreamCall): void => call.send(response(statusOf(serviceName(call.request))), () => {});
  const watch = (call: StreamCall): void => {
    if (watchers.size >= MAX_WATCHERS) return call.fail({ code: STATUS.RESOURCE_EXHAUSTED, details: "too many health watchers" });
    tell(call);
    if (!serving) return call.end();
    watchers.add(call);
    call.onCancel(() => watchers.delete(call));
  };
  return {
    methods: {
      unary: new Map([
        [
          HEALTH_CHECK,
          (call) => {
            const answer = statusOf(serviceName(call.request));
            if (answer === SERVICE_UNKNOWN) call.fail({ code: STATUS.NOT_FOUND, details: "no such service here" });
            else call.reply(response(answer));
          },
        ],
      ]),
      streaming: new Map([[HEALTH_WATCH, watch]]),
    },
    stop() {
      serving = false;
      for (const watcher of watchers) {
        tell(watcher);
        watcher.end();
      }
      watchers.clear();
    },
  };
}

/** Open to anybody: probes have neither token nor name. */
export const HEALTH_CHECK = "/grpc.health.v1.Health/Check";

const HEALTH_WATCH = "/grpc.health.v1.Health/Watch";

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
