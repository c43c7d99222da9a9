// One place to import the fields of the view from; each part has its own file.
export {
  fieldAt,
  fieldKey,
  fieldTokens,
  parseFieldPointer,
  type Field,
  type FieldPointer,
  type ReadonlyRoot,
  type RequestMember,
  type Side,
} from "./field.ts";
export { compilePointers, intersectPointers, PointerSet } from "./pointer-set.ts";
export { isFraming, isHopByHop, isProtectedHeader } from "./protected-header.ts";
export { isWritableField, legalNeeds, legalWrites } from "./legal-pointer.ts";
