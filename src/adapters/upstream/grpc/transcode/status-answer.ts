import type { Registry } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { connectError } from "../../../../model/connect.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import { callFault } from "../connect/call-fault.ts";
import { detailJson, statusDetails } from "./status-details.ts";

/** How a gRPC call ended. */
export interface CallStatus {
  readonly code: number;
  /** As text, no longer as it stands in its field. */
  readonly message: string;
  /** Details of its own, as they came; few calls have any. */
  readonly details: readonly Any[];
}

/** What the fields of a call's end say; undefined: it has none. */
export function statusOf(field: (name: string) => string | undefined): CallStatus | undefined {
  const text = field("grpc-status");
  if (text === undefined || !/^(?:[0-9]|1[0-6])$/.test(text)) return undefined;
  const code = Number(text);
  const details = statusDetails(field("grpc-status-details-bin"), code);
  return { code, message: decodeMessage(field("grpc-message") ?? ""), details };
}

function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // what is not rightly encoded is shown as it came
    return text;
  }
}

/** The HTTP status of a gRPC one: the table of `google.rpc.Code`. */
export const httpStatusOf = (code: number): number => HTTP_STATUS[code] ?? 500;

const HTTP_STATUS: Readonly<Record<number, number>> = {
  [GRPC_STATUS.CANCELLED]: 499,
  [GRPC_STATUS.UNKNOWN]: 500,
  [GRPC_STATUS.INVALID_ARGUMENT]: 400,
  [GRPC_STATUS.DEADLINE_EXCEEDED]: 504,
  [GRPC_STATUS.NOT_FOUND]: 404,
  [GRPC_STATUS.ALREADY_EXISTS]: 409,
  [GRPC_STATUS.PERMISSION_DENIED]: 403,
  [GRPC_STATUS.RESOURCE_EXHAUSTED]: 429,
  [GRPC_STATUS.FAILED_PRECONDITION]: 400,
  [GRPC_STATUS.ABORTED]: 409,
  [GRPC_STATUS.OUT_OF_RANGE]: 400,
  [GRPC_STATUS.UNIMPLEMENTED]: 501,
  [GRPC_STATUS.INTERNAL]: 500,
  [GRPC_STATUS.UNAVAILABLE]: 503,
  [GRPC_STATUS.DATA_LOSS]: 500,
  [GRPC_STATUS.UNAUTHENTICATED]: 401,
};

/** A status as JSON, in the form of `google.rpc.Status`: without `details` where there are none. */
export const statusJson = ({ code, message, details }: CallStatus, registry: Registry): string =>
  JSON.stringify(
    details.length === 0 ? { code, message } : { code, message, details: details.map((each) => detailJson(each, registry)) },
  );

/** The same for clients of Connect, which know codes by name. */
export const connectJson = (status: CallStatus): string => JSON.stringify(connectError(callFault(status)));
