/** Defaults and bounds of the contract's limits; shared so that gateway and interceptors cannot differ. */
export { FIXED_LIMITS, LIMITS, type LimitRange } from "@sallyport/contract/limits.ts";
