import { matching } from "./primitives.ts";

const WORD = "[A-Za-z_][A-Za-z0-9_]{0,127}";

/** Full name of a service. */
export const grpcName = matching({
  title: "gRPC service",
  expected: "the full name of a service such as shop.v1.Orders",
  pattern: `^${WORD}(\\.${WORD}){0,15}$`,
});

/** Name of a method within its service. */
export const grpcMethod = matching({
  title: "gRPC method",
  expected: "the name of a method such as Get",
  pattern: `^${WORD}$`,
});

/** A method with its service in front. */
export const fullMethod = matching({
  title: "gRPC method with its service",
  expected: "a method with its service such as shop.v1.Orders/Get",
  pattern: `^${WORD}(\\.${WORD}){0,15}/${WORD}$`,
});

/** A field of a message. */
export const fieldName = matching({
  title: "name of a field",
  expected: "the name of a field such as name",
  pattern: `^${WORD}$`,
});

/** A field of a message, or of messages within it. */
export const fieldPath = matching({
  title: "field",
  expected: "the name of a field such as name or order.name",
  pattern: `^${WORD}(\\.${WORD}){0,15}$`,
});
