import { expect, test } from "vitest";
import { partPrices, ratiosOfRows, tokenPrice, unitPrices } from "./pricing";

const rows = [{ model: "gpt-4o", model_ratio: 1.25, completion_ratio: 4, cached: 0.5 }, { model: "dall-e-3", per_image: 0.12 }, { model: "nobody-priced-it" }];

test("ratios of those that have them", () => expect([ratiosOfRows(rows, "model_ratio"), ratiosOfRows(rows, "completion_ratio")]).toEqual([{ "gpt-4o": 1.25 }, { "gpt-4o": 4 }]));
test("a picture costs its price times the group's", () => expect(unitPrices(rows[1], 0.5)).toEqual([{ unit: "per_image", price: 0.06 }]));
test("cached tokens cost a share of input", () => expect(partPrices(rows[0], 2.5)).toEqual([{ part: "cached", price: 1.25 }]));
test("tokens, for a group of half price", () => expect([tokenPrice(rows[0], 0.5, 500_000), tokenPrice(rows[1], 1, 500_000)]).toEqual([{ input: 1.25, output: 5 }, null]));
test("nothing of nothing", () => expect([unitPrices(rows[2]), partPrices(undefined, 1)]).toEqual([[], []]));
