import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleServerStreamingCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import type { JsonObject } from "@bufbuild/protobuf";
import { feedBytes, feedJson } from "./feed-api.ts";

/** A gRPC server with histories: `feed.v1.Feed` over grpc-js. */
export interface Feed extends AsyncDisposable {
  readonly port: number;
  /** Requests of `Follow`, in order. */
  readonly asked: readonly JsonObject[];
  /** Updates of 64 KiB the topic `flood` has written, as many as are taken from it; 512 in all. */
  readonly flooded: number;
  /** Open calls of a topic. */
  openOf(topic: string): number;
  /** Adds to a topic; whoever follows it hears of it. */
  publish(topic: string, ...texts: readonly string[]): void;
  /** Nothing more will come. */
  finish(topic: string): void;
  /** Ends the open calls of a topic with an error. */
  fail(topic: string, code: status, details: string): void;
}

const FLOOD = 512;

type Call = ServerWritableStream<JsonObject, JsonObject>;

class Topic {
  readonly notes: string[] = [];
  readonly calls = new Set<Call>();
  isOver = false;
}

/** Every update has its number; who comes without one is shown a snapshot first. A topic `eager-…` sends a head before anything else. */
export async function startFeed(): Promise<Feed> {
  const asked: JsonObject[] = [];
  const topics = new Map<string, Topic>();
  const topicOf = (name: string): Topic => {
    const topic = topics.get(name) ?? new Topic();
    topics.set(name, topic);
    return topic;
  };
  const update = (texts: readonly string[], at: number): JsonObject => ({
    sequence: String(at),
    newNote: { text: texts[at - 1] ?? "" },
  });
  let flooded = 0;
  const flood = (call: Call): void => {
    while (flooded < FLOOD) {
      flooded += 1;
      if (!call.write({ sequence: String(flooded), newNote: { text: "x".repeat(64 * 1024) } }))
        return void call.once("drain", () => flood(call));
    }
    call.end();
  };
  const follow: handleServerStreamingCall<JsonObject, JsonObject> = (call) => {
    asked.push(call.request);
    const { topic: name } = call.request;
    if (typeof name !== "string") throw new Error("a request without a topic");
    if (name === "none") return void call.emit("error", { code: status.NOT_FOUND, details: "no such topic" });
    if (name === "flood") return flood(call);
    if (name.startsWith("eager")) call.sendMetadata(new Metadata());
    const topic = topicOf(name);
    const after = Number(call.request["afterSequence"] ?? 0);
    if (after === 0 && topic.notes.length > 0) call.write({ snapshot: { notes: topic.notes.length } });
    for (let at = after + 1; at <= topic.notes.length; at += 1) call.write(update(topic.notes, at));
    if (topic.isOver) return void call.end();
    topic.calls.add(call);
    call.on("cancelled", () => topic.calls.delete(call));
  };
  const server = new Server();
  server.addService(
    {
      Follow: {
        path: "/feed.v1.Feed/Follow",
        requestStream: false,
        responseStream: true,
        requestSerialize: (json: JsonObject) => Buffer.from(feedBytes("Follow", json)),
        requestDeserialize: (bytes: Buffer) => feedJson("Follow", bytes),
        responseSerialize: (json: JsonObject) => Buffer.from(feedBytes("Update", json)),
        responseDeserialize: (bytes: Buffer) => feedJson("Update", bytes),
      },
    },
    { Follow: follow },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port,
    asked,
    get flooded() {
      return flooded;
    },
    openOf: (name) => topicOf(name).calls.size,
    publish(name, ...texts) {
      const topic = topicOf(name);
      for (const text of texts) {
        topic.notes.push(text);
        for (const call of topic.calls) call.write(update(topic.notes, topic.notes.length));
      }
    },
    finish(name) {
      const topic = topicOf(name);
      topic.isOver = true;
      for (const call of topic.calls) call.end();
      topic.calls.clear();
    },
    fail(name, code, details) {
      const { calls } = topicOf(name);
      for (const call of calls) call.emit("error", { code, details });
      calls.clear();
    },
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

/** A configuration that serves it: the route `/topics/**` and its ids. `more` are further keys of the entry under `sse`, in YAML. */
export const feedConfig = (port: number, more = ""): string => `upstreams:
  feed: { protocol: grpc, endpoints: ["http://127.0.0.1:${port}"], descriptor_set_file: feed.binpb }
routes:
  - name: feed
    match: { path: /topics/** }
    authenticate: [anonymous]
    upstream: feed
    transcode:
      services: [feed.v1.Feed]
      rules:
        - { method: feed.v1.Feed/Follow, get: "/topics/{topic}" }
      sse:
        - { method: feed.v1.Feed/Follow, id: sequence, resume: after_sequence, event: kind${more} }
`;
