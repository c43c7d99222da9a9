import { z } from "zod";
import type { EventStreamPlan, HttpCallPlan, HttpRulePlan, TranscodePlan } from "../../model/route-plan.ts";
import { fieldName, fieldPath, fullMethod, grpcName } from "./grpc-words.ts";
import { duration, HOUR_MS, matching, nonEmpty } from "./primitives.ts";

const template = matching({
  title: "path template",
  expected: "a path such as /v1/items/{id} or /v1/{name=items/*}:watch",
  pattern: "^/[^\\s?#]{0,1023}$",
});

const bodyField = matching({
  title: "body of a call",
  expected: '"*" or the name of a field',
  pattern: "^(\\*|[A-Za-z_][A-Za-z0-9_]{0,127})$",
});

/** The methods a call may have in YAML: one key each, as in `google.api.http`. */
export const CALL_KEYS = ["get", "put", "post", "delete", "patch", "any"] as const;

const call = {
  get: template.optional().describe("Path of a GET: `{field}` is one segment, `{field=a/*}` those, `**` at the end any number."),
  put: template.optional().describe("Path of a PUT."),
  post: template.optional().describe("Path of a POST."),
  delete: template.optional().describe("Path of a DELETE."),
  patch: template.optional().describe("Path of a PATCH."),
  any: template.optional().describe("Path of requests with any method."),
  body: bodyField
    .optional()
    .describe('What the request body is: `"*"` the whole message, a name that field of it. Left out: there is none.'),
  response_body: fieldName.optional().describe("Field of the answer that is the response body; left out: all of it."),
};

const callSchema = z.strictObject(call);

const rule = z.strictObject({
  method: fullMethod.describe("Method of one of the services, `package.Service/Method`."),
  ...call,
  additional: z.array(callSchema).max(31).prefault([]).describe("More ways to call the method."),
});

const events = z.strictObject({
  method: fullMethod.describe("Method of one of the services whose answers are a stream, `package.Service/Method`."),
  id: fieldPath
    .optional()
    .describe(
      "Field of each message that is its event's id: a whole number that grows, or a string. 0 or empty: the event has none.",
    ),
  resume: fieldPath
    .optional()
    .describe(
      "Field of the request that is given the last id a client has seen (`Last-Event-ID`), of the same type. Goes with `id`.",
    ),
  event: fieldPath
    .optional()
    .describe("What names the event: a string, an enum, or a `oneof` (the member that is set, as it is called in JSON)."),
  terminal: matching({
    title: "name of an event",
    expected: "a name such as done (not error, message or open)",
    pattern: "^(?!(?:error|message|open)$)[A-Za-z0-9._-]{1,64}$",
  })
    .optional()
    .describe("Name of a last event the gateway adds where the call ended with OK; left out: there is none."),
  retry: duration({ minMs: 100, maxMs: HOUR_MS })
    .prefault("3s")
    .describe("How long clients are told to wait before they come back."),
  keep_alive: duration({ minMs: 100, maxMs: HOUR_MS })
    .prefault("15s")
    .describe("Silence after which a comment is sent, so that nobody between takes the connection for dead."),
});

/** `transcode` of a route. */
export const transcode = z.strictObject({
  services: nonEmpty(grpcName, "service").describe("Full names of services in the upstream's descriptor set."),
  rules: z
    .array(rule)
    .max(1024)
    .prefault([])
    .describe(
      "How methods are called, where it is not to be as they are annotated: a rule takes the place of its method's annotation.",
    ),
  sse: z
    .array(events)
    .max(256)
    .prefault([])
    .describe("Streams that are server-sent events with ids and names, which clients that lost one can go on with."),
});

/** As the program sees it. */
export const toTranscode = ({ services, rules, sse }: z.output<typeof transcode>): TranscodePlan => ({
  services,
  rules: rules.map(toRule),
  sse: sse.map(toEvents),
});

const toEvents = ({ method, retry, keep_alive, ...names }: z.output<typeof events>): EventStreamPlan => ({
  method,
  id: names.id ?? "",
  resume: names.resume ?? "",
  event: names.event ?? "",
  terminal: names.terminal ?? "",
  retryMs: retry,
  keepAliveMs: keep_alive,
});

const toRule = ({ method, additional, ...own }: z.output<typeof rule>): HttpRulePlan => ({
  method,
  calls: [own, ...additional].map(toCall),
});

function toCall(written: z.output<typeof callSchema>): HttpCallPlan {
  const key = CALL_KEYS.find((each) => written[each] !== undefined);
  return {
    httpMethod: key === undefined || key === "any" ? "*" : key.toUpperCase(),
    // a check has seen to it that there is one
    path: (key === undefined ? undefined : written[key]) ?? "/",
    body: written.body ?? "",
    responseBody: written.response_body ?? "",
  };
}
