import type { Peer } from "./peer.ts";
import { startProgram } from "./program.ts";

/** What a team would write by hand: a fastify gateway whose `preHandler` asks a grpc-js service about every request. */
export const fastifyGrpcReview: Peer = {
  name: "@fastify/reply-from + grpc-js",
  description:
    "unary calls over plain TCP with the same messages and all request headers; one process each, no logger, no deadline handling beyond the call's own",
  missing: () => undefined,
  async start({ children, upstreamPort }) {
    const service = await startProgram(children, "grpc-reviewer");
    const proxy = await startProgram(children, "fastify-grpc-gateway", [`${upstreamPort}`, `${service.port}`]);
    return {
      url: `http://127.0.0.1:${proxy.port}`,
      pids: [
        { role: "gateway", pid: proxy.pid },
        { role: "service", pid: service.pid },
      ],
      stop: async () => void (await Promise.all([proxy.stop(), service.stop()])),
    };
  },
};
