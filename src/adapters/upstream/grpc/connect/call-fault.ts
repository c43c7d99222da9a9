import type { Any } from "@bufbuild/protobuf/wkt";
import type { CallFault } from "../../../../model/connect.ts";

/** How a call of gRPC ended. */
interface Ended {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
}

/** How a call ended, as Connect says it: details with the name of their type alone, and in base64 without padding. */
export const callFault = ({ code, message, details }: Ended): CallFault => ({
  code,
  message,
  details: details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value: Buffer.from(value).toString("base64").replace(/=+$/, ""),
  })),
});
