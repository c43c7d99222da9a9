import { PLAIN_SCENARIOS } from "./scenarios/plain.ts";
import { REVIEWED_SCENARIOS } from "./scenarios/reviewed.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { SIZE_SCENARIOS } from "./scenarios/sizes.ts";

/** Every scenario. A new one is an entry in a file of `scenarios/`; a new peer is a file in `peers/` and a name there. */
export const SCENARIOS: readonly Scenario[] = [...PLAIN_SCENARIOS, ...REVIEWED_SCENARIOS, ...SIZE_SCENARIOS];
