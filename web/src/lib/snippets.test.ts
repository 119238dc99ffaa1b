import { describe, expect, test } from "vitest";
import { requestSnippet, snippet, usualKind } from "./snippets";

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

describe("any other request", () => {
	const write = (kind: "curl" | "powershell" | "python" | "node", more = {}): string => requestSnippet(kind, "https://ai.example.org/v1", "sk-1", { path: "audio/speech", body: { model: "tts-1", input: "It's" }, save: "speech.mp3", ...more });
	test("curl", () => expect(write("curl")).toBe(`curl https://ai.example.org/v1/audio/speech \\
  -H "Authorization: Bearer sk-1" \\
  -H "Content-Type: application/json" \\
  -d '{"model":"tts-1","input":"It'\\''s"}' \\
  -o 'speech.mp3'`));
	test("curl without a body", () => expect(write("curl", { path: "models", method: "GET", body: undefined, save: undefined })).toBe('curl https://ai.example.org/v1/models \\\n  -H "Authorization: Bearer sk-1"'));
	test("PowerShell", () => expect(write("powershell")).toBe(`$body = '{"model":"tts-1","input":"It''s"}'
Invoke-WebRequest -Method POST -Uri 'https://ai.example.org/v1/audio/speech' \`
  -Headers @{ Authorization = 'Bearer sk-1' } \`
  -ContentType 'application/json; charset=utf-8' \`
  -Body ([Text.Encoding]::UTF8.GetBytes($body)) \`
  -OutFile 'speech.mp3'`));
	test("Python gets the body as a text", () => expect(write("python")).toContain(`data="{\\"model\\":\\"tts-1\\",\\"input\\":\\"It's\\"}".encode(),`));
	test("Node gets it as an object", () => expect(write("node", { save: undefined })).toContain(`body: JSON.stringify({"model":"tts-1","input":"It's"}),\n});\nconsole.log(await answer.json());`));
});

test.each([["Win32", "powershell"], ["Linux x86_64", "curl"], ["MacIntel", "curl"], ["Darwin", "curl"]])("%s", (platform, want) => expect(usualKind(platform)).toBe(want));
