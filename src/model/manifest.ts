import type { BodyFormat, Mode, Phase } from "@sallyport/contract/phase.ts";

/** What a service says it wants (Describe), checked and in our words. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bindings: readonly BindingDeclaration[];
  /** Empty when the service does not say. */
  readonly expectedAudience: string;
  readonly stateScope: "none" | "replica" | "cluster";
  /** It revokes cached verdicts by Watch: while that stream is down none is used (C34). */
  readonly revokes: boolean;
}

/** One binding a service can answer for. Lists of a selector: empty means all. */
export interface BindingDeclaration {
  readonly id: string;
  readonly phase: Phase;
  readonly mode: Mode;
  readonly selector: {
    readonly methods: readonly string[];
    readonly hosts: readonly string[];
    readonly paths: readonly string[];
  };
  readonly needs: readonly string[];
  readonly writes: readonly string[];
  readonly ownsHeaders: readonly string[];
  readonly cacheable: boolean;
  readonly idempotent: boolean;
  readonly body: BodyFormat | undefined;
  readonly failClosed: boolean;
}
