/** The one normal form of a request path (C25); shared so that patterns, requests and patches cannot differ. */
export { normalisePath, type PathProblem } from "@sallyport/contract/request-path.ts";
