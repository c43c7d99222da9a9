import { randomUUID } from "node:crypto";
import { Client, credentials } from "@grpc/grpc-js";
import replyFrom from "@fastify/reply-from";
import type { Verdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { REVIEW, reviewOf, tenantIn } from "./grpc-review.ts";
import { sayPort } from "./say-port.ts";

type Headers = Record<string, string | string[] | undefined>;

/** What `@fastify/reply-from` adds to a reply. */
interface PassingReply {
  from(
    path: string,
    options: { readonly rewriteRequestHeaders: (request: FastifyRequest, headers: Headers) => Headers },
  ): unknown;
}

const [upstreamPort = "", servicePort = ""] = process.argv.slice(2);
const reviewer = new Client(`127.0.0.1:${servicePort}`, credentials.createInsecure());
const tenants = new WeakMap<FastifyRequest, string>();

const server = fastify();
server.register(replyFrom, { base: `http://127.0.0.1:${upstreamPort}` });
server.all("/*", { preHandler: review }, pass);
await server.listen({ port: 0, host: "127.0.0.1" });
sayPort(server.server.address());

function review(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const message = reviewOf(randomUUID(), request.headers);
  const deadline = Date.now() + 5_000;
  reviewer.makeUnaryRequest(
    REVIEW.path,
    REVIEW.requestSerialize,
    REVIEW.responseDeserialize,
    message,
    { deadline },
    (error, verdict?: Verdict) => {
      const tenant = verdict === undefined ? undefined : tenantIn(verdict);
      if (error !== null || tenant === undefined) return void reply.code(error === null ? 403 : 503).send();
      tenants.set(request, tenant);
      done();
    },
  );
}

function pass(request: FastifyRequest, reply: FastifyReply): void {
  // reply-from decorates every reply; fastify's types know that only where the package is installed
  (reply as unknown as PassingReply).from(request.url, {
    rewriteRequestHeaders: (_request, headers) => ({ ...headers, "x-verified-tenant": tenants.get(request) }),
  });
}
