/** What may stand in a header line; shared so that gateway and interceptors cannot differ. */
export { isHeaderName, isHeaderValue } from "@sallyport/contract/header-text.ts";
