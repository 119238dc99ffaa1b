// screenshots.mjs — docs/screenshots/: the six main pages, light and dark, desktop and phone
//
//	node screenshots.mjs		after `make all web`; or `make screenshots`
//
// The gateway is real; what it would take weeks to collect is put in front of it: usage over days,
// provider names, times of tests.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { binary, hasBrowser } from "./browser.mjs";
import { smallPng } from "./small-png.mjs";

if (!hasBrowser) {
	console.log(`# SKIP screenshots: there is no ${binary}`);
	process.exit(0);
}

const { browser, gateway, ask, makeChannel, makeKey, option, signedIn, visit } = await import("./common.mjs");
const { eventually } = await import("./gateway.mjs");
const folder = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
mkdirSync(folder, { recursive: true });

const day = 86_400, now = Math.floor(Date.now() / 1000);
const fleet = [
	["openai-main", 1, 940, 68.02, 20, 1], ["openai-spare", 1, 1120, 12.4, 10, 1], ["claude-prod", 14, 1200, 0, 20, 1], ["gemini-eu", 24, 780, 0, 10, 1],
	["deepseek-1", 36, 1630, 41.8, 10, 1], ["deepseek-2", 36, 0, 0.12, 5, 3], ["bedrock-frankfurt", 33, 2100, 0, 5, 1], ["qwen", 49, 3590, 0, 5, 1],
	["mistral", 28, 860, 0, 5, 1], ["lab-vllm", 50, 410, 0, 1, 1], ["openrouter", 20, 1490, 9.75, 1, 2],
];
const priced = { "gpt-4o": [1.25, 4], "gpt-4o-mini": [0.075, 4], "o4-mini": [0.55, 4], "claude-sonnet-4-5": [1.5, 5], "claude-haiku-4-5": [0.5, 5], "deepseek-chat": [0.14, 1.5], "gemini-2.5-pro": [0.625, 8], "gemini-2.5-flash": [0.15, 8.3], "qwen-max": [0.8, 4], "mistral-large-latest": [1, 3], "text-embedding-3-small": [0.01, 1] };
const models = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "deepseek-chat", "gemini-2.5-flash"];
const channels = fleet.map(([name, type, ms, balance, priority, status], i) => ({
	id: fleet.length - i, type, name, status, priority, weight: 1, key: "", created_time: now - 90 * day, test_time: now - 120 - i * 340, response_time: ms, base_url: "", other: "",
	balance, balance_updated_time: balance ? now - 900 : 0, models: [...models.slice(0, 2 + i % 4), ...Object.keys(priced).filter((_, n) => (n + i) % 3 === 0), ...i === 1 ? ["in-house-7b"] : []].filter((m, n, all) => all.indexOf(m) === n).join(","), group: i % 3 ? "default" : "default,vip", used_quota: 4_000_000 * (i + 1),
	model_mapping: "", config: "", system_prompt: "", disabled_reason: status === 3 ? "401 invalid api key" : "", disabled_time: status === 3 ? now - 3600 : 0,
}));
const weights = [0.42, 0.2, 0.24, 0.08, 0.06];
const usage = (start, end) => Array.from({ length: Math.round((end - start) / day) }, (_, d) => models.map((ModelName, m) => {
	const wave = (0.7 + 0.3 * Math.sin(d * 1.7 + m)) * (1 + d / 12) * weights[m];
	return { Day: new Date((start + d * day) * 1000).toISOString().slice(0, 10), ModelName, RequestCount: Math.round(2100 * wave), Quota: Math.round(3_400_000 * wave), PromptTokens: Math.round(1_500_000 * wave), CompletionTokens: Math.round(420_000 * wave), CachedTokens: 0, ElapsedMs: 0, Id: 0 };
})).flat();
const people = ["kim", "lee", "sam", "noor"], names = ["prod-web", "nightly", "ci", "notebook"];
const logRows = Array.from({ length: 20 }, (_, i) => ({
	id: 90_210 - i, user_id: 2, created_at: now - i * 7 - i * i, type: i === 5 ? 6 : 2, content: i === 5 ? "upstream answered 429: rate limited" : "", username: people[i % 4], token_name: names[(i * 3) % 4], model_name: models[(i * 7) % 5], origin_model: models[(i * 7) % 5],
	quota: i === 5 ? 0 : 900 + (i * 977) % 5200, prompt_tokens: i === 5 ? 0 : 200 + (i * 613) % 2400, completion_tokens: i === 5 ? 0 : 40 + (i * 331) % 700, channel: 11 - (i * 5) % 9, request_id: `2026112214${String(i).padStart(4, "0")}`, elapsed_time: 700 + (i * 811) % 4200,
	is_stream: i % 3 !== 0, system_prompt_reset: false, first_token_ms: 240 + (i * 97) % 800, attempts: i % 9 === 4 ? 2 : 1, http_status: i === 5 ? 429 : 200, finish: "complete", cached_tokens: 0, model_ratio: 1.25, completion_ratio: 4, group_ratio: 1,
}));
const json = (r, data, total) => r.fulfill({ json: { success: true, message: "", data, ...(total ? { total } : {}) } });

