// what a room that stays off the contract package may know of it
export { defaultAudience, issuerOf, MAX_TOKEN_LIFETIME_MS } from "@sallyport/contract/gateway-token.ts";
