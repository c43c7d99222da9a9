import { spawnSync } from "node:child_process";
import { statsOf } from "./process-tree.ts";

/** What a process does for a peer: it is the gateway, or it answers the gateway's reviews. */
export type Role = "gateway" | "service";

/** The first process of a part of a peer; everything below it counts too. */
export interface RolePid {
  readonly role: Role;
  readonly pid: number;
}

/** One moment of a peer's processes. */
export interface CpuMoment {
  readonly cpuUs: Readonly<Record<Role, number>>;
  readonly rssBytes: number;
}

/** Reads CPU time and memory of a peer's processes from `/proc`. The kernel counts CPU in ticks of usually 10 ms. */
export function cpuMeter(): (pids: readonly RolePid[]) => CpuMoment {
  const tickUs = 1_000_000 / systemNumber("CLK_TCK", 100);
  const pageBytes = systemNumber("PAGESIZE", 4096);
  return (pids) => {
    const of = (role: Role) => statsOf(pids.filter((each) => each.role === role).map(({ pid }) => pid));
    const stats = { gateway: of("gateway"), service: of("service") };
    const missing = pids.filter(({ role, pid }) => !stats[role].some((stat) => stat.pid === pid));
    if (missing.length > 0) throw new Error(`process ${missing.map(({ pid, role }) => `${pid} (${role})`).join(", ")} has ended`);
    const ticks = (role: Role) => stats[role].reduce((sum, { cpuTicks }) => sum + cpuTicks, 0);
    const pages = [...stats.gateway, ...stats.service].reduce((sum, { residentPages }) => sum + residentPages, 0);
    return { cpuUs: { gateway: ticks("gateway") * tickUs, service: ticks("service") * tickUs }, rssBytes: pages * pageBytes };
  };
}

function systemNumber(name: string, usual: number): number {
  const value = Number(spawnSync("getconf", [name], { encoding: "utf8" }).stdout);
  return Number.isFinite(value) && value > 0 ? value : usual;
}
