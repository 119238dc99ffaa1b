import { describe, expect, test } from "vitest";
import { hashOf, matchPath, parseHash } from "./query";

describe("parseHash", () => {
	test.each([
		["nothing", "", [], {}],
		["path and query", "#/logs?type=2&model_name=gpt-4o", ["logs"], { type: "2", model_name: "gpt-4o" }],
		["an encoded slash stays in its part", "#/models/meta%2Fllama", ["models", "meta/llama"], {}],
		["a stray percent sign", "#/keys/100%", ["keys", "100%"], {}],
		["a query of its own in next", "#/login?next=logs%3Ftype%3D2", ["login"], { next: "logs?type=2" }],
	])("%s", (_, hash, path, query) => expect(parseHash(hash)).toEqual({ path, query }));
	test("is the inverse of hashOf", () => {
		const query = { q: "a b&c=d", p: "3", zh: "渠道" };
		expect(parseHash(hashOf("channels", query))).toEqual({ path: ["channels"], query });
	});
});

test("empty members leave the address", () => expect(hashOf("keys", { q: "", p: undefined, n: 0 })).toBe("#/keys?n=0"));

describe("matchPath", () => {
	test.each([
		["keys/:id?", ["keys"], {}], ["keys/:id?", ["keys", "5"], { id: "5" }], ["keys/:id?", ["keys", "5", "x"], null], ["keys/:id?", ["logs"], null],
		["oauth/:provider", ["oauth"], null], ["oauth/:provider", ["oauth", "github"], { provider: "github" }], ["", [], {}], ["", ["x"], null],
	])("%s", (pattern, path, want) => expect(matchPath(pattern, path)).toEqual(want));
});
