// One place to import verdicts from; each part has its own file.
export type {
  AllowVerdict,
  Annotation,
  CachePolicy,
  DenyVerdict,
  HeaderLine,
  RespondVerdict,
  Verdict,
  VerdictDefect,
} from "./verdict-types.ts";
export { decodeVerdict, type ExpectedVerdict, type VerdictProblem } from "./decode-verdict.ts";
export { encodeVerdict, type VerdictDraft } from "./encode-verdict.ts";
