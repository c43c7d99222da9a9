import { Verdict as WireVerdict, type Annotation as WireAnnotation } from "../gen/sallyport/interceptor/v1/interceptor.ts";
import { stringifyJson } from "./json-stringify.ts";
import { encodeAllow } from "./encode-allow.ts";
import type { AllowVerdict, CachePolicy, DenyVerdict, RespondVerdict } from "./verdict-types.ts";

/** A verdict as a service builds it; whether it keeps the bounds is for the receiver, and for the SDK, to check. */
export type VerdictDraft = AllowVerdict | Omit<DenyVerdict, "defects"> | RespondVerdict;

/** The bytes of one answer to the review with this id; `decodeVerdict` reads them. */
export function encodeVerdict(verdict: VerdictDraft, reviewId: string): Uint8Array {
  if (verdict.kind === "allow") return encodeAllow(verdict, reviewId);
  const message: WireVerdict = {
    reviewId,
    ...NO_ANSWER,
    patches: [],
    annotations: verdict.annotations.map(({ name, value }): WireAnnotation => ({ name, value })),
    warnings: [...verdict.warnings],
    validForMs: 0,
    ...answerOf(verdict),
  };
  return WireVerdict.encode(message).finish();
}

// generated types want every field named
const NO_ANSWER = { allow: undefined, deny: undefined, respond: undefined, cache: undefined } as const;

function answerOf(verdict: Exclude<VerdictDraft, AllowVerdict>): Partial<WireVerdict> {
  switch (verdict.kind) {
    case "deny":
      return {
        deny: {
          httpStatus: verdict.status,
          grpcCode: verdict.grpcCode ?? 0,
          code: verdict.code,
          message: verdict.message,
          headers: verdict.headers.map(({ name, value }) => ({ name, value })),
          bodyJson: verdict.body === undefined ? "" : stringifyJson(verdict.body),
        },
        ...cacheOf(verdict),
      };
    case "respond":
      return {
        respond: {
          httpStatus: verdict.status,
          headers: verdict.headers.map(({ name, value }) => ({ name, value })),
          body: Buffer.from(verdict.body.buffer, verdict.body.byteOffset, verdict.body.byteLength),
        },
      };
    default:
      return verdict satisfies never;
  }
}

const cacheOf = ({ cache }: { readonly cache?: CachePolicy }): Pick<Partial<WireVerdict>, "cache"> =>
  cache === undefined ? {} : { cache: { ttlMs: cache.ttlMs, tags: [...cache.tags] } };
