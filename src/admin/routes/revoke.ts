import { isCacheTag } from "../../model/cache-tag.ts";
import { FIXED_LIMITS } from "../../model/limits.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { VerdictRevoker } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";
import { PROBLEM_TYPE, problemAnswer } from "../problem-answer.ts";

/** Makes the gateway forget verdicts it keeps (C34). Once it answered, no request is decided by one of them any more. */
export const revoke = (verdicts: VerdictRevoker): AdminRoute => ({
  method: "POST",
  path: "/admin/revoke",
  summary: "Forget the kept verdicts of an interceptor that carry any of some tags.",
  access: "admin",
  takes: {
    means: `The interceptor's name, and 1 to ${FIXED_LIMITS.revokeTags} tags of at most ${FIXED_LIMITS.cacheTagBytes} bytes.`,
    schema: {
      type: "object",
      required: ["interceptor", "tags"],
      additionalProperties: false,
      properties: {
        interceptor: { type: "string" },
        tags: { type: "array", minItems: 1, maxItems: FIXED_LIMITS.revokeTags, items: { type: "string", minLength: 1 } },
      },
    },
  },
  answers: [
    { status: 200, contentType: JSON_TYPE, means: "They are forgotten; `forgotten` says how many." },
    { status: 400, contentType: PROBLEM_TYPE, means: "The body is not what is asked for." },
    { status: 404, contentType: PROBLEM_TYPE, means: "No interceptor has this name." },
  ],
  async answer({ body }) {
    const wanted = read(body);
    if (!wanted.ok) return problemAnswer("bad_request", wanted.error);
    const { interceptor, tags } = wanted.value;
    const forgotten = await verdicts.revoke(interceptor, tags);
    if (forgotten === undefined) return problemAnswer("route_not_found", "No interceptor has this name.");
    return jsonAnswer(200, { interceptor, tags, forgotten });
  },
});

interface Wanted {
  readonly interceptor: string;
  readonly tags: readonly string[];
}

function read(body: string): Result<Wanted, string> {
  const value = parsed(body);
  if (typeof value !== "object" || value === null || !("interceptor" in value) || !("tags" in value))
    return err('The body is JSON: { "interceptor": "…", "tags": ["…"] }.');
  const { interceptor, tags, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return err(`The member ${JSON.stringify(unknown.slice(0, 64))} is unknown.`);
  if (typeof interceptor !== "string") return err("`interceptor` is a name.");
  if (!Array.isArray(tags) || tags.length === 0 || tags.length > FIXED_LIMITS.revokeTags)
    return err(`\`tags\` has 1 to ${FIXED_LIMITS.revokeTags} of them.`);
  const texts = tags.filter((tag): tag is string => typeof tag === "string" && isCacheTag(tag));
  if (texts.length < tags.length) return err(`A tag is a text of 1 to ${FIXED_LIMITS.cacheTagBytes} bytes.`);
  return ok({ interceptor, tags: [...new Set(texts)] });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
