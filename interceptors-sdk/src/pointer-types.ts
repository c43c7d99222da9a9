import type { Mode, Phase } from "@sallyport/contract/phase.ts";

/**
 * The pointers a binding may list in `needs`, by phase and mode. A container (`/request/headers`) stands for all
 * below it. What types cannot tell (a header the gateway hides) is refused by `defineInterceptor` (C10).
 */
export type NeedPointer<P extends Phase, M extends Mode> =
  | RequestNeed
  | Container<"/labels">
  | Container<"/route">
  | Container<"/client">
  | (P extends "pre-auth" ? never : Container<"/principal"> | Container<"/tenant">)
  | (P extends "post-response" ? ResponseNeed : never)
  | (M extends "observe" ? Container<"/outcome"> : never);

/** The pointers a binding may list in `writes`: none unless it mutates; only `/response/*` at post-response (C10). */
export type WritePointer<P extends Phase, M extends Mode> = M extends "mutate"
  ? P extends "post-response"
    ? ResponseWrite
    : RequestWrite
  : never;

/** A pointer and everything below it. */
export type Covered<Pointer extends string> = Pointer | `${Pointer}/${string}`;

/** One token of a JSON pointer, decoded: `~1` is `/`, `~0` is `~` (RFC 6901 section 4). */
export type DecodedToken<Token extends string> = Replaced<Replaced<Token, "~1", "/">, "~0", "~">;

/** A text as one token of a JSON pointer; a text not known to the compiler stays `string`. */
export type EncodedToken<Text extends string> = Replaced<Replaced<Text, "~", "~0">, "/", "~1">;

/** A header name as pointers spell it. */
export type LowerCaseName = Lowercase<string>;

type Container<Root extends string> = Root | `${Root}/${string}`;

type Headers<Side extends "request" | "response"> = `/${Side}/headers` | `/${Side}/headers/${LowerCaseName}`;

type RequestNeed =
  | "/request"
  | `/request/${"id" | "protocol" | "method" | "scheme" | "host" | "path" | "body"}`
  | Container<"/request/query">
  | Headers<"request">;

type ResponseNeed = "/response" | "/response/status" | "/response/body" | Headers<"response">;

type RequestWrite =
  | "/request"
  | `/request/${"method" | "path"}`
  | Container<"/request/query">
  | Headers<"request">
  | Container<"/request/body">
  | Container<"/labels">;

type ResponseWrite = "/response" | "/response/status" | Headers<"response"> | Container<"/response/body">;

type Replaced<Text extends string, From extends string, To extends string> = string extends Text
  ? Text
  : Text extends `${infer Before}${From}${infer After}`
    ? `${Before}${To}${Replaced<After, From, To>}`
    : Text;
