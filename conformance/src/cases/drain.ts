import { exec } from "node:child_process";
import { readFileSync } from "node:fs";
import { usable } from "../asked.ts";
import type { CallStream } from "../call-stream.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, Finding, NotApplicable, quoted, skip } from "../finding.ts";
import { encodeHealthRequest, HEALTH, readHealthStatus, SERVING } from "../health-message.ts";
import type { AskedReview, Probe } from "../probe.ts";
import { STATUS, statusName } from "../status-name.ts";

const DRAIN_MS = 30_000;
const RESTART_MS = 30_000;

/** The end of a service's life; these come last, since the service may be gone afterwards. */
export const DRAIN_CASES: readonly ConformanceCase[] = [
  {
    name: "drain-finishes-reviews",
    rule: "§5.2",
    requires:
      "on SIGTERM health turns NOT_SERVING or its stream ends, reviews under way are finished, and the process leaves within 30 s",
    maxMs: DRAIN_MS + 15_000,
    async run(probe) {
      const { pid } = probe.options;
      if (pid === undefined) return skip("no --pid of the service was given");
      using health = probe.main.stream(HEALTH.watch, encodeHealthRequest(""), { withinMs: DRAIN_MS });
      const isWatched = (await health.next(2_000)).kind === "message";
      const reviews = await reviewsUnderWay(probe);
      terminate(pid);
      for (const asked of await reviews.all) isFinished(asked);
      if (isWatched) await saysItLeaves(health);
      await isGone(pid);
      return isWatched ? "health said so" : "health is not watchable";
    },
  },
  {
    name: "restart-survived",
    rule: "C30",
    requires: "after a restart the service answers Describe within 30 s, and reviews once it was described again",
    maxMs: 120_000,
    async run(probe) {
      const { restartCommand } = probe.options;
      if (restartCommand === undefined) return skip("no --restart-command was given");
      // what it is before must be known: it may be away for a while
      await probe.bindings();
      await runCommand(restartCommand);
      await worksAgain(probe);
    },
  },
];

/** A hundred reviews, of which the first is answered: the others are on their way. */
async function reviewsUnderWay(probe: Probe): Promise<{ readonly all: Promise<readonly AskedReview[]> }> {
  const bindings = await probe.bindings();
  const questions = Array.from({ length: 100 }, (_, index) => bindings[index % bindings.length]).flatMap(
    (binding) => binding ?? [],
  );
  const asked = questions.map((binding) => probe.reviewSample(binding, "typical", { withinMs: DRAIN_MS }));
  await Promise.race(asked);
  return { all: Promise.all(asked) };
}

/** One the service has not seen may be refused: the gateway sends it again, elsewhere (C6). */
function isFinished(asked: AskedReview): void {
  const { answer } = asked;
  if (answer.kind === "reply") return void usable(asked);
  ensure(
    answer.code === STATUS.UNAVAILABLE,
    `${asked.binding.place}: a review at the time of SIGTERM ends with ${statusName(answer.code)}: ${quoted(answer.details)}`,
  );
}

function terminate(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    fail(`SIGTERM cannot be sent to ${pid}: ${error instanceof Error ? error.message : "unknown error"}`);
  }
}

async function saysItLeaves(health: CallStream): Promise<void> {
  const event = await health.next(10_000);
  ensure(event.kind !== "quiet", "the health stream says nothing for 10 s after SIGTERM");
  if (event.kind === "message") {
    const status = readHealthStatus(event.bytes);
    ensure(status === SERVING.notServing, `after SIGTERM health says status ${status}`);
  }
}

async function isGone(pid: number): Promise<void> {
  const untilMs = performance.now() + DRAIN_MS;
  while (isAlive(pid)) {
    if (performance.now() > untilMs) fail(`the process is still there ${DRAIN_MS / 1000} s after SIGTERM`);
    // nothing announces the moment to somebody else's process
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // a process nobody has waited for yet is gone all the same
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

function runCommand(command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    exec(command, { timeout: 60_000 }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Finding(`the restart command failed: ${quoted(`${error.message} ${stderr}`, 500)}`));
    });
  });
}

/** Describe and a review of each binding, on the connection of before: a gateway's channel comes back by itself, too. */
async function worksAgain(probe: Probe): Promise<void> {
  const untilMs = performance.now() + RESTART_MS;
  for (;;) {
    try {
      await probe.describeAgain();
      for (const binding of await probe.bindings()) usable(await probe.reviewSample(binding));
      return;
    } catch (error) {
      if (!(error instanceof Finding || error instanceof NotApplicable)) throw error;
      if (performance.now() > untilMs) fail(`${RESTART_MS / 1000} s after the restart: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
