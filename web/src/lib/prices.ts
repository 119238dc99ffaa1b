// prices.ts — the three price tables, and what a model costs in a group
import { priceOfRatio, ratioOfPrice, unpricedRatio, type Currency } from "./money";

export interface PriceTables {
	model: Record<string, number>;
	completion: Record<string, number>;
	group: Record<string, number>;
}

export interface Price {
	/** dollars per million tokens */
	input: number;
	output: number;
	priced: boolean;
}

const families: [prefix: RegExp, factor: number][] = [
	[/^gpt-4o/, 4], [/^gpt-4-turbo|^gpt-4.*preview/, 3], [/^gpt-4/, 2], [/^gpt-3\.5-turbo$|^gpt-3\.5.*0125/, 3], [/^gpt-3\.5.*1106/, 2],
	[/^gpt-3\.5/, 4 / 3], [/^o1/, 4], [/^claude-3/, 5], [/^claude/, 3], [/^mistral-|^gemini-/, 3], [/^deepseek-/, 2],
];

/** What one-api takes for output when its table is silent. */
export function completionOf(tables: PriceTables, name: string): number {
	return tables.completion[name] ?? families.find(([prefix]) => prefix.test(name))?.[1] ?? 1;
}

export function priceOf(tables: PriceTables, name: string, group: string, c: Currency): Price {
	const ratio = tables.model[name];
	const input = priceOfRatio((ratio ?? unpricedRatio) * (tables.group[group] ?? 1), c);
	return { input, output: input * completionOf(tables, name), priced: ratio !== undefined };
}

export interface PriceChange {
	name: string;
	input: number;
	output: number;
}

/** The tables with new list prices; the completion ratio is what output costs in terms of input. */
export function withPrices(tables: PriceTables, changes: PriceChange[], c: Currency): PriceTables {
	const next = { ...tables, model: { ...tables.model }, completion: { ...tables.completion } };
	for (const { name, input, output } of changes) {
		next.model[name] = ratioOfPrice(input, c);
		next.completion[name] = input > 0 ? Number((output / input).toPrecision(12)) : 1;
	}
	return next;
}

/** Lines "name <tab or comma> input <tab or comma> output" out of a spreadsheet. */
export function parsePrices(text: string): PriceChange[] {
	return text.split(/\r?\n/).map((l) => l.split(/\t|,|;/).map((x) => x.trim().replace(/^\$/, "")))
		.filter(([name, input]) => name && input && Number.isFinite(Number(input)) && Number(input) >= 0)
		.map(([name, input, output]) => ({ name: name!, input: Number(input), output: output && Number.isFinite(Number(output)) ? Number(output) : Number(input) }));
}
