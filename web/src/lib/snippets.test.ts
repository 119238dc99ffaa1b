import { describe, expect, test } from "vitest";
import { snippet, usualKind } from "./snippets";

const call = { base: "https://ai.example.org/v1", key: "sk-1", model: "gpt-4o", message: "It's \"me\"" };

describe("snippet", () => {
	test("curl quotes for a POSIX shell", () => expect(snippet("curl", call)).toContain(`-d '{"model":"gpt-4o","messages":[{"role":"user","content":"It'\\''s \\"me\\""}]}'`));
	test("PowerShell doubles single quotes", () => expect(snippet("powershell", call)).toContain(`$body = '{"model":"gpt-4o","messages":[{"role":"user","content":"It''s \\"me\\""}]}'`));
	test("Python and Node get strings of their own", () => {
		expect(snippet("python", call)).toContain(`"content": "It's \\"me\\""`);
		expect(snippet("node", call)).toContain(`baseURL: "https://ai.example.org/v1"`);
	});
	test("environment", () => expect(snippet("env", call)).toBe("OPENAI_BASE_URL=https://ai.example.org/v1\nOPENAI_API_KEY=sk-1"));
});

test.each([["Win32", "powershell"], ["Linux x86_64", "curl"], ["MacIntel", "curl"], ["Darwin", "curl"]])("%s", (platform, want) => expect(usualKind(platform)).toBe(want));
