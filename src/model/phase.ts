/** Phases, modes and body formats as the contract names them; shared so that gateway and interceptors cannot differ. */
export {
  BODY_FORMATS,
  MODES,
  PHASES,
  type BodyFormat,
  type FailurePolicy,
  type Mode,
  type Phase,
} from "@sallyport/contract/phase.ts";
