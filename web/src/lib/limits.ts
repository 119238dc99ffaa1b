// limits.ts — what can be limited: how many, and how much may be spent
export const limitCounts = ["rpm", "tpm", "tpd", "parallel"] as const;
export const limitBudgets = ["budget_day", "budget_week", "budget_month"] as const;

export type LimitName = (typeof limitCounts)[number] | (typeof limitBudgets)[number];
