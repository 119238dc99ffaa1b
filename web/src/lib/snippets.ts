// snippets.ts — the same call in five forms, quoted for its shell
export type SnippetKind = "curl" | "powershell" | "python" | "node" | "env";

export const snippetKinds: { kind: SnippetKind; label: string }[] = [
	{ kind: "curl", label: "curl" },
	{ kind: "powershell", label: "PowerShell" },
	{ kind: "python", label: "Python" },
	{ kind: "node", label: "Node" },
	{ kind: "env", label: "env" },
];

const sh = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const ps = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const q = (text: string): string => JSON.stringify(text);

export interface Call {
	/** with /v1 */
	base: string;
	key: string;
	model: string;
	message: string;
}

const writers: Record<SnippetKind, (c: Call, body: string) => string> = {
	curl: (c, body) => `curl ${c.base}/chat/completions \\
  -H "Authorization: Bearer ${c.key}" \\
  -H "Content-Type: application/json" \\
  -d ${sh(body)}`,
	powershell: (c, body) => `$body = ${ps(body)}
Invoke-RestMethod -Method Post -Uri ${ps(`${c.base}/chat/completions`)} \`
  -Headers @{ Authorization = ${ps(`Bearer ${c.key}`)} } \`
  -ContentType 'application/json; charset=utf-8' \`
  -Body ([Text.Encoding]::UTF8.GetBytes($body))`,
	python: (c) => `# pip install openai
from openai import OpenAI

client = OpenAI(base_url=${q(c.base)}, api_key=${q(c.key)})
answer = client.chat.completions.create(
    model=${q(c.model)},
    messages=[{"role": "user", "content": ${q(c.message)}}],
)
print(answer.choices[0].message.content)`,
	node: (c) => `// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${q(c.base)}, apiKey: ${q(c.key)} });
const answer = await client.chat.completions.create({
  model: ${q(c.model)},
  messages: [{ role: "user", content: ${q(c.message)} }],
});
console.log(answer.choices[0].message.content);`,
	env: (c) => `OPENAI_BASE_URL=${c.base}\nOPENAI_API_KEY=${c.key}`,
};

export function snippet(kind: SnippetKind, call: Call): string {
	const body = JSON.stringify({ model: call.model, messages: [{ role: "user", content: call.message }] });
	return writers[kind](call, body);
}

/** What this person's machine will most likely have. */
export function usualKind(platform: string): SnippetKind {
	return /win/i.test(platform) && !/darwin/i.test(platform) ? "powershell" : "curl";
}
