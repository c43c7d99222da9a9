import type { Binding } from "./binding.ts";

/** The argument of `defineInterceptor`. */
export interface InterceptorDeclaration<Id extends string> {
  /** For logs and views: `[a-z0-9]` with `-` in between; the operator's name for it decides. */
  readonly name: string;
  readonly version?: string;
  /** Whether replicas see the same state. Default `none`: it keeps none. */
  readonly stateScope?: StateScope;
  /** By binding id: `[a-z0-9]` with `-` in between. */
  readonly bindings: { readonly [K in Id]: Binding };
}

/** `replica`: each replica has its own state; `cluster`: all share it. */
export type StateScope = "none" | "replica" | "cluster";
