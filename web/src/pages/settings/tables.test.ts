import { expect, test } from "vitest";
import { doubles, limitsFault, pricesFault, readChains, readLimits, readPrices, writeChains, writeLimits, writePrices } from "./tables";

const limits = { key: { rpm: 60, tpm: 100000, parallel: 8 }, "user@free": { tpd: 50000, budget_month: 500000, timezone: "Europe/Berlin" }, "group:batch": { parallel: 20 }, "channel:7": { rpm: 500, later: true }, address: { rpm: 120 } };
const prices = {
	"claude-sonnet-4-5": { cached: 0.1, cache_write: 1.25, cache_write_1h: 2 }, "gemini-2.5-pro": { tiers: [{ above: 200000, input: 2, output: 1.5 }] },
	"my-images": { per_image: { "1024x1024": 0.04, "hd/1024x1024": 0.08, "*": 0.12 } }, "my-voice": { per_million_characters: 15 }, "no-tiers": { tiers: [] }, "free-cache": { cached: 0 },
	"to-train": { batch: 0.4, per_million_trained: 3 }, "of-tomorrow": { cached: 0.2, per_moon: { full: [1, "2"] } },
};

test("limits become rows and come back as they were", () => {
	const rows = readLimits(JSON.stringify(limits));
	expect(rows.map((r) => [r.scope, r.subject])).toEqual([["key", ""], ["user@", "free"], ["group:", "batch"], ["channel:", "7"], ["address", ""]]);
	expect(JSON.parse(writeLimits(rows))).toEqual(limits);
});
test("prices become rows and come back as they were", () => expect(JSON.parse(writePrices(readPrices(JSON.stringify(prices))))).toEqual(prices));
test("another price changes, all else of the entry stays", () => {
	const entries = readPrices(JSON.stringify(prices)).map((e) => e.model === "of-tomorrow" || e.model === "to-train" ? { ...e, values: { ...e.values, cached: "0.25" } } : e);
	expect(JSON.parse(writePrices(entries))).toEqual({ ...prices, "to-train": { batch: 0.4, per_million_trained: 3, cached: 0.25 }, "of-tomorrow": { cached: 0.25, per_moon: { full: [1, "2"] } } });
});
test("a batch and training have fields", () => expect(readPrices(JSON.stringify(prices)).find((e) => e.model === "to-train")).toMatchObject({ values: { batch: "0.4", per_million_trained: "3" }, rest: {} }));
test("a plain number is a price of each request", () => expect(JSON.parse(writePrices(readPrices('{"s": 0.01}')))).toEqual({ s: { per_request: 0.01 } }));
test("fallbacks come back as they were", () => expect(JSON.parse(writeChains(readChains('{"a":["b","c"]}')))).toEqual({ a: ["b", "c"] }));
test.each([["{}", ""], ["", ""], ["[1]", ""]])("nothing in %j is an empty option", (text, want) => expect([writeLimits(readLimits(text)), writePrices(readPrices(text)), writeChains(readChains(text))]).toEqual([want, want, want]));

test.each([
	["what the documentation shows", JSON.stringify(limits), null], ["a name of no known kind", '{"team":{"rpm":1}}', "name"], ["a group without a name", '{"group:":{"rpm":1}}', "name"],
	["half a request", '{"key":{"rpm":1.5}}', "number"], ["words", '{"key":{"rpm":"many"}}', "number"], ["less than nothing", '{"key":{"rpm":-1}}', "number"],
])("limits: %s", (_, text, want) => expect(limitsFault(text)).toBe(want));
test.each([
	["what the documentation shows", JSON.stringify(prices), null], ["words", '{"m":{"cached":"cheap"}}', "number"], ["less than nothing", '{"m":{"per_image":{"*":-1}}}', "number"],
	["a tier from nothing on", '{"m":{"tiers":[{"above":0}]}}', "number"], ["beyond a million", '{"m":{"per_request":1000001}}', "number"],
])("prices: %s", (_, text, want) => expect(pricesFault(text)).toBe(want));
test("names twice", () => expect([...doubles(["a", "b", "a", "", ""])]).toEqual(["a"]));
