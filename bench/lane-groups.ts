import type { Goal } from "./goals.ts";
import type { WantedLane } from "./start-lanes.ts";

/**
 * Lanes in the groups that are measured together: whoever shares a scenario, or is compared by a goal, and nobody else. So few peers wait while
 * one is asked, and what is compared meets the same minutes of the machine. Order is kept.
 */
export function laneGroups(wanted: readonly WantedLane[], goals: readonly Goal[]): readonly (readonly WantedLane[])[] {
  const groups = new Map<string, WantedLane[]>();
  for (const lane of wanted) {
    const others = groups.get(lane.scenario.name);
    if (others === undefined) groups.set(lane.scenario.name, [lane]);
    else others.push(lane);
  }
  for (const goal of goals) {
    if (!("ours" in goal)) continue;
    const [ours, anchor] = [groupOf(groups, goal.ours), groupOf(groups, goal.anchor)];
    if (ours === undefined || anchor === undefined || ours[0] === anchor[0]) continue;
    anchor[1].push(...ours[1]);
    groups.delete(ours[0]);
  }
  return [...groups.values()];
}

const groupOf = (groups: ReadonlyMap<string, WantedLane[]>, peer: string): readonly [string, WantedLane[]] | undefined =>
  [...groups].find(([, lanes]) => lanes.some((lane) => lane.peer.name === peer));
