import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { connectCall } from "../../../../model/connect.ts";
import type { UpstreamRequest } from "../../../../ports/upstream.ts";
import type { Api } from "../transcode/api.ts";

/**
 * A unary call of Connect that came as a GET, with its message in the query, as the POST it stands for. Only what the schema declares to be
 * without side effects may be called so: a link must not act. Undefined: it is no such call.
 */
export function unaryGet(request: UpstreamRequest, api: Api): UpstreamRequest | undefined {
  const { method, requestTarget, headers } = request;
  const [path = "", ...rest] = requestTarget.split("?");
  const query = rest.join("?");
  const call = method === "GET" ? connectCall({ method, headers, query }) : undefined;
  if (call === undefined || api.named(path)?.method.idempotency !== Level.NO_SIDE_EFFECTS) return undefined;
  const names = new URLSearchParams(query);
  const text = names.get("message") ?? "";
  const coding = names.get("compression") ?? "identity";
  const added = ["content-type", `application/${call.codec}`, "connect-protocol-version", "1"];
  if (coding !== "identity") added.push("content-encoding", /^[a-z0-9-]{1,32}$/.test(coding) ? coding : "unknown");
  return {
    ...request,
    method: "POST",
    requestTarget: path,
    headers: headers.derive((name) => !OWN.has(name), added),
    body: names.get("base64") === "1" ? Buffer.from(text, "base64url") : Buffer.from(text, "utf8"),
  };
}

const OWN: ReadonlySet<string> = new Set(["content-type", "content-encoding", "connect-protocol-version"]);
