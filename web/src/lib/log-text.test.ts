import { expect, test } from "vitest";
import { parseFilter, ratiosOf } from "./log-text";

test.each([
	["model ratio 1.25 × group ratio 1.00 × completion ratio 4.00", { model: 1.25, group: 1, completion: 4 }],
	["倍率：15.00 × 1.00 × 2.00", { model: 15, group: 1, completion: 2 }],
	["topped up $5.00", null],
])("ratiosOf %s", (text, want) => expect(ratiosOf(text)).toEqual(want));

test.each([
	["model:gpt-4o key:prod type:usage", { model_name: "gpt-4o", token_name: "prod", type: "2" }],
	['key:"my bot" channel:12 user:kim', { token_name: "my bot", channel: "12", username: "kim" }],
	["-model:gpt-4o -type:usage", { not_model_name: "gpt-4o" }],
	["colour:red gpt-4o", {}],
])("parseFilter %s", (text, want) => expect(parseFilter(text)).toEqual(want));
