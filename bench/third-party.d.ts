// The bench's packages are installed by `npm run bench` only, but their callers are type-checked with everything else:
// this is the little of them that is used.
declare module "@fastify/http-proxy" {
  import type { FastifyPluginCallback } from "fastify";
  const httpProxy: FastifyPluginCallback<{ readonly upstream: string }>;
  export default httpProxy;
}

declare module "@fastify/reply-from" {
  import type { FastifyPluginCallback } from "fastify";
  const replyFrom: FastifyPluginCallback<{ readonly base: string }>;
  export default replyFrom;
}
