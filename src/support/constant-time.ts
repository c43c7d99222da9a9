import { timingSafeEqual } from "node:crypto";

/** Whether two texts are equal, in a time that depends on their lengths only. For digests: a secret's own length would show. */
export function equalInConstantTime(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, "utf8"), Buffer.from(b, "utf8")];
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}
