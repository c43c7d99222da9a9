import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import type { ReviewRequest, Verdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { REVIEW, verdictThatSets } from "./grpc-review.ts";

// A grpc-js service as its examples show it: decodes, judges, encodes.
const server = new Server();
server.addService(
  { review: REVIEW },
  {
    review(call: ServerUnaryCall<ReviewRequest, Verdict>, done: sendUnaryData<Verdict>) {
      const tenant = call.request.view?.request?.headers.find(({ name }) => name === "x-tenant-id")?.value;
      if (tenant === undefined) done({ code: status.INVALID_ARGUMENT, details: "x-tenant-id is required" });
      else done(null, verdictThatSets(call.request.reviewId, tenant));
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});
