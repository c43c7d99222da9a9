import type { BindingPlan } from "../model/plan.ts";

/** Whether what a binding says counts: of what a shadow says nothing does, so it writes, owns, guards and covers nothing (C33). */
export const enforces = ({ enforcement }: Pick<BindingPlan, "enforcement">): boolean => enforcement === "enforce";
