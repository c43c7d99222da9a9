/** What an operation that is expected to fail now and then answers: a value, or the reason there is none. */
export type Result<T, E = string> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** Wraps what was asked for. */
export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

/** Wraps why it is not there. */
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });
