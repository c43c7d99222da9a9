import { readdirSync, readFileSync } from "node:fs";

/** What the kernel says about a process in `/proc/<pid>/stat`; times in clock ticks. */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  /** User and system time of all its threads, and of children it has waited for. */
  readonly cpuTicks: number;
  /** Resident memory, pages. */
  readonly residentPages: number;
}

/** The process and everything below it, by parent process id. Empty when it is gone. */
export function processTree(rootPid: number): readonly number[] {
  return statsOf([rootPid]).map(({ pid }) => pid);
}

/** Figures of the processes and everything below them, taken one after the other. */
export function statsOf(rootPids: readonly number[]): readonly ProcessStat[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)));
  const found = new Map(all.filter(({ pid }) => rootPids.includes(pid)).map((stat) => [stat.pid, stat]));
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const stat of all) if (found.has(stat.parentPid)) found.set(stat.pid, stat);
  }
  return [...found.values()];
}

function readStat(pid: number): readonly ProcessStat[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // the second field is the program's name in parentheses and may hold anything, also spaces and parentheses
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [parentPid = 0] = fields.slice(1);
    const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11);
    const [residentPages = 0] = fields.slice(21);
    return [{ pid, parentPid, cpuTicks: user + system + childrenUser + childrenSystem, residentPages }];
  } catch {
    return [];
  }
}
