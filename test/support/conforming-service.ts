import { DescribeRequest, Manifest, ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { type AllowVerdict, encodeVerdict, type VerdictDraft } from "@sallyport/contract/verdict.ts";
import { decodeStrict, METHODS, SERVICE } from "@sallyport/contract/wire.ts";
import { encodeHealthRequest, HEALTH } from "../../conformance/src/health-message.ts";
import type { ReceivedCall, Reply, Script } from "./test-interceptor.ts";

/** How a service behaves; what is left out conforms. */
export interface Conduct {
  /** Changes the manifest, at every call. */
  readonly manifest?: (manifest: Manifest) => Manifest;
  /** Answers a Describe in place of the manifest. */
  readonly describe?: (request: DescribeRequest, call: ReceivedCall) => Reply | undefined;
  /** Answers a review in place of the usual verdict; reviews that are refused do not come here. */
  readonly review?: (request: ReviewRequest, usual: VerdictDraft) => Reply | undefined;
  /** Answers a call before anything looks at it. */
  readonly call?: (call: ReceivedCall) => Reply | undefined;
}

/** Three bindings of which one patches, one denies and one comes after the upstream. */
export const SAMPLE_MANIFEST: Manifest = Manifest.fromPartial({
  name: "sample",
  version: "1.0.0",
  stateScope: 1,
  bindings: [
    {
      id: "look",
      phase: 2,
      mode: 2,
      needs: ["/request/headers/x-a", "/request/body"],
      body: 1,
      idempotent: true,
      cacheable: true,
    },
    {
      id: "change",
      phase: 2,
      mode: 3,
      needs: ["/request/headers/x-a"],
      writes: ["/request/headers/x-b", "/labels/seen"],
      ownsHeaders: ["x-b"],
      idempotent: true,
    },
    { id: "after", phase: 3, mode: 3, needs: ["/response/status"], writes: ["/response/headers/x-c"] },
  ],
});

/** A service that keeps the contract, but for what its conduct says. */
export function serviceOf(conduct: Conduct = {}): Script {
  const digests = new Set([""]);
  return (call) => conduct.call?.(call) ?? answer(call, conduct, digests);
}

/** A verdict as a reply. */
export const verdictReply = (draft: VerdictDraft, reviewId: string): Reply => ({
  kind: "message",
  bytes: encodeVerdict(draft, reviewId),
});

/** An allow with nothing. */
export const ALLOW: AllowVerdict = { kind: "allow", patches: [], annotations: [], warnings: [] };

/** A denial with a status and a code. */
export const denying = (status: number, code: string): VerdictDraft => ({
  kind: "deny",
  status,
  code,
  message: "no",
  headers: [],
  annotations: [],
  warnings: [],
});

/** A gRPC status. */
export const refusing = (code: number): Reply => ({ kind: "status", code, details: "refused" });

function answer(call: ReceivedCall, conduct: Conduct, digests: Set<string>): Reply {
  switch (call.method) {
    case METHODS.describe:
      return described(call, conduct, digests);
    case METHODS.review:
      return reviewed(call, conduct, digests);
    case HEALTH.check: {
      const isKnown = ["", SERVICE].some((name) => call.message.equals(encodeHealthRequest(name)));
      return isKnown ? { kind: "message", bytes: Uint8Array.of(8, 1) } : refusing(5);
    }
    default:
      return refusing(12);
  }
}

function described(call: ReceivedCall, conduct: Conduct, digests: Set<string>): Reply {
  const request = decodeStrict(DescribeRequest, call.message);
  if (!request.ok) return refusing(3);
  for (const { configDigest } of request.value.bindings) digests.add(configDigest);
  const instead = conduct.describe?.(request.value, call);
  const manifest = conduct.manifest?.(SAMPLE_MANIFEST) ?? SAMPLE_MANIFEST;
  return instead ?? { kind: "message", bytes: Manifest.encode(manifest).finish() };
}

function reviewed(call: ReceivedCall, conduct: Conduct, digests: ReadonlySet<string>): Reply {
  const request = decodeStrict(ReviewRequest, call.message);
  if (!request.ok) return refusing(3);
  const { bindingId, phase, configDigest, reviewId } = request.value;
  if (!SAMPLE_MANIFEST.bindings.some((binding) => binding.id === bindingId && binding.phase === phase)) return refusing(5);
  if (!digests.has(configDigest)) return refusing(9);
  const usual = usualVerdict(request.value);
  return conduct.review?.(request.value, usual) ?? verdictReply(usual, reviewId);
}

function usualVerdict({ bindingId, mode, view }: ReviewRequest): VerdictDraft {
  if (bindingId === "look") {
    const isThere = view?.request?.headers.some(({ name }) => name === "x-a") === true;
    return isThere ? ALLOW : denying(400, "a_missing");
  }
  if (mode !== 3) return ALLOW;
  const path = bindingId === "change" ? "/request/headers/x-b" : "/response/headers/x-c";
  return { ...ALLOW, patches: [{ op: "add", path, value: "1" }] };
}
