/** Which rule of the contract a verdict broke. */
export type VerdictRule =
  | "mode"
  | "writes"
  | "max_patches"
  | "max_response_bytes"
  | "header"
  | "path"
  | "method"
  | "status"
  | "label"
  | "query"
  | "body"
  | "edit"
  | "annotations"
  | "warnings"
  | "cache"
  | "valid_for"
  | "answer";

/**
 * A verdict the gateway would refuse, caught before it is sent. `rule` names the rule, the message says what to do.
 * Thrown to the code that built it, or, when only the whole verdict shows it, logged and answered as a failed review.
 */
export class InvalidVerdictError extends Error {
  override readonly name = "InvalidVerdictError";
  readonly rule: VerdictRule;

  constructor(rule: VerdictRule, message: string, options?: ErrorOptions) {
    super(`${rule}: ${message}`, options);
    this.rule = rule;
  }
}

/** `review` read a field its binding's `needs` do not name. Thrown at the read; the review fails. */
export class UndeclaredReadError extends Error {
  override readonly name = "UndeclaredReadError";
  readonly pointer: string;

  constructor(binding: string, pointer: string, advice: string = `add "${pointer}" to its needs`) {
    super(`binding ${binding} reads ${pointer}, which its needs do not name: ${advice}`);
    this.pointer = pointer;
  }
}

/** `review` read a declared field that always exists but was not sent: the operator's grant leaves it out. */
export class WithheldFieldError extends Error {
  override readonly name = "WithheldFieldError";
  readonly pointer: string;

  constructor(binding: string, pointer: string) {
    super(`binding ${binding} needs ${pointer}, but the gateway did not send it: the operator's grant leaves it out`);
    this.pointer = pointer;
  }
}

/** Everything that is wrong with an interceptor's declaration, at once. Thrown by `defineInterceptor`. */
export class InterceptorDefinitionError extends Error {
  override readonly name = "InterceptorDefinitionError";
  readonly issues: readonly string[];

  constructor(interceptor: string, issues: readonly string[]) {
    super([`interceptor ${interceptor} is declared wrongly:`, ...issues].join("\n  "));
    this.issues = issues;
  }
}
