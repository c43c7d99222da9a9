/** Flags for the Node of our gateway and interceptor, for profiles: `BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=profiles"`. */
export const nodeFlags = (): readonly string[] =>
  (process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");
