import { STATUS, type CallStatus } from "./grpc-status.ts";
import type { ServerStream } from "./server-stream.ts";

/** What the headers of a call tell: its caller is known, or may be anybody, or is refused. */
export type Admission = "known" | "stranger" | CallStatus;

/** Judges callers by the headers of their calls. What it throws is answered INTERNAL. */
export type Door = (call: ServerStream) => Admission | Promise<Admission>;

/** Lets a call in, or ends it: at once where that can be told. */
export function welcome(stream: ServerStream, door: Door, onFault: (thrown: unknown) => void): void {
  const judge = (admission: Admission): void => (typeof admission === "string" ? stream.admit(admission) : stream.end(admission));
  const broken = (thrown: unknown): void => {
    stream.end({ code: STATUS.INTERNAL, details: "internal error" });
    onFault(thrown);
  };
  try {
    const admission = door(stream);
    if (admission instanceof Promise) admission.then(judge).catch(broken);
    else judge(admission);
  } catch (thrown) {
    broken(thrown);
  }
}