let current = "";

/** An answer that comes as a model gives it. */
function answerSlowly(words) {
	const real = window.fetch;
	window.fetch = (to, init) => {
		if (!/chat\/completions$/.test(String(to)))
			return real(to, init);
		const text = new TextEncoder();
		const event = (x) => text.encode(`data: ${JSON.stringify(x)}\n\n`);
		const body = new ReadableStream({
			async start(out) {
				await new Promise((go) => setTimeout(go, 310));
				for (const word of words) {
					out.enqueue(event({ choices: [{ delta: { content: `${word} ` } }] }));
					await new Promise((go) => setTimeout(go, 24));
				}
				out.enqueue(event({ choices: [], usage: { prompt_tokens: 14, completion_tokens: words.length + 9 } }));
				out.enqueue(text.encode("data: [DONE]\n\n"));
				out.close();
			},
		});
		return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream", "X-Oneapi-Request-Id": "1" } }));
	};
}

async function dress(page) {
	await page.addInitScript(answerSlowly, "FastCGI keeps a program running behind the web server and hands it each request over a socket, so that nothing has to start anew.".split(" "));
	const change = (path, make) => page.route(path, async (r) => {
		const answer = await r.fetch();
		const body = await answer.json();
		await r.fulfill({ response: answer, json: { ...body, data: make(body.data) } });
	});
	await change("**/api/user/self", (me) => ({ ...me, quota: 21_100_000 }));
	await change("**/api/status", (site) => current === "overview" ? site : { ...site, server_address: "https://ai.example.org" });
	await change("**/api/token/?*", (keys) => keys.filter((k) => k.name !== "everyday").map((k, i) => ({ ...k, used_quota: [12_050_000, 2_410_000, 1_900_000, 4_385_000][i % 4] })));
	await page.route("**/api/channel/?*", (r) => json(r, channels, channels.length));
	await page.route("**/api/user/dashboard*", (r) => {
		const q = new URL(r.request().url()).searchParams;
		return json(r, usage(Number(q.get("start") || now - 7 * day), Number(q.get("end") || now)));
	});
	await page.route(/\/api\/log\/(self\/)?\?/, (r) => json(r, logRows, 2114));
	await page.route(/\/api\/log\/(self\/)?stat/, (r) => json(r, { quota: 2_105_000, requests: 2114, tokens: 3_210_400 }));
	await page.route("**/api/user/available_models", (r) => json(r, [...Object.keys(priced), "in-house-7b"]));
}

await option("SystemName", "Gateway");
await option("ServerAddress", gateway.url.replace(/\/$/, ""));
await option("ModelRatio", JSON.stringify(Object.fromEntries(Object.entries(priced).map(([n, p]) => [n, p[0]]))));
await option("CompletionRatio", JSON.stringify(Object.fromEntries(Object.entries(priced).map(([n, p]) => [n, p[1]]))));
await makeChannel("served", { models: models.join(","), priority: 50 });
for (const [name, more] of [["nightly", {}], ["notebook", { unlimited_quota: false, remain_quota: 440_000, expired_time: now + 3 * day }], ["ci", { unlimited_quota: false, remain_quota: 7_950_000 }], ["prod-web", { unlimited_quota: false, remain_quota: 20_000_000, expired_time: -1 }]]) {
	const key = await makeKey(name, more);
	await eventually(`${name} works`, async () => (await ask(key.full, { model: "deepseek-chat" })).status === 200);
}

const pages = {
	overview: "overview?scope=site",
	channels: "channels",
	logs: "logs",
	keys: "keys",
	models: "models",
	playground: "playground?model=gpt-4o",
};

const paint = await (await browser.newContext()).newPage();
for (const mode of ["light", "dark"]) {
	for (const [device, size] of Object.entries({ desktop: { width: 1360, height: 820 }, phone: { width: 390, height: 780, isMobile: true, hasTouch: true } })) {
		const { context, page } = await signedIn({ ...size, prefs: { mode, seen: ["checklist"] }, reducedMotion: "reduce" });
		await dress(page);
		for (const [name, hash] of Object.entries(pages)) {
			current = name;
			await visit(page, hash);
			if (name === "overview")
				await page.getByText(/things need attention/).waitFor();
			if (name === "playground") {
				await page.getByLabel("Message").fill("Explain FastCGI in one sentence.");
				await page.getByRole("button", { name: "Send" }).click();
				await page.getByText(/first .* total/).waitFor();
			}
			const path = `${folder}${name}-${device}-${mode}.png`;
			const file = await smallPng(paint, await page.screenshot());
			writeFileSync(path, file);
			console.log(`${path.replace(/.*docs/, "docs")} ${Math.ceil(file.length / 1024)} KB`);
		}
		await context.close();
	}
}
await browser.close();
await gateway.stop();
process.exit(0);
