import { STATUS, type CallStatus } from "./grpc-status.ts";
import type { ServerStream } from "./server-stream.ts";

/** What the headers of a call tell: its caller is known, or may be anybody, or is refused. */
export type Admission = "known" | "stranger" | CallStatus;

/** Judges callers by the headers of their calls. What it throws is answered INTERNAL. */
export type Door = (call: ServerStream) => Admission | Promise<Admission>;

/** Lets a call in, or ends it: at once where that can be told. */
export function welcome(stream: ServerStream, door: Door, onFault: (thrown: unknown) => void): void {
  try {
    const admission = door(stream);
    if (!(admission instanceof Promise)) return judge(stream, admission);
    admission.then((late) => judge(stream, late)).catch((thrown: unknown) => broken(stream, thrown, onFault));
  } catch (thrown) {
    broken(stream, thrown, onFault);
  }
}

function judge(stream: ServerStream, admission: Admission): void {
  if (typeof admission === "string") stream.admit(admission);
  else stream.end(admission);
}

function broken(stream: ServerStream, thrown: unknown, onFault: (thrown: unknown) => void): void {
  stream.end({ code: STATUS.INTERNAL, details: "internal error" });
  onFault(thrown);
}
