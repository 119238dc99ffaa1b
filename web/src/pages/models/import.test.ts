import { expect, test } from "vitest";
import { makerOf, makersIn } from "../../data/makers";
import { defaultCurrency as usd } from "../../lib/money";
import { differencesOf, readPriceList } from "./import";

const want = [{ name: "gpt-4o", input: 2.5, output: 10 }];
test.each([
	["options in texts, as settings are exported", '{"ModelRatio":"{\\"gpt-4o\\":1.25}","CompletionRatio":"{\\"gpt-4o\\":4}","SystemName":"x"}', want],
	["options as tables", '{"ModelRatio":{"gpt-4o":1.25},"CompletionRatio":{"gpt-4o":4}}', want],
	["this gateway's catalogue", '{"success":true,"data":{"models":[{"model":"gpt-4o","model_ratio":1.25,"completion_ratio":4}],"group_ratio":{"default":1}}}', want],
	["a plain list", '[{"model_name":"gpt-4o","model_ratio":1.25,"completion_ratio":4}]', want],
	["dollars", '{"gpt-4o":{"input":2.5,"output":10}}', want],
	["ratios alone", '{"gpt-4o":1.25}', [{ name: "gpt-4o", input: 2.5, output: null }]],
	["what is no price is left out", '{"a":{"input":-1},"b":{"input":"2"},"c":{"input":1}}', [{ name: "c", input: 1, output: null }]],
	["no JSON", "gpt-4o 2.5", null], ["JSON of something else", '{"name":"x"}', null], ["nothing", "[]", null],
])("%s", (_, text, listed) => expect(readPriceList(text, usd)).toEqual(listed));

test("differences: new, changed, and not what is so already", () => {
	const tables = { model: { "same": 1, "dearer": 1, "family": 1 }, completion: { "same": 2, "dearer": 2, "family": 3 }, group: {} };
	const listed = [{ name: "same", input: 2, output: 4 }, { name: "dearer", input: 3, output: 6 }, { name: "family", input: 2, output: null }, { name: "claude-3-new", input: 1, output: null }];
	expect(differencesOf(listed, tables, usd)).toEqual([
		{ name: "dearer", kind: "changed", input: 3, output: 6, before: { input: 2, output: 4 } },
		{ name: "claude-3-new", kind: "new", input: 1, output: 5, before: null },
	]);
});

test.each([
	["gpt-4o-mini", "OpenAI"], ["o3", "OpenAI"], ["text-embedding-3-small", "OpenAI"], ["text-embedding-v3", "Alibaba"], ["claude-sonnet-4-5", "Anthropic"], ["gemini-2.5-pro", "Google"],
	["meta-llama/Llama-3-70b", "Meta"], ["Qwen/Qwen2.5-72B", "Alibaba"], ["glm-4", "Zhipu"], ["kimi-k2", "Moonshot"], ["somebody/own-model", "somebody"], ["own-model", ""], ["@cf/meta/llama-3-8b", "Meta"],
])("%s is of %s", (model, maker) => expect(makerOf(model)).toBe(maker));
test("makers, the most frequent first", () => expect(makersIn(["gpt-4o", "claude-3", "o3", "mine"])).toEqual([{ name: "OpenAI", count: 2 }, { name: "Anthropic", count: 1 }]));
