import { readFileSync, writeFileSync } from "node:fs";

/** Memory of one process, KiB: `now`, and `peak` the most it ever had. Throws when it is gone. */
export function residentKiB(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const figure = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  const memory = { now: figure("VmRSS"), peak: figure("VmHWM") };
  if (Number.isNaN(memory.now + memory.peak)) throw new Error(`the kernel says nothing about the memory of process ${pid}`);
  return memory;
}

/** Forgets the peak so far: `peak` is then the most since. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Files a process started from here may have open. */
export function openFilesLimit(): number {
  // soft and hard; Node raises the former to the latter
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
  return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}
