import { expect, test } from "vitest";
import { defaultCurrency as usd } from "./money";
import { completionOf, parsePrices, priceOf, withPrices } from "./prices";

const tables = { model: { "gpt-4o": 1.25 }, completion: { "gpt-4o": 4 }, group: { default: 1, vip: 0.5 } };

test("list price", () => expect(priceOf(tables, "gpt-4o", "default", usd)).toEqual({ input: 2.5, output: 10, priced: true }));
test("a group multiplies", () => expect(priceOf(tables, "gpt-4o", "vip", usd)).toEqual({ input: 1.25, output: 5, priced: true }));
test("unpriced is ratio 30", () => expect(priceOf(tables, "x", "default", usd)).toEqual({ input: 60, output: 60, priced: false }));
test.each([["gpt-4-turbo", 3], ["claude-3-opus", 5], ["gemini-pro", 3], ["deepseek-x", 2], ["other", 1]])("one-api's family rule of %s", (name, want) => expect(completionOf(tables, name)).toBe(want));
test("new prices become ratios", () => {
	const next = withPrices(tables, [{ name: "new", input: 3, output: 15 }], usd);
	expect(next.model).toEqual({ "gpt-4o": 1.25, "new": 1.5 });
	expect(next.completion.new).toBe(5);
	expect(tables.model).not.toHaveProperty("new");
});
test("lines of a spreadsheet", () => expect(parsePrices("gpt-4o\t$2.5\t10\nflat, 1\nbad\tx\n\nneg\t-1")).toEqual([{ name: "gpt-4o", input: 2.5, output: 10 }, { name: "flat", input: 1, output: 1 }]));
