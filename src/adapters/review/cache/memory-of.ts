/** What an object, a list or a map takes besides its members, and a member besides its value; a guess to the safe side. */
const AROUND_BYTES = 64;
const MEMBER_BYTES = 16;

/** Estimate of the memory a verdict takes, bytes. Deep as its JSON, which the contract bounds. */
export function memoryOf(value: unknown): number {
  if (typeof value === "string") return MEMBER_BYTES + value.length * 2;
  if (typeof value !== "object" || value === null) return MEMBER_BYTES;
  if (value instanceof Uint8Array) return AROUND_BYTES + value.byteLength;
  let bytes = AROUND_BYTES;
  const members = value instanceof Map ? value.entries() : Object.entries(value);
  for (const [name, member] of members) bytes += MEMBER_BYTES + memoryOf(name) + memoryOf(member);
  return bytes;
}
