/** Defaults and bounds of the contract's limits; shared so that gateway and interceptors cannot differ. */
export { FIXED_LIMITS, LIMITS, type LimitRange } from "@sallyport/contract/limits.ts";

/** Longest CEL expression (`when`), characters: the loader and the compiler of expressions agree by it (C22). */
export const EXPRESSION_CHARACTERS = 4096;
