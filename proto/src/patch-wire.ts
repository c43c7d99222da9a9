import { PatchOp as WireOp, type PatchOperation as WirePatch } from "../gen/sallyport/interceptor/v1/interceptor.ts";
import type { PatchOp, PatchOperation } from "./json-patch.ts";
import { parseJson } from "./json-parse.ts";
import { stringifyJson } from "./json-stringify.ts";
import { err, ok, type Result } from "./result.ts";

/** An operation as it came, with its value parsed. Errors hold no text of the interceptor. */
export function toPatch({ op, path, from, valueJson }: WirePatch): Result<PatchOperation> {
  switch (op) {
    case WireOp.ADD:
    case WireOp.REPLACE:
    case WireOp.TEST: {
      const value = parseJson(valueJson);
      if (!value.ok) return err(`value_json is ${value.error.kind} at offset ${value.error.offset}`);
      return ok({ op: OP_WITH_VALUE[op], path, value: value.value });
    }
    case WireOp.REMOVE:
      return ok({ op: "remove", path });
    case WireOp.MOVE:
      return ok({ op: "move", path, from });
    case WireOp.COPY:
      return ok({ op: "copy", path, from });
    default:
      return err("an operation this contract does not know");
  }
}

/** The wire form of an operation; the inverse of {@link toPatch}. */
export function fromPatch(operation: PatchOperation): WirePatch {
  return {
    op: WIRE_OPS[operation.op],
    path: operation.path,
    from: "from" in operation ? operation.from : "",
    valueJson: "value" in operation ? stringifyJson(operation.value) : "",
  };
}

const OP_WITH_VALUE = { [WireOp.ADD]: "add", [WireOp.REPLACE]: "replace", [WireOp.TEST]: "test" } as const;

const WIRE_OPS = {
  add: WireOp.ADD,
  remove: WireOp.REMOVE,
  replace: WireOp.REPLACE,
  move: WireOp.MOVE,
  copy: WireOp.COPY,
  test: WireOp.TEST,
} as const satisfies Record<PatchOp, WireOp>;
