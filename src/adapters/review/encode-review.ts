import { MODES, PHASES } from "@sallyport/contract/phase.ts";
import { PointerSet } from "@sallyport/contract/view-field.ts";
import { parsePointer } from "@sallyport/contract/json-pointer.ts";
import type { BindingPlan } from "../../model/plan.ts";
import type { ReviewSubject } from "../../ports/review-client.ts";
import { viewWriters, type ViewTerms, type Write } from "./encode-view.ts";
import { MessageWriter } from "./message-writer.ts";

/** What one attempt is called. */
export interface AttemptIds {
  readonly reviewId: string;
  readonly attempt: number;
}

/** Writes a ReviewRequest. */
export type EncodeReview = (subject: ReviewSubject, ids: AttemptIds) => Buffer;

/**
 * Prepares the writer of one binding's requests, once per plan: which parts of the view are written at all is decided here, so that a
 * review touches no header its binding does not need. The message is written straight from the exchange.
 */
export function compileEncoder(binding: BindingPlan, hidden: ViewTerms["hidden"]): EncodeReview {
  const parts = partsOf(binding, hidden);
  const constant = constantFields(binding);
  const writer = new MessageWriter();
  return (subject, { reviewId, attempt }) => {
    writer.reset();
    writer.string(REVIEW_REQUEST.reviewId, reviewId);
    writer.number(REVIEW_REQUEST.attempt, attempt);
    writer.raw(constant);
    const view = writer.open(REVIEW_REQUEST.view, bodyBytes(subject));
    for (const write of parts) write(writer, subject);
    writer.close(view);
    return writer.finish();
  };
}

/** Writes the view alone, as it stands in the ReviewRequests of {@link compileEncoder}: for whoever must know what is sent before it is sent. */
export function compileViewEncoder(binding: BindingPlan, hidden: ViewTerms["hidden"]): (subject: ReviewSubject) => Buffer {
  const parts = partsOf(binding, hidden);
  const writer = new MessageWriter();
  return (subject) => {
    writer.reset();
    for (const write of parts) write(writer, subject);
    return writer.finish();
  };
}

const partsOf = (binding: BindingPlan, hidden: ViewTerms["hidden"]): readonly Write[] =>
  viewWriters({ phase: binding.phase, needs: pointerSet(binding.needs), expose: pointerSet(binding.expose), hidden });

/** Field numbers of ReviewRequest. */
const REVIEW_REQUEST = {
  reviewId: 1,
  attempt: 2,
  bindingId: 3,
  phase: 4,
  mode: 5,
  bindingDigest: 6,
  configDigest: 7,
  view: 8,
} as const;

function constantFields(binding: BindingPlan): Buffer {
  const writer = new MessageWriter();
  writer.string(REVIEW_REQUEST.bindingId, binding.id);
  writer.number(REVIEW_REQUEST.phase, PHASES[binding.phase].wire);
  writer.number(REVIEW_REQUEST.mode, MODES[binding.mode].wire);
  writer.string(REVIEW_REQUEST.bindingDigest, binding.digest);
  writer.string(REVIEW_REQUEST.configDigest, binding.configDigest);
  return writer.finish();
}

/** The plan checked its pointers; one that is none names nothing. */
function pointerSet(pointers: readonly string[]): PointerSet {
  return new PointerSet(
    pointers.flatMap((pointer) => {
      const tokens = parsePointer(pointer);
      return tokens.ok ? [tokens.value] : [];
    }),
  );
}

// a guess that spares moving a large body once its length is known; wrong when the binding sees none, which costs nothing much
function bodyBytes({ requestBody, responseBody }: ReviewSubject): number {
  const body = responseBody ?? requestBody;
  if (body === undefined) return 0;
  return body.format === "bytes" ? body.bytes.byteLength : body.text.length;
}
