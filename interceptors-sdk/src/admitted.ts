import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import type { RpcAdmission, RpcServerTerms, StreamCall, UnaryCall } from "./rpc-server.ts";

/** Answers a call that came whole, where the door lets it in. What is thrown on the way ends the call, and not the process. */
export function admitted<Call extends UnaryCall | StreamCall>(
  call: Call,
  answer: (call: Call) => void,
  { door, onFault }: Pick<RpcServerTerms, "door" | "onFault">,
): void {
  const enter = (admission: RpcAdmission): void => {
    if (typeof admission === "string") answer(call);
    else call.fail(admission);
  };
  const broken = (thrown: unknown): void => {
    call.fail({ code: STATUS.INTERNAL, details: "internal error" });
    onFault(thrown);
  };
  try {
    const admission = door(call);
    if (admission instanceof Promise) admission.then(enter).catch(broken);
    else enter(admission);
  } catch (thrown) {
    broken(thrown);
  }
}
