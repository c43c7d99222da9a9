/** What a view consists of and what may be read and written of it; shared so that gateway and interceptors cannot differ. */
export {
  isFraming,
  isHopByHop,
  isProtectedHeader,
  legalNeeds,
  legalWrites,
  parseFieldPointer,
  type Field,
  type FieldPointer,
} from "@sallyport/contract/view-field.ts";
