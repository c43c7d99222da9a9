import { request as requestHttp, type IncomingMessage, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";

/** A whole answer. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What is asked, besides where. */
export interface Asking {
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with POST; absent: GET. */
  readonly body: string | undefined;
  /** Trusted over https, under the name it has. */
  readonly trust: { readonly ca: string; readonly servername: string };
}

/** One request on a connection of its own; rejects after ten seconds. */
export function ask(url: string, { headers, body, trust }: Asking): Promise<Answer> {
  const options: RequestOptions = {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` }) },
    agent: false,
    signal: AbortSignal.timeout(10_000),
  };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      const chunks: string[] = [];
      response.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode, headers: response.headers, body: chunks.join("") }));
    };
    const asking = url.startsWith("https:")
      ? requestHttps(url, { ...options, ...trust }, answered)
      : requestHttp(url, options, answered);
    asking.once("error", reject);
    asking.end(body);
  });
}
