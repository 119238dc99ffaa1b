// pricing.ts — GET pricing: what models cost beside their tokens, and parts of them
export interface PricingRow {
	model: string;
	model_ratio?: number;
	completion_ratio?: number;
	tiers?: { above: number; input?: number; output?: number }[];
	/** US dollars, before the group's ratio */
	per_image?: number;
	per_minute?: number;
	per_million_characters?: number;
	per_request?: number;
	/** times the price of input */
	[part: string]: unknown;
}

export interface Pricing {
	models?: PricingRow[];
	group?: string;
	group_ratio?: Record<string, number>;
	/** for root: built-in models that are not sold by tokens */
	sold_by?: Record<string, Unit>;
}

export const units = ["per_image", "per_minute", "per_million_characters", "per_request"] as const;
export type Unit = (typeof units)[number];
export const parts = ["cached", "cache_write", "cache_write_1h", "audio_in", "image_in", "reasoning", "audio_out", "image_out"] as const;

/** What it is sold by beside tokens, in dollars for the group. */
export const unitPrices = (row: PricingRow | undefined, groupRatio = 1): { unit: Unit; price: number }[] =>
	units.flatMap((unit) => typeof row?.[unit] === "number" ? [{ unit, price: row[unit] * groupRatio }] : []);

/** The same of what has no price by tokens. */
export const soldBy = (row: PricingRow | undefined, groupRatio = 1): ReturnType<typeof unitPrices> => row?.model_ratio === undefined ? unitPrices(row, groupRatio) : [];

/** Tokens that have a price of their own, in dollars per million where input is the group's price. */
export const partPrices = (row: PricingRow | undefined, input: number): { part: (typeof parts)[number]; price: number }[] =>
	parts.flatMap((part) => typeof row?.[part] === "number" ? [{ part, price: row[part] * input }] : []);

export interface TokenPrice {
	/** dollars per million tokens */
	input: number;
	output: number;
}

/** For the group; null when the model is not sold by tokens, or has no price. perUnit: units that are a dollar. */
export function tokenPrice(row: PricingRow | undefined, groupRatio: number, perUnit: number): TokenPrice | null {
	if (typeof row?.model_ratio !== "number")
		return null;
	const input = row.model_ratio * groupRatio * 1_000_000 / perUnit;
	return { input, output: input * (row.completion_ratio ?? 1) };
}

/** One-api's tables out of the catalogue: a model without a ratio is in none of them. */
export function ratiosOfRows(rows: PricingRow[], name: "model_ratio" | "completion_ratio"): Record<string, number> {
	return Object.fromEntries(rows.flatMap((r) => typeof r[name] === "number" ? [[r.model, r[name]]] : []));
}
