import { describe, expect, test } from "vitest";
import { amountText, defaultCurrency as usd, formatDollars, formatPrice, formatQuota, parseAmount, priceOfRatio, ratioOfPrice, unpricedRatio } from "./money";

const units = { perUnit: 500_000, shown: false };

describe("formatQuota", () => {
	test.each([
		["two decimals from a dollar up", 500_000, usd, "$1.00"],
		["groups of thousands", 500_000 * 12_408, usd, "$12,408.00"],
		["four below", 250_000, usd, "$0.5000"],
		["nothing is no fraction", 0, usd, "$0.00"],
		["a little is not shown as nothing", 3, usd, "$0.000006"],
		["a debt", -750_000, usd, "-$1.50"],
		["units when money is not shown", 1_234_567, units, "1,234,567"],
	])("%s", (_, quota, currency, want) => expect(formatQuota(quota, currency, "en")).toBe(want));
	test("as many decimals as asked", () => expect(formatQuota(2825, usd, "en", 6)).toBe("$0.005650"));
	test("another unit", () => expect(formatQuota(1000, { perUnit: 1000, shown: true }, "en")).toBe("$1.00"));
});

describe("parseAmount", () => {
	test.each([
		["plain", "5", 2_500_000], ["with sign and groups", " $1,234.5 ", 617_250_000], ["full-width sign", "＄2", 1_000_000],
		["below a cent", "0.000002", 1], ["point first", ".5", 250_000], ["nothing", "", null], ["words", "five", null], ["two points", "1.2.3", null],
		["beyond safe integers", "99999999999999", null],
	])("%s", (_, text, want) => expect(parseAmount(text, usd)).toBe(want));
	test("units are taken as they are", () => expect(parseAmount("500", units)).toBe(500));
	test("is the inverse of amountText", () => {
		for (const quota of [0, 1, 3, 500_000, 617_250_001])
			expect(parseAmount(amountText(quota, usd), usd)).toBe(quota);
	});
});

describe("prices per million tokens", () => {
	test("ratio 1 is 2 dollars at the default unit", () => expect(priceOfRatio(1, usd)).toBe(2));
	test("an unpriced model costs 60 dollars", () => expect(priceOfRatio(unpricedRatio, usd)).toBe(60));
	test("back", () => expect(ratioOfPrice(2.5, usd)).toBe(1.25));
	test.each([[2.5, "$2.50"], [0.075, "$0.075"], [0.00125, "$0.0013"], [0, "$0.00"], [60, "$60.00"]])("%d is %s", (n, want) => expect(formatPrice(n, "en")).toBe(want));
	test("dollars of a debt", () => expect(formatDollars(-0.5, "en")).toBe("-$0.5000"));
});
