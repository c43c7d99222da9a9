import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { connectCall } from "../../../../model/connect.ts";
import { QueryText } from "../../../../model/query-text.ts";
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
  // the reading of views, selectors and credentials; what is said twice could be read in two ways (C25)
  const said = new QueryText(query).all();
  if (PARTS.some((name) => (said.get(name)?.length ?? 0) > 1)) return undefined;
  const [text = ""] = said.get("message") ?? [];
  const [coding = "identity"] = said.get("compression") ?? [];
  const added = ["content-type", `application/${call.codec}`, "connect-protocol-version", "1"];
  if (coding !== "identity") added.push("content-encoding", /^[a-z0-9-]{1,32}$/.test(coding) ? coding : "unknown");
  return {
    ...request,
    method: "POST",
    requestTarget: path,
    headers: headers.derive((name) => !OWN.has(name), added),
    body: said.get("base64")?.[0] === "1" ? Buffer.from(text, "base64url") : Buffer.from(text, "utf8"),
  };
}

const OWN: ReadonlySet<string> = new Set(["content-type", "content-encoding", "connect-protocol-version"]);

/** What the query of such a call says. */
const PARTS = ["connect", "encoding", "message", "base64", "compression"];
