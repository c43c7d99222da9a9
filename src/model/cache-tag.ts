/** Tags of kept verdicts (C34): shared so that whoever revokes and whoever keeps cannot differ. */
export { isCacheTag } from "@sallyport/contract/cache-policy.ts";
