import type { Cancel } from "../model/cancel.ts";

/** What `work` comes to, or undefined as soon as nobody wants it any more: what was cancelled is not waited for (C4, C7). */
export function unlessCancelled<T>(work: Promise<T>, cancel: Cancel): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const forget = cancel.onAbort(() => resolve(undefined));
    work.then(
      (value) => {
        forget();
        resolve(value);
      },
      (error: unknown) => {
        forget();
        // eslint-disable-next-line typescript/prefer-promise-reject-errors -- passed on as it came
        reject(error);
      },
    );
  });
}
