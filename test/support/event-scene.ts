import { readApi, type Api } from "../../src/adapters/upstream/grpc/transcode/api.ts";
import { framed } from "../../src/adapters/upstream/grpc/transcode/message-frames.ts";
import { transcodingUpstream, type TranscodingTerms } from "../../src/adapters/upstream/grpc/transcode/transcoding-upstream.ts";
import { isStream, type Flow } from "../../src/model/byte-stream.ts";
import { CancelSource } from "../../src/model/cancel.ts";
import type { Response } from "../../src/model/exchange.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import type { EventStreamPlan } from "../../src/model/route-plan.ts";
import { ok } from "../../src/model/result.ts";
import type { Upstream, UpstreamRequest } from "../../src/ports/upstream.ts";
import { HandStream, RecordingSink } from "./byte-flow.ts";
import { FEED_DESCRIPTORS, feedBytes, feedJson } from "./feed-api.ts";
import { transcodingTerms } from "./transcoding.ts";
import { requestTo } from "./upstream.ts";

/** Updates with numbers. */
export const FOLLOW: EventStreamPlan = {
  method: "feed.v1.Feed/Follow",
  id: "sequence",
  resume: "after_sequence",
  event: "kind",
  terminal: "",
  retryMs: 2_000,
  keepAliveMs: 1_000,
};

/** Lines with cursors. */
export const TAIL: EventStreamPlan = {
  ...FOLLOW,
  method: "feed.v1.Feed/Tail",
  id: "place.cursor",
  resume: "cursor",
  event: "title",
};

const GET = { httpMethod: "GET", body: "", responseBody: "" };

function apiOf(...sse: readonly EventStreamPlan[]): Api {
  const api = readApi(Buffer.from(FEED_DESCRIPTORS).toString("base64"), {
    services: ["feed.v1.Feed"],
    rules: [
      { method: "feed.v1.Feed/Follow", calls: [{ ...GET, path: "/topics/{topic}" }] },
      { method: "feed.v1.Feed/Tail", calls: [{ ...GET, path: "/tail", responseBody: "text" }] },
    ],
    sse,
  });
  if (!api.ok) throw new Error(JSON.stringify(api.error));
  return api.value;
}

/** Asks for a stream that is driven by hand. */
export async function eventScene(
  {
    plan = FOLLOW,
    target = "/topics/a",
    ...own
  }: Partial<TranscodingTerms> & { plan?: EventStreamPlan | null; target?: string } = {},
  ...lines: readonly (readonly [string, string])[]
) {
  const stream = new HandStream();
  const sent: UpstreamRequest[] = [];
  const terms = transcodingTerms(own.errorFormat === undefined ? {} : { errorFormat: own.errorFormat });
  const upstream: Upstream = {
    send: (request) => {
      sent.push(request);
      return Promise.resolve(ok({ status: 200, headers: HeaderLines.of(["content-type", "application/grpc"]), body: stream }));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const asking = transcodingUpstream(upstream, plan === null ? apiOf() : apiOf(plan), terms).send(
    requestTo("GET", target, undefined, ["accept", "text/event-stream"], ["x-request-id", "r1"], ...lines),
    new CancelSource(),
  );
  // until the call was made, or was not
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  const type = plan?.method === TAIL.method ? "Line" : "Update";
  const response = async (): Promise<Response> => {
    const answer = await asking;
    if (!answer.ok) throw new Error(JSON.stringify(answer.error));
    return answer.value;
  };
  return {
    stream,
    sent,
    ...terms,
    say: (...messages: readonly Parameters<typeof feedBytes>[1][]) =>
      stream.sink?.write(Buffer.concat(messages.map((json) => framed(feedBytes(type, json))))),
    end: (...status: readonly (readonly [string, string])[]) => stream.sink?.end(HeaderLines.of(...status)),
    asked: () =>
      sent[0]?.body instanceof Uint8Array ? feedJson(type === "Line" ? "Tail" : "Follow", sent[0].body.subarray(5)) : {},
    response,
    answer: asking,
    async read(appetite?: number): Promise<{ sink: RecordingSink; flow: Flow }> {
      const { body } = await response();
      if (!isStream(body)) throw new Error("no stream");
      const sink = new RecordingSink(appetite);
      return { sink, flow: body.pipe(sink) };
    },
  };
}
