/** Lossless JSON as the contract has it; shared so that views, conditions and patches cannot differ. */
export {
  fromPlain,
  isJsonArray,
  isJsonObject,
  parseJson,
  RawNumber,
  type Json,
  type JsonObject,
} from "@sallyport/contract/json.ts";
