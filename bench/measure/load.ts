import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Children } from "./children.ts";
import { autocannon } from "./load-autocannon.ts";
import { wrk } from "./load-wrk.ts";

/** One burst of requests, closed loop: each connection sends its next request when it has its answer. */
export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON that is sent with POST; absent: GET. */
  readonly body?: string;
  readonly connections: number;
  readonly seconds: number;
}

/** How a burst went. */
export interface LoadFigures {
  readonly requests: number;
  readonly seconds: number;
  /** Socket errors, and answers outside 2xx and 3xx. */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** A load generator. */
export interface LoadTool {
  /** Name and version. */
  readonly name: string;
  send(load: Load, signal: AbortSignal): Promise<LoadFigures>;
}

/** wrk where it is installed; otherwise autocannon, which takes more CPU from the peers on a small machine. */
export function chooseLoadTool(children: Children, places: { readonly directory: string; readonly installed: string }): LoadTool {
  // `wrk -v` says its version and ends with 1
  const version = /^wrk (\S+)/.exec(spawnSync("wrk", ["-v"], { encoding: "utf8" }).stdout ?? "")?.[1];
  if (version !== undefined) return wrk(children, { version, directory: places.directory });
  return autocannon(children, join(places.installed, "autocannon", "autocannon.js"));
}

/** What the client sends: 12 header lines with `host`, 0.9 KB, much as a browser would. No credential: peers treat one differently. */
export const CLIENT_HEADERS: Readonly<Record<string, string>> = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  accept: "application/json, text/plain;q=0.9, */*;q=0.5",
  "accept-language": "en-GB,en;q=0.9,de-DE;q=0.8,de;q=0.7,fr;q=0.6",
  "accept-encoding": "gzip, deflate, br, zstd",
  "cache-control": "no-cache",
  origin: "https://shop.example.com",
  referer: "https://shop.example.com/account/orders?page=3&sort=-created_at&status=open",
  cookie: `session=${"8f14e45fceea167a5a36dedd4bea2543".repeat(4)}; theme=dark; consent=necessary%2Canalytics; cart=b6d767d2f8ed5d21a44b0e5886680cb9`,
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "x-tenant-id": "acme",
  "x-client-version": "web/2026.11.3+build.48151623",
};
