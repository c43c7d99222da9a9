/** Methods that do the same when done twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Whether doing it twice is doing it once. */
export const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method);
