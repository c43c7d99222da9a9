import {
  Manifest,
  Verdict,
  type Manifest as WireManifest,
  type ReviewRequest,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { parseJson, type Json } from "@sallyport/contract/json.ts";
import { BODY_FORMATS, MODES, PHASES, type BodyFormat, type Mode, type Phase } from "@sallyport/contract/phase.ts";
import type { VerdictDraft } from "@sallyport/contract/verdict.ts";
import { testCertificates } from "../../support/certificates.ts";
import {
  allowing,
  describing,
  testInterceptor,
  verdict,
  type ReceivedCall,
  type Reply,
  type TestInterceptor,
} from "../../support/test-interceptor.ts";

/** A binding as a scripted service declares it. */
export interface Declares {
  readonly id: string;
  readonly phase: Phase;
  readonly mode: Mode;
  readonly needs?: readonly string[];
  readonly writes?: readonly string[];
  readonly ownsHeaders?: readonly string[];
  readonly body?: BodyFormat;
  readonly idempotent?: boolean;
  readonly cacheable?: boolean;
  readonly selector?: { readonly methods?: string[]; readonly hosts?: string[]; readonly paths?: string[] };
}

/** What a scripted service answers one review. */
export type Answers = (request: ReviewRequest, call: ReceivedCall) => Reply | Promise<Reply>;

/** A service over mTLS that answers reviews as the test says, well or badly. */
export interface Scripted extends AsyncDisposable {
  readonly service: TestInterceptor;
  readonly port: number;
  /** Reviews it was asked, decoded, in order of arrival. */
  readonly reviews: readonly ReviewRequest[];
  /** Answers reviews from now on. */
  answers: Answers;
}

/** Answers by the binding that is asked; those not named allow. */
export const byBinding =
  (answers: Readonly<Record<string, Answers>>): Answers =>
  (request, call) =>
    answers[request.bindingId]?.(request, call) ?? allowing(request.reviewId);

/** Starts one whose manifest declares these bindings; without `answers` it allows everything. */
export async function scripted(
  bindings: readonly Declares[],
  answers: Answers = ({ reviewId }) => allowing(reviewId),
  port = 0,
): Promise<Scripted> {
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  const reviews: ReviewRequest[] = [];
  const state = { answers };
  const script = describing(manifestOf(bindings), (request, call) => {
    reviews.push(request);
    return state.answers(request, call);
  });
  const service = await testInterceptor(script, { tls: { ca: certificates.ca, cert, key }, port });
  return {
    service,
    port: service.port,
    reviews,
    get answers() {
      return state.answers;
    },
    set answers(next: Answers) {
      state.answers = next;
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

/** The manifest that declares these bindings. */
export function manifestOf(bindings: readonly Declares[]): WireManifest {
  return Manifest.fromPartial({
    name: "scripted",
    version: "1.0.0",
    bindings: bindings.map(({ phase, mode, body, needs = [], writes = [], ownsHeaders = [], ...rest }) => ({
      ...rest,
      needs: [...needs],
      writes: [...writes],
      ownsHeaders: [...ownsHeaders],
      phase: PHASES[phase].wire,
      mode: MODES[mode].wire,
      body: body === undefined ? 0 : BODY_FORMATS[body].wire,
    })),
  });
}

/** Allows with these operations. */
export const patching = (reviewId: string, patches: readonly PatchOperation[], notes: Partial<Notes> = {}): Reply =>
  verdict({ kind: "allow", patches, annotations: [], warnings: [], ...notes }, reviewId);

/** A verdict field by field, as no builder would make it. */
export const rawVerdict = (fields: Parameters<typeof Verdict.fromPartial>[0]): Reply => ({
  kind: "message",
  bytes: Verdict.encode(Verdict.fromPartial(fields)).finish(),
});

/** Denies; what is left out is an everyday denial. */
export const denying = (reviewId: string, what: Partial<Extract<VerdictDraft, { kind: "deny" }>> = {}): Reply =>
  verdict(
    { kind: "deny", status: 403, code: "not_today", message: "not today", headers: [], annotations: [], warnings: [], ...what },
    reviewId,
  );

/** A value of an operation, from its JSON text, so that numbers keep their spelling. */
export function json(text: string): Json {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new Error(`not JSON: ${text}`);
  return parsed.value;
}

type Notes = Pick<Extract<VerdictDraft, { kind: "allow" }>, "annotations" | "warnings">;

/** An allow that is fine but for its size: exactly so many bytes. */
export function answerOfBytes(reviewId: string, bytes: number): Uint8Array {
  const padded = (length: number): Uint8Array =>
    Verdict.encode(
      Verdict.fromPartial({
        reviewId,
        allow: {},
        patches: [{ op: 1, path: "/labels/l0", valueJson: `${" ".repeat(length)}"x"` }],
      }),
    ).finish();
  return padded(bytes - (padded(bytes).byteLength - bytes));
}
