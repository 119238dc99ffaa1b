// import.ts — price lists in JSON, in the forms that people have, and what they would change
import type { Currency } from "../../lib/money";
import { priceOfRatio } from "../../lib/money";
import { completionOf, type PriceTables } from "../../lib/prices";
import { isObject } from "../../lib/text";

export interface Listed {
	name: string;
	/** dollars per million tokens; output null: as it is, or as the family has it */
	input: number;
	output: number | null;
}

type Members = Record<string, unknown>;

const price = (x: unknown): number | null => typeof x === "number" && Number.isFinite(x) && x >= 0 ? x : null;
/** An option's value is a text with JSON in it. */
const tableOf = (x: unknown): Members => isObject(x) ? x : typeof x === "string" ? tableOf(parse(x)) : {};

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

function fromRatios(model: Members, completion: Members, c: Currency): Listed[] {
	return Object.entries(model).flatMap(([name, ratio]) => {
		const r = price(ratio), more = price(completion[name]);
		return r === null || !name.trim() ? [] : [{ name, input: priceOfRatio(r, c), output: more === null ? null : priceOfRatio(r * more, c) }];
	});
}

/** Rows of a catalogue: by ratios as gateways have them, or in dollars. */
function fromRow(name: string, row: Members, c: Currency): Listed[] {
	const ratio = price(row.model_ratio);
	const input = ratio === null ? price(row.input) : priceOfRatio(ratio, c);
	if (!name.trim() || input === null)
		return [];
	const more = price(row.completion_ratio);
	return [{ name, input, output: ratio === null ? price(row.output) : more === null ? null : input * more }];
}

/**
 * Knows, alone or under "data":
 *	{ "ModelRatio": {…}, "CompletionRatio": {…} }		settings as this UI exports them
 *	{ "models": [{ "model": …, "model_ratio": … }] }	GET /api/pricing, also as a plain list with model_name
 *	{ "gpt-4o": { "input": 2.5, "output": 10 } }		dollars per million tokens
 *	{ "gpt-4o": 1.25 }					ratios
 * Null: this is none of them.
 */
export function readPriceList(text: string, c: Currency): Listed[] | null {
	const tree = parse(text);
	const root = isObject(tree) && "data" in tree ? tree.data : tree;
	const rows = Array.isArray(root) ? root : isObject(root) && Array.isArray(root.models) ? root.models : null;
	const found = rows ? rows.filter(isObject).flatMap((r) => fromRow(String(r.model ?? r.model_name ?? ""), r, c))
		: !isObject(root) ? []
		: "ModelRatio" in root ? fromRatios(tableOf(root.ModelRatio), tableOf(root.CompletionRatio), c)
		: Object.values(root).some(isObject) ? Object.entries(root).flatMap(([name, r]) => isObject(r) ? fromRow(name, r, c) : [])
		: fromRatios(root, {}, c);
	return found.length ? found : null;
}

export interface PriceDifference {
	name: string;
	kind: "new" | "changed";
	input: number;
	output: number;
	before: { input: number; output: number } | null;
}

const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

/** What the list would change; what it says as it is already is left out. */
export function differencesOf(listed: Listed[], tables: PriceTables, c: Currency): PriceDifference[] {
	return listed.flatMap(({ name, input, output: said }): PriceDifference[] => {
		const ratio = tables.model[name];
		const output = said ?? input * completionOf(tables, name);
		if (ratio === undefined)
			return [{ name, kind: "new", input, output, before: null }];
		const old = priceOfRatio(ratio, c), before = { input: old, output: old * completionOf(tables, name) };
		return near(before.input, input) && near(before.output, output) ? [] : [{ name, kind: "changed", input, output, before }];
	});
}
