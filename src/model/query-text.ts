/** A query as raw pairs and what they decode to (C25); shared so that views, patches and credentials cannot differ. */
export { QueryText } from "@sallyport/contract/request-path.ts";
