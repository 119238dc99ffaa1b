// tables.ts — options that are JSON objects as rows with fields, and back
//
// What a row does not know stays with it as it was, so that nothing is lost by looking at it.
import { limitBudgets, limitCounts } from "../../lib/limits";
import { parseAmount, type Currency } from "../../lib/money";
import { parts } from "../../lib/pricing";
import { objectOf } from "../../lib/text";

type Members = Record<string, unknown>;

const textOf = (rows: [string, unknown][]): string => {
	const named = rows.filter(([name]) => name.trim() !== "");
	return named.length ? JSON.stringify(Object.fromEntries(named.map(([name, value]) => [name.trim(), value])), null, 2) : "";
};

const fieldText = (value: unknown): string => value === undefined || value === null || value === 0 ? "" : typeof value === "string" ? value : JSON.stringify(value);

/** What was typed; what is no number stays a text, which the check and the server refuse. */
const numberOf = (text: string): number | string => text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;

// ---- RateLimits ---------------------------------------------------------------------------------

/** Those that end in a sign are followed by whom they mean. */
export const limitScopes = ["key", "user", "group", "channel", "address", "key@", "user@", "group:", "channel:"] as const;

export interface LimitEntry {
	/** one of limitScopes; "" when the name is of no known form and stands in subject */
	scope: string;
	subject: string;
	values: Record<string, string>;
	rest: Members;
}

export function readLimits(text: string): LimitEntry[] {
	const known: readonly string[] = [...limitCounts, ...limitBudgets, "timezone"];
	return Object.entries(objectOf(text)).map(([name, value]) => {
		const [, sign, subject] = /^(key@|user@|group:|channel:)(.*)$/s.exec(name) ?? [];
		const scope = sign ?? ((limitScopes as readonly string[]).includes(name) ? name : "");
		const members = typeof value === "object" && value !== null ? value as Members : {};
		return {
			scope, subject: scope ? subject ?? "" : name, values: Object.fromEntries(known.map((n) => [n, fieldText(members[n])])),
			rest: Object.fromEntries(Object.entries(members).filter(([n]) => !known.includes(n))),
		};
	});
}

export const limitName = (e: Pick<LimitEntry, "scope" | "subject">): string => /[@:]$/.test(e.scope) ? `${e.scope}${e.subject.trim()}` : e.scope || e.subject;

export const writeLimits = (entries: LimitEntry[]): string => textOf(entries.map((e): [string, unknown] => [limitName(e), {
	...Object.fromEntries(Object.entries(e.values).filter(([, v]) => v.trim() !== "").map(([n, v]) => [n, n === "timezone" ? v.trim() : numberOf(v)])), ...e.rest,
}]));

/** Whole numbers, names that say whom they mean. Null: nothing is wrong. */
export function limitsFault(text: string): "name" | "number" | null {
	for (const e of readLimits(text)) {
		if (e.scope === "" || (/[@:]$/.test(e.scope) && e.subject.trim() === ""))
			return "name";
		if ([...limitCounts, ...limitBudgets].some((n) => e.values[n] && !/^\d{1,15}$/.test(e.values[n]!)))
			return "number";
	}
	return null;
}

export const budgetUnits = (text: string, c: Currency): string => text.trim() === "" ? "" : String(parseAmount(text, c) ?? text);

// ---- ModelPrice ---------------------------------------------------------------------------------

export const priceDollars = ["per_request", "per_image", "per_minute", "per_million_characters", "per_million_trained"] as const;
/** Times the input price; times all prices, in a batch; then dollars. */
export const priceMembers = [...parts, "batch", ...priceDollars] as const;

interface Tier {
	above: string;
	input: string;
	output: string;
}

export interface PriceEntry {
	model: string;
	/** only those that are set */
	values: Record<string, string>;
	/** per_image by quality and size */
	images: [string, string][] | null;
	tiers: Tier[] | null;
	rest: Members;
}

export function readPrices(text: string): PriceEntry[] {
	return Object.entries(objectOf(text)).map(([model, value]) => {
		const members = (typeof value === "object" && value !== null ? value : { per_request: value }) as Members;
		const { tiers, per_image: images } = members;
		const split = typeof images === "object" && images !== null;
		return {
			model, images: split ? Object.entries(images).map(([n, v]) => [n, String(v)] as [string, string]) : null,
			tiers: Array.isArray(tiers) ? (tiers as Members[]).map((x) => ({ above: fieldText(x.above), input: String(x.input ?? ""), output: String(x.output ?? "") })) : null,
			values: Object.fromEntries(priceMembers.filter((n) => members[n] !== undefined && !(n === "per_image" && split)).map((n) => [n, String(members[n])])),
			rest: Object.fromEntries(Object.entries(members).filter(([n]) => n !== "tiers" && !(priceMembers as readonly string[]).includes(n))),
		};
	});
}

export const writePrices = (entries: PriceEntry[]): string => textOf(entries.map((e): [string, unknown] => [e.model, {
	...Object.fromEntries(Object.entries(e.values).filter(([, v]) => v.trim() !== "").map(([n, v]) => [n, numberOf(v)])),
	...(e.images ? { per_image: Object.fromEntries(e.images.filter(([n]) => n.trim() !== "").map(([n, v]) => [n.trim(), numberOf(v)])) } : {}),
	...(e.tiers ? { tiers: e.tiers.map((x) => ({ above: numberOf(x.above), ...(x.input.trim() ? { input: numberOf(x.input) } : {}), ...(x.output.trim() ? { output: numberOf(x.output) } : {}) })) } : {}),
	...e.rest,
}]));

const isPrice = (v: string): boolean => v.trim() !== "" && Number(v) >= 0 && Number(v) <= 1_000_000;

export function pricesFault(text: string): "number" | null {
	return readPrices(text).some((e) => Object.values(e.values).some((v) => !isPrice(v)) || e.images?.some(([, v]) => !isPrice(v)) ||
		e.tiers?.some((x) => !/^[1-9]\d*$/.test(x.above) || [x.input, x.output].some((v) => v !== "" && !isPrice(v)))) ? "number" : null;
}

// ---- ModelFallbacks -----------------------------------------------------------------------------

export const readChains = (text: string): [string, string[]][] => Object.entries(objectOf(text)).map(([name, list]) => [name, Array.isArray(list) ? list.map(String) : []]);
export const writeChains = (chains: [string, string[]][]): string => textOf(chains);

/** Names that occur twice: the later one would win unseen. */
export const doubles = (names: string[]): Set<string> => new Set(names.filter((n, i) => n !== "" && names.indexOf(n) !== i));
