import { describe, expect, test } from "vitest";
import { providers } from "../data/providers";
import { bodyOf, fieldsOf, keyFault, keyOf } from "./channel";

const of = (type: number, more = {}) => ({ ...fieldsOf(null, type), name: "n", models: ["m"], ...more });

describe("keyOf", () => {
	test.each([
		["plain, trimmed", of(1, { key: " sk-1 " }), "sk-1"],
		["several lines, no doubles", of(1, { several: true, key: "a\r\n\nb\na" }), "a\nb"],
		["Tencent joins three", of(23, { parts: ["id", "sid", "skey"] }), "id|sid|skey"],
		["FastGPT joins with a dash", of(22, { parts: ["key", "app"] }), "key-app"],
		["an incomplete key is none", of(18, { parts: ["id", "", "key"] }), ""],
		["AWS is made of its fields", of(33, { config: { ak: "A", sk: "S", region: "us-east-1" } }), "A|S|us-east-1"],
		["a masked secret stays", of(33, { config: { ak: "********", sk: "S", region: "us-east-1" } }), ""],
		["Vertex", of(42, { config: { region: "r", vertex_ai_project_id: "p", vertex_ai_adc: '{"a":1}' } }), 'r|p|{"a":1}'],
	])("%s", (_, v, want) => expect(keyOf(v)).toBe(want));
});

describe("keyFault", () => {
	test.each([
		["a new channel needs one", of(1), false, "missing"], ["an old one keeps its own", of(1), true, null],
		["parts", of(15, { parts: ["a", ""] }), false, "parts"], ["lines of parts", of(15, { several: true, key: "a|b\nc" }), false, "parts"], ["good lines", of(15, { several: true, key: "a|b\nc|d" }), false, null],
	])("%s", (_, v, exists, want) => expect(keyFault(v, exists)).toBe(want));
});

describe("bodyOf", () => {
	test("Azure sends its version twice, as one-api reads it in two places", () => {
		const body = bodyOf(of(3, { key: "k", base_url: "https://x.openai.azure.com/" }));
		expect(body).toMatchObject({ other: "2024-03-01-preview", config: '{"api_version":"2024-03-01-preview"}', base_url: "https://x.openai.azure.com" });
	});
	test("no group is the group default", () => expect(bodyOf(of(1, { group: [] })).group).toBe("default"));
	test("Bedrock has no base URL", () => expect(bodyOf(of(33, { base_url: "https://left.over" })).base_url).toBe(""));
});

test("all 51 types once", () => expect(providers.map((p) => p.id).sort((a, b) => a - b)).toEqual(Array.from({ length: 51 }, (_, i) => i + 1)));
