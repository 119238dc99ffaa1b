import { expect, test } from "vitest";
import { soldAs, withUnitPrices, type Known, type Sold } from "./unit-prices";

const cases: [what: string, known: Known, want: Sold][] = [
	["nothing is known: tokens are asked for", {}, { tokens: true, units: [] }],
	["a ratio", { ratio: 1.25 }, { tokens: true, units: [] }],
	["served, by tokens", { ratio: 1.25, row: { model: "m", model_ratio: 1.25 } }, { tokens: true, units: [] }],
	["a built-in picture, not served: one-api's 20 is 4 cents", { builtIn: "per_image", ratio: 20 }, { tokens: false, units: [{ unit: "per_image", price: 0.04 }] }],
	["a built-in voice: 7.5 is 15 dollars for a million characters", { builtIn: "per_million_characters", ratio: 7.5 }, { tokens: false, units: [{ unit: "per_million_characters", price: 15 }] }],
	["a built-in ear: 15 is 0.006 dollars a minute", { builtIn: "per_minute", ratio: 15 }, { tokens: false, units: [{ unit: "per_minute", price: 0.006 }] }],
	["the catalogue knows better", { builtIn: "per_image", ratio: 20, row: { model: "m", per_image: 0.12 } }, { tokens: false, units: [{ unit: "per_image", price: 0.12 }] }],
	["the option knows best", { builtIn: "per_image", ratio: 20, row: { model: "m", per_image: 0.12 }, entry: { per_image: 0.2 } }, { tokens: false, units: [{ unit: "per_image", price: 0.2 }] }],
	["pictures by size", { row: { model: "m", per_image: 0.12 }, entry: { per_image: { "1024x1024": 0.04, "*": 0.12 } } }, { tokens: false, units: [{ unit: "per_image", price: null }] }],
	["tokens and each request", { ratio: 1, row: { model: "m", model_ratio: 1, per_request: 0.01 }, entry: 0.01 }, { tokens: true, units: [{ unit: "per_request", price: 0.01 }] }],
	["each request alone, not served", { entry: 0.01 }, { tokens: false, units: [{ unit: "per_request", price: 0.01 }] }],
	["free is a price", { row: { model: "m", per_image: 0 } }, { tokens: false, units: [{ unit: "per_image", price: 0 }] }],
];
test.each(cases)("%s", (_, known, want) => expect(soldAs(known)).toEqual(want));

test.each([
	["a new entry", "", [{ name: "m", unit: "per_image", price: 0.1 }], { m: { per_image: 0.1 } }],
	["what else an entry has stays", '{"m":{"per_image":0.1,"batch":0.4},"n":{"cached":0.5}}', [{ name: "m", unit: "per_image", price: 0.2 }], { m: { per_image: 0.2, batch: 0.4 }, n: { cached: 0.5 } }],
	["a mere number was a price per request", '{"m":0.01}', [{ name: "m", unit: "per_minute", price: 1 }], { m: { per_request: 0.01, per_minute: 1 } }],
	["two of one model", "{}", [{ name: "m", unit: "per_minute", price: 1 }, { name: "m", unit: "per_request", price: 2 }], { m: { per_minute: 1, per_request: 2 } }],
] as const)("%s", (_, option, changes, want) => expect(JSON.parse(withUnitPrices(option, [...changes]))).toEqual(want));
