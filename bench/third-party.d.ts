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

declare module "http-proxy" {
  import type { Agent, IncomingMessage, ServerResponse } from "node:http";
  const httpProxy: {
    createProxyServer(options: { readonly target: string; readonly agent: Agent; readonly xfwd: boolean }): {
      web(request: IncomingMessage, response: ServerResponse, options: object, onError: () => void): void;
    };
  };
  export default httpProxy;
}
