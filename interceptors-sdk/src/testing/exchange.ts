import { joinLines } from "@sallyport/contract/header-text.ts";
import { fromPlain, type Json, parseJson, stringifyJson, toPlain } from "@sallyport/contract/json.ts";
import type { Result } from "@sallyport/contract/result.ts";
import type { Binding } from "../binding.ts";
import type { OutcomeView, PrincipalView } from "../view.ts";

/** An exchange as a test writes it down; what is left out has an ordinary default. */
export interface TestExchange {
  readonly request?: TestMessage & {
    readonly id?: string;
    readonly protocol?: "http" | "grpc" | "grpc-web" | "websocket";
    readonly method?: string;
    readonly scheme?: string;
    readonly host?: string;
    readonly path?: string;
    readonly query?: Readonly<Record<string, string | readonly string[]>>;
  };
  /** Default: anonymous. */
  readonly principal?: Partial<PrincipalView>;
  readonly tenant?: { readonly id: string };
  readonly route?: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly client?: { readonly address?: string; readonly tls_subject?: string };
  readonly labels?: Readonly<Record<string, string>>;
  /** Post-response only. */
  readonly response?: TestMessage & { readonly status?: number };
  /** Observers only. */
  readonly outcome?: Partial<OutcomeView>;
}

/** What requests and responses have in common. */
export interface TestMessage {
  /** Lower-case names; a list is several lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** In the binding's format: a JSON value, text or bytes. */
  readonly body?: unknown;
  /** In place of `body`: JSON exactly as it was written, where digits count. */
  readonly bodyText?: string;
}

/** An exchange after a review. */
export interface TestView {
  readonly request: {
    readonly id: string;
    readonly protocol: string;
    readonly method: string;
    readonly scheme: string;
    readonly host: string;
    readonly path: string;
    readonly query: Readonly<Record<string, readonly string[]>>;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
    /** The body as the upstream gets it, if it is JSON or text. */
    readonly bodyText: string | undefined;
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
    readonly bodyText: string | undefined;
  };
}

/** The same, as the fields of a view: the values patches read and write. */
export interface ExchangeState {
  readonly format: Binding["body"];
  readonly members: Readonly<Record<"id" | "protocol" | "method" | "scheme" | "host" | "path", string>>;
  readonly query: ReadonlyMap<string, readonly string[]>;
  readonly headers: Readonly<Record<"request" | "response", ReadonlyMap<string, readonly string[]>>>;
  readonly bodies: Readonly<Record<"request" | "response", Json | undefined>>;
  readonly labels: ReadonlyMap<string, string>;
  readonly status: number;
  /** What no patch changes. */
  readonly given: TestExchange;
}

/** Completes what a test gave. Throws a TypeError for a body that is not in the binding's format. */
export function stateOf(given: TestExchange, { body: format }: Binding): ExchangeState {
  const { request = {}, response = {} } = given;
  const { id = "request-1", protocol = "http", method = "GET", scheme = "https", host = "api.test", path = "/" } = request;
  return {
    format,
    members: { id, protocol, method, scheme, host, path },
    query: linesOf(request.query),
    headers: { request: linesOf(request.headers), response: linesOf(response.headers) },
    bodies: { request: bodyOf(request, format), response: bodyOf(response, format) },
    labels: new Map(Object.entries(given.labels ?? {})),
    status: response.status ?? 200,
    given,
  };
}

/** Shows a state as a test reads it. */
export function viewOf(state: ExchangeState): TestView {
  const message = (side: "request" | "response"): Pick<TestView["request"], "headers" | "body" | "bodyText"> => ({
    headers: Object.fromEntries([...state.headers[side]].map(([name, lines]) => [name, joinLines(name, lines)])),
    ...shownBody(state.bodies[side], state.format),
  });
  return {
    request: { ...state.members, query: Object.fromEntries(state.query), ...message("request") },
    labels: Object.fromEntries(state.labels),
    response: { status: state.status, ...message("response") },
  };
}

function linesOf(given: Readonly<Record<string, string | readonly string[]>> = {}): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(given).map(([name, lines]) => [name, typeof lines === "string" ? [lines] : [...lines]]));
}

function bodyOf({ body, bodyText }: TestMessage, format: Binding["body"]): Json | undefined {
  if (bodyText !== undefined) return format === "json" ? valueOf(parseJson(bodyText), "bodyText is no JSON") : bodyText;
  if (body === undefined) return undefined;
  if (format === "json") return valueOf(fromPlain(body), "body is no JSON value");
  if (format === "text" && typeof body === "string") return body;
  if (format === "bytes" && body instanceof Uint8Array) return Buffer.from(body).toString("base64");
  throw new TypeError(`body is not in the binding's format, ${format}`);
}

function valueOf(json: Result<Json, unknown>, problem: string): Json {
  if (json.ok) return json.value;
  throw new TypeError(problem);
}

function shownBody(json: Json | undefined, format: Binding["body"]): Pick<TestView["request"], "body" | "bodyText"> {
  if (json === undefined) return { body: undefined, bodyText: undefined };
  // text is shown as itself, bytes are base64 in a state
  const text = typeof json === "string" ? json : "";
  if (format === "bytes") return { body: new Uint8Array(Buffer.from(text, "base64")), bodyText: undefined };
  return { body: toPlain(json), bodyText: format === "json" ? stringifyJson(json) : text };
}
