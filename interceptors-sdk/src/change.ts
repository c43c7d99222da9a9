/**
 * One thing an allow verdict changes. Changes are turned into patch operations after `review` returned, against the
 * view it was shown.
 */
export type Change =
  | { readonly kind: "put"; readonly pointer: string; readonly value: string | number | readonly string[] }
  | { readonly kind: "drop"; readonly pointer: string }
  | { readonly kind: "append"; readonly pointer: string; readonly value: string }
  | { readonly kind: "body"; readonly pointer: string; readonly value: unknown }
  | { readonly kind: "edit"; readonly pointer: string; readonly change: EditChange };

/** An `edit` callback with its draft's type erased. */
export type EditChange = (draft: unknown) => unknown;

/**
 * A JSON value that may be altered in place. A bigint may be written where a number needs more digits than a double
 * has; a member set to undefined is left out.
 */
export type Draft = undefined | null | boolean | number | bigint | string | Draft[] | { [name: string]: Draft };
