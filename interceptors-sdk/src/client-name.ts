import type { ServerUnaryCall } from "@grpc/grpc-js";

/** Whether the caller's certificate carries one of the names; no names admit whoever the authority vouched for. */
export function mayCall(call: Caller, names: readonly string[] | undefined): boolean {
  if (names === undefined) return true;
  const carried = alternativeNames(call.getAuthContext().sslPeerCertificate?.subjectaltname);
  return names.some((name) => carried.includes(`DNS:${name}`) || carried.includes(`URI:${name}`));
}

/** A call, as far as its peer is concerned. */
export type Caller = Pick<ServerUnaryCall<unknown, unknown>, "getAuthContext">;

/** Entries as `DNS:name`. Node quotes an entry that holds a comma; such a certificate is taken to name nobody. */
function alternativeNames(text: string | undefined): readonly string[] {
  return text === undefined || text.includes('"') ? [] : text.split(", ");
}
