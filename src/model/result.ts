/** The one shape of an expected success or failure; shared with the contract package so that its functions compose with ours. */
export { err, ok, type Result } from "@sallyport/contract/result.ts";
