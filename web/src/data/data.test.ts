import { describe, expect, test } from "vitest";
import { chatApps, chatLink, ownApps } from "./chat-apps";
import { optionRows, saveOrder } from "./options";
import { balanceText, findProviders } from "./providers";

describe("links for chat programs, as one-api builds them", () => {
	const link = (name: string, chat = ""): string | null => chatLink(chatApps.find((a) => a.name === name)!, "sk-1", "https://ai.example.org", chat);
	test.each([
		["NextChat", "", 'https://app.nextchat.dev/#/?settings={"key":"sk-1","url":"https://ai.example.org"}'],
		["NextChat", "https://chat.example.org/", 'https://chat.example.org/#/?settings={"key":"sk-1","url":"https://ai.example.org"}'],
		["AMA / BotGem", "", "ama://set-api-key?server=https%3A%2F%2Fai.example.org&key=sk-1"],
		["OpenCat", "", "opencat://team/join?domain=https%3A%2F%2Fai.example.org&token=sk-1"],
		["LobeChat", "", null],
		["LobeChat", "https://l.example.org", 'https://l.example.org/?settings={"keyVaults":{"openai":{"apiKey":"sk-1","baseURL":"https://ai.example.org/v1"}}}'],
	])("%s with %j", (name, chat, want) => expect(link(name, chat)).toBe(want));
});

describe("chat programs of the operator", () => {
	const names = (text: string | undefined): string[] => ownApps(text).map((a) => a.name);
	test.each([
		["none", undefined, []], ["broken", "{", []], ["a list", "[1]", []], ["two", '{"A":"a-app://add?key={key}","B":"{chat}/#{url!}"}', ["A", "B"]],
		["what would run", '{"J":"javascript:alert(1)","J2":"JavaScript:1","D":"data:text/html,x","F":"file:///etc","T":"java\\tscript:1"," ":"https://x","N":7}', []],
	])("%s", (_, text, want) => expect(names(text)).toEqual(want));
	test("one that needs a chat page waits for it", () => expect(chatLink(ownApps('{"B":"{chat}/?k={key}"}')[0]!, "sk-1", "https://ai.example.org", "")).toBe(null));
});

describe("options", () => {
	test("each once", () => expect(new Set(optionRows.map((o) => o.key)).size).toBe(optionRows.length));
	test("all 59 of one-api", () => expect(optionRows.filter((o) => !o.ours).length).toBe(59));
	test("what goes off first, then values, then what goes on", () =>
		expect(saveOrder({ GitHubOAuthEnabled: "true", GitHubClientId: "x", RegisterEnabled: "false", GitHubClientSecret: "s" })).toEqual(["RegisterEnabled", "GitHubClientId", "GitHubClientSecret", "GitHubOAuthEnabled"]));
});

test.each([["豆包", 40], ["qwen", 49], ["azure", 3], ["claude", 14]])("a provider is found by %s", (word, id) => expect(findProviders(word).map((p) => p.id)).toContain(id));
test.each([[1, 68, "$68.00"], [5, 50_000, "¥5.00"], [36, 0.12, "¥0.12"], [13, 7, "7.00"], [14, 9, null]])("balance of type %d", (type, n, want) => expect(balanceText(type, n, "en")).toBe(want));
