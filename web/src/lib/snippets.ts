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

/** Any other request to /v1: its body, and the file that the answer belongs into. */
export interface RequestCall {
	path: string;
	method?: string;
	body?: unknown;
	save?: string;
}

const askers: Record<Exclude<SnippetKind, "env">, (url: string, key: string, c: RequestCall, method: string, body: string) => string> = {
	curl: (url, key, c, method, body) => [`curl ${method === "GET" || method === "POST" ? "" : `-X ${method} `}${url}`, `-H "Authorization: Bearer ${key}"`,
		...(body ? ['-H "Content-Type: application/json"', `-d ${sh(body)}`] : method === "POST" ? ["-X POST"] : []), ...(c.save ? [`-o ${sh(c.save)}`] : [])].join(" \\\n  "),
	powershell: (url, key, c, method, body) => `${body ? `$body = ${ps(body)}\n` : ""}Invoke-${c.save ? "WebRequest" : "RestMethod"} -Method ${method} -Uri ${ps(url)} \`
  -Headers @{ Authorization = ${ps(`Bearer ${key}`)} }${body ? " `\n  -ContentType 'application/json; charset=utf-8' `\n  -Body ([Text.Encoding]::UTF8.GetBytes($body))" : ""}${c.save ? ` \`\n  -OutFile ${ps(c.save)}` : ""}`,
	python: (url, key, c, method, body) => `# pip install requests
import requests

answer = requests.request(
    ${q(method)}, ${q(url)},
    headers={"Authorization": ${q(`Bearer ${key}`)}${body ? ', "Content-Type": "application/json"' : ""}},${body ? `\n    data=${q(body)}.encode(),` : ""}
)
answer.raise_for_status()
${c.save ? `open(${q(c.save)}, "wb").write(answer.content)` : "print(answer.json())"}`,
	node: (url, key, c, method, body) => `${c.save ? 'import { writeFile } from "node:fs/promises";\n\n' : ""}const answer = await fetch(${q(url)}, {
  method: ${q(method)},
  headers: { "Authorization": ${q(`Bearer ${key}`)}${body ? ', "Content-Type": "application/json"' : ""} },${body ? `\n  body: JSON.stringify(${body}),` : ""}
});
${c.save ? `await writeFile(${q(c.save)}, Buffer.from(await answer.arrayBuffer()));` : "console.log(await answer.json());"}`,
};

export function requestSnippet(kind: Exclude<SnippetKind, "env">, base: string, key: string, call: RequestCall): string {
	return askers[kind](`${base}/${call.path}`, key, call, call.method ?? "POST", call.body === undefined ? "" : JSON.stringify(call.body));
}

/** What this person's machine will most likely have. */
export function usualKind(platform: string): SnippetKind {
	return /win/i.test(platform) && !/darwin/i.test(platform) ? "powershell" : "curl";
}
