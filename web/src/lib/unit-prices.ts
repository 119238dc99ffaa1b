// unit-prices.ts — what a model is sold by, and prices per picture, minute, characters or request, as they are edited
import { units, type PricingRow, type Unit } from "./pricing";
import { isObject, objectOf } from "./text";

/** What is known of a model's price, from the least to the most particular. */
export interface Known {
	/** a built-in model that is not sold by tokens; its ratio is then one-api's figure for that unit */
	builtIn?: Unit | undefined;
	ratio?: number | undefined;
	/** of the catalogue: only what is served has one */
	row?: PricingRow | undefined;
	/** of the option ModelPrice */
	entry?: unknown;
}

export interface Sold {
	tokens: boolean;
	/** dollars; null: it depends on size and quality */
	units: { unit: Unit; price: number | null }[];
}

/** Dollars of a unit at ratio 1. */
const atRatioOne: Record<Unit, number> = { per_image: 0.002, per_minute: 0.0004, per_million_characters: 2, per_request: 0 };

/** A mere number is a price per request. */
const membersOf = (entry: unknown): Record<string, unknown> => isObject(entry) ? entry : typeof entry === "number" ? { per_request: entry } : {};

export function soldAs({ builtIn, ratio, row, entry }: Known): Sold {
	const own = membersOf(entry);
	const found = units.flatMap((unit): Sold["units"] => {
		const price = own[unit] ?? row?.[unit] ?? (builtIn === unit && ratio !== undefined ? Number((ratio * atRatioOne[unit]).toPrecision(9)) : undefined);
		return typeof price === "number" ? [{ unit, price }] : isObject(price) ? [{ unit, price: null }] : [];
	});
	const tokens = row ? row.model_ratio !== undefined : ratio !== undefined && !builtIn;
	return { tokens: tokens || found.length === 0, units: found };
}

export interface UnitChange {
	name: string;
	unit: Unit;
	/** dollars */
	price: number;
}

/** The option ModelPrice with new prices; everything else in it stays. */
export function withUnitPrices(option: string, changes: UnitChange[]): string {
	const next: Record<string, unknown> = { ...objectOf(option) };
	for (const { name, unit, price } of changes)
		next[name] = { ...membersOf(next[name]), [unit]: price };
	return JSON.stringify(next);
}
