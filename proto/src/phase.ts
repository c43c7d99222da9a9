/** What applies when an interceptor gave no usable verdict (C15, C19). */
export type FailurePolicy = "fail-closed" | "fail-open";

/** What the gateway lets a verdict do at one review phase. */
export interface PhaseRules {
  /** Which side of the exchange patches may change (C10). */
  readonly view: "request" | "response";
  readonly mayPatch: boolean;
  /** Applies when neither operator nor manifest chose one (C30). */
  readonly defaultFailurePolicy: FailurePolicy;
  /** Value of the enum `Phase` on the wire. */
  readonly wire: 1 | 2 | 3;
}

/** Every review phase, in the order an exchange meets them. Adding one is adding a row here. */
export const PHASES = {
  "pre-auth": { view: "request", mayPatch: true, defaultFailurePolicy: "fail-closed", wire: 1 },
  "pre-route": { view: "request", mayPatch: true, defaultFailurePolicy: "fail-closed", wire: 2 },
  "post-response": { view: "response", mayPatch: true, defaultFailurePolicy: "fail-closed", wire: 3 },
} as const satisfies Record<string, PhaseRules>;

/** A point of an exchange's life at which interceptors are asked. */
export type Phase = keyof typeof PHASES;

/** What one mode allows. */
export interface ModeRules {
  /** Strength: a grant may only lower it (C30). */
  readonly rank: 0 | 1 | 2;
  readonly mayPatch: boolean;
  readonly mayDeny: boolean;
  /** Value of the enum `Mode` on the wire. */
  readonly wire: 1 | 2 | 3;
}

/** Every mode, weakest first. */
export const MODES = {
  observe: { rank: 0, mayPatch: false, mayDeny: false, wire: 1 },
  validate: { rank: 1, mayPatch: false, mayDeny: true, wire: 2 },
  mutate: { rank: 2, mayPatch: true, mayDeny: true, wire: 3 },
} as const satisfies Record<string, ModeRules>;

/** What a binding may do with an exchange. */
export type Mode = keyof typeof MODES;

/** How a body is shown to a binding (C24), with the value of the enum `BodyFormat` on the wire. */
export const BODY_FORMATS = {
  json: { wire: 1 },
  text: { wire: 2 },
  bytes: { wire: 3 },
} as const satisfies Record<string, { readonly wire: number }>;

/** `json`: addressable below the body; `text` and `bytes`: replaced whole (bytes travel as base64 in patches). */
export type BodyFormat = keyof typeof BODY_FORMATS;

/** The phase of a wire value; undefined for 0 and for values of a newer contract. */
export const phaseFromWire = (wire: number): Phase | undefined => rowOf(PHASES, wire);

/** The mode of a wire value; undefined for 0 and for values of a newer contract. */
export const modeFromWire = (wire: number): Mode | undefined => rowOf(MODES, wire);

/** The body format of a wire value; undefined for 0 (no body wanted) and for values of a newer contract. */
export const bodyFormatFromWire = (wire: number): BodyFormat | undefined => rowOf(BODY_FORMATS, wire);

function rowOf<Name extends string>(table: Readonly<Record<Name, { readonly wire: number }>>, wire: number): Name | undefined {
  for (const name in table) if (table[name].wire === wire) return name;
  return undefined;
}
