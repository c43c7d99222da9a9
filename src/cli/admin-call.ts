import { err, ok, type Result } from "../model/result.ts";

/** Where the admin listener is when nobody says otherwise. */
export const DEFAULT_ADMIN_ADDRESS = "127.0.0.1:9080";

/** Longest answer that is read, bytes. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** One call to a running gateway's admin listener. */
export interface AdminCall {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly timeoutMs: number;
  readonly adminToken?: string;
}

/** What it answered. */
export interface AdminReply {
  readonly status: number;
  /** Undefined where the body is no JSON. */
  readonly json: unknown;
}

/** `host:port`, `:port` or an http(s) URL, with `path` put on it. A wildcard address means this machine. */
export function adminUrl(address: string, path: string): Result<URL, string> {
  const text = /^https?:\/\//.test(address) ? address : `http://${address.startsWith(":") ? `127.0.0.1${address}` : address}`;
  const url = URL.parse(text);
  if (url === null || url.hostname === "")
    return err(`${JSON.stringify(address)} is not an address such as ${DEFAULT_ADMIN_ADDRESS}`);
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  url.pathname = path;
  return ok(url);
}

/** Calls once. The error is a fragment that says why there is no answer. */
export async function callAdmin({ method, url, timeoutMs, adminToken }: AdminCall): Promise<Result<AdminReply, string>> {
  try {
    const response = await fetch(url, {
      method,
      // a redirect would carry the admin token somewhere else
      redirect: "error",
      headers: adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    return ok({ status: response.status, json: parsed(await boundedText(response)) });
  } catch (error) {
    return err(`${url.host} gives no answer: ${reasonOf(error)}`);
  }
}

async function boundedText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`more than ${MAX_ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch says "fetch failed"; the cause knows more. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  return cause instanceof Error ? cause.message : String(cause);
}
