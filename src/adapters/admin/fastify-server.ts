import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { PROBLEMS, type ProblemCode } from "../../model/problem.ts";
import type { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import type { Log } from "../../ports/log.ts";
import { errorCode } from "../files/read-bounded.ts";
import { originProblem, ownNamesOf } from "./request-origin.ts";
import { isSameToken } from "./token-file.ts";

const MAX_BODY_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 256;
const HEAD_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5000;

/** How long requests under way may take to finish when the server is closed. */
const DRAIN_MS = 5000;

export interface AdminServerOptions {
  /** The whole table; `serves: "public"` leaves out what needs a credential (a status listener). */
  readonly routes: readonly AdminRoute[];
  readonly serves: "all" | "public";
  /** IPv6 without brackets; port 0: the system chooses. */
  readonly address: { readonly host: string; readonly port: number };
  /** Asked on every authorized request, so that a replaced token is in force at once. */
  readonly token: () => Promise<Result<Secret, string>>;
  readonly log: Log;
}

/** A listening admin or status server. Disposing it lets requests under way finish, five seconds at most. */
export interface AdminServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
}

/** Serves a table of admin routes. The error says why the address could not be listened on. */
export async function startAdminServer(options: AdminServerOptions): Promise<Result<AdminServer, string>> {
  const { host, port } = options.address;
  const app = build(options);
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    return err(`cannot listen on ${host}:${port}: ${errorCode(error)}`);
  }
  const bound = app.server.address();
  const address = bound === null || typeof bound === "string" ? { host, port } : { host: bound.address, port: bound.port };
  return ok({ address, [Symbol.asyncDispose]: () => close(app) });
}

function build(options: AdminServerOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: newRequestId,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: "idle",
    clientErrorHandler: unreadable,
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEAD_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  takeBodiesAsText(app);
  const ownNames = ownNamesOf(options.address.host);
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    const refused = originProblem(request.headers, ownNames);
    if (refused !== undefined) return problem(reply, refused.problem, refused.detail);
  });
  const served = options.routes.filter(({ access }) => options.serves === "all" || access === "public");
  for (const route of served) serve(app, route, options);
  app.setNotFoundHandler((request, reply) => notFound(request, reply, served));
  app.setErrorHandler((error, request, reply) => failed(error, { request, reply, log: options.log }));
  return app;
}

/** The table works on text; a type nobody announced is no reason to refuse. */
function takeBodiesAsText(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
}

function serve(app: FastifyInstance, route: AdminRoute, { token, log }: AdminServerOptions): void {
  app.route({
    method: route.method,
    url: route.path,
    // before the body is read: nobody unknown makes us take one
    onRequest: route.access === "public" ? [] : (request, reply) => authorize(request, reply, { token, log }),
    handler: async (request, reply) => {
      const body = typeof request.body === "string" ? request.body : "";
      const answer = await route.answer({ query: singleValues(request.query), body });
      if (answer.maxAgeS !== undefined) reply.header("cache-control", `public, max-age=${answer.maxAgeS}`);
      return reply.code(answer.status).type(answer.contentType).send(answer.body);
    },
  });
}

async function authorize(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: Pick<AdminServerOptions, "token" | "log">,
): Promise<unknown> {
  const presented = /^bearer +([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (presented === undefined) {
    reply.header("www-authenticate", "Bearer");
    return problem(reply, "credential_missing", "Send the admin token as a bearer.");
  }
  const expected = await deps.token();
  if (!expected.ok) {
    deps.log.write("error", "admin_token_unreadable", { reason: expected.error });
    return problem(reply, "internal", "The admin token cannot be checked now.");
  }
  if (isSameToken(presented, expected.value)) return undefined;
  deps.log.write("warn", "admin_denied", { client_address: request.ip, method: request.method, path: request.routeOptions.url });
  reply.header("www-authenticate", 'Bearer error="invalid_token"');
  return problem(reply, "credential_invalid", "This is not the admin token.");
}

function notFound(request: FastifyRequest, reply: FastifyReply, served: readonly AdminRoute[]): FastifyReply {
  const path = request.url.split("?")[0];
  const methods = served.flatMap((route) =>
    route.path === path ? (route.method === "GET" ? ["GET", "HEAD"] : [route.method]) : [],
  );
  if (methods.length === 0) return problem(reply, "route_not_found", "There is no such admin endpoint.");
  reply.header("allow", methods.join(", "));
  return problem(reply, "method_not_allowed", `This endpoint takes ${methods.join(", ")}.`);
}

function failed(
  error: unknown,
  at: { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly log: Log },
): FastifyReply {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (status === 413) return problem(at.reply, "body_too_large", `Bodies have at most ${MAX_BODY_BYTES} bytes.`);
  if (typeof status === "number" && status >= 400 && status < 500)
    return problem(at.reply, "bad_request", "The request cannot be read.");
  at.log.write("error", "admin_failed", { method: at.request.method, path: at.request.routeOptions.url, err: error });
  return problem(at.reply, "internal", "Something went wrong inside the gateway.");
}

/** What Node's parser refused never becomes a request. */
function unreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const code = UNREADABLE.get(error.code ?? "") ?? "bad_request";
  const body = problemJson(code, { detail: "The request cannot be read.", requestId: newRequestId() });
  const { status, title } = PROBLEMS[code];
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const UNREADABLE: ReadonlyMap<string, ProblemCode> = new Map([
  ["HPE_HEADER_OVERFLOW", "headers_too_large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "request_timeout"],
]);

const PROBLEM_TYPE = "application/problem+json";

const problem = (reply: FastifyReply, code: ProblemCode, detail: string): FastifyReply =>
  reply
    .code(PROBLEMS[code].status)
    .type(PROBLEM_TYPE)
    .send(problemJson(code, { detail, requestId: reply.request.id }));

/** RFC 9457, with the codes and members of the problems clients see. */
function problemJson(code: ProblemCode, { detail, requestId }: { readonly detail: string; readonly requestId: string }): string {
  const { status, title, retryable } = PROBLEMS[code];
  return JSON.stringify({ type: "about:blank", title, status, detail, code, retryable, request_id: requestId });
}

const newRequestId = (): string => `req_${randomUUID().replaceAll("-", "")}`;

/** A repeated name keeps its first value. */
function singleValues(query: unknown): Record<string, string | undefined> {
  if (typeof query !== "object" || query === null) return {};
  return Object.fromEntries(
    Object.entries(query).map(([name, value]: [string, unknown]) => [name, String(Array.isArray(value) ? value[0] : value)]),
  );
}

async function close(app: FastifyInstance): Promise<void> {
  const impatient = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
  await app.close();
  clearTimeout(impatient);
}
