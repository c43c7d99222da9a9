// The public face of the package.
export { Allow, allow } from "./allow.ts";
export { type Answer, Binding, binding, type BindingDeclaration, type Match } from "./binding.ts";
export type { Draft } from "./change.ts";
export type { ReviewCounters } from "./counters.ts";
export { Deny, deny, type DenyCache, type DenyDetails } from "./deny.ts";
export {
  InterceptorDefinitionError,
  InvalidVerdictError,
  UndeclaredReadError,
  type VerdictRule,
  WithheldFieldError,
} from "./errors.ts";
export type { GatewayProof, JwksSource, JwtProof } from "./gateway-proof.ts";
export { defineInterceptor, Interceptor } from "./interceptor.ts";
export type { InterceptorDeclaration, StateScope } from "./interceptor-declaration.ts";
export type { Log, LogEntry } from "./log.ts";
export { Respond, respond, type RespondDetails } from "./respond.ts";
export type { ReviewCall } from "./review-call.ts";
export {
  type InsecureServeOptions,
  type RunningInterceptor,
  serve,
  type ServeOptions,
  type TlsServeOptions,
  type UnixServeOptions,
} from "./serve.ts";
export { serveFromEnv, type Surroundings } from "./serve-from-env.ts";
export type { TlsOptions } from "./tls-options.ts";
export type { JsonValue, OutcomeView, PrincipalView, View } from "./view.ts";
