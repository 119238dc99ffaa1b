// test_dialects.mjs — the official OpenAI SDK against every dialect, through nginx and the real relay
//
//	node --test test_dialects.mjs		after `make all`; or `make sdk`
//
// One table, rows × features: a row is a channel and the provider that is played for it (fakes/), a
// feature is a call of the SDK. What a row does not name must be refused as its own row says, or with
// 400 unsupported_mode where the provider has nothing of the kind. Each provider looks at what arrives
// as its documentation has it, and whatever the client asked for must have arrived: the same for all,
// but for what a row lists as dropped. A channel type of the product without a row fails the walk.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { makeParseableResponseFormat } from "openai/lib/parser";

import { anthropic } from "./fakes/anthropic.mjs";
import { bedrock } from "./fakes/bedrock.mjs";
import { gemini, palm, vertex } from "./fakes/google.mjs";
import { openai, pathsAt } from "./fakes/openai.mjs";
import { cloudflare, cohere, cohereV1, deepl, ollama, replicate } from "./fakes/others.mjs";
import { answers, calls, serve, thought, usage, vector } from "./fakes/server.mjs";
import { eventually, rootKey, start } from "./gateway.mjs";

/* ---- what is asked ---- */

const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=", "base64");
const place = {
	type: "object",
	properties: { place: { type: "string" }, days: { type: "integer" } },
	required: ["place"],
};
const weather = { name: "weather", description: "The weather at a place", parameters: place };
const tools = [{ type: "function", function: weather }];
const answerSchema = {
	type: "object", properties: { answer: { type: "number" } }, required: ["answer"], additionalProperties: false,
};
const asksAll = { max_completion_tokens: 100, stop: ["END"], temperature: 0.5, user: "u1" };
const conversation = (content) => [{ role: "developer", content: "Be brief." }, { role: "user", content }];

/* ---- the rows ---- */

const noMode = [400, "unsupported_mode", /cannot/];
const refused = (message) => [400, null, message];

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const account = {
	type: "service_account", project_id: "demo", private_key_id: "kid-1", client_email: "svc@demo.iam.gserviceaccount.com",
	private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
};
// A row's own account, of which only its fake knows the tokens.
function ofGoogle(id) {
	const own = { ...account, private_key_id: id }, region = "us-east5";

	return {
		type: 42, key: "-", tokens: 1, play: vertex({ account: own, publicKey, project: own.project_id, region }),
		config(fake) {
			own.token_uri = `${fake.url}/token`;
			return { region, vertex_ai_adc: JSON.stringify(own) };
		},
		embed: "gemini-embedding-001", paint: "imagen-4.0-generate-001", speak: "gemini-2.5-flash-preview-tts",
	};
}

const aws = { region: "us-east-1", ak: "AKIDEXAMPLE", sk: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session_token: "token/of+session==" };
const amazon = { embed: "amazon.titan-embed-text-v2:0", paint: "amazon.nova-canvas-v1:0" };
const signed = { ...aws, token: aws.session_token };

// What OpenAI's own surface has beside the rest, for rows that speak it in full.
const everything = {
	embed: "text-embedding-3-small", paint: "dall-e-3", speak: "tts-1", hear: "whisper-1",
};
const developer = ["developer", "system", "user", "assistant", "tool"];
const plainRoles = ["system", "user", "assistant", "tool"];

const azureDeployment = {
	key: "azure-key", auth: ["api-key", "azure-key"], roles: developer,
	at: pathsAt("/openai/deployments", undefined, { chat: "gpt-4.1", ...everything }),
	check: (request) => assert.equal(request.query.get("api-version"), "2024-10-21"),
	before: (base) => [{ data: { ...base, id: "", model: "", created: 0, choices: [], prompt_filter_results: [{ prompt_index: 0 }] } }],
};
const azureV1 = {
	...azureDeployment, check: undefined, at: pathsAt("/openai/v1"),
};

// Cached tokens of a prompt, thoughts of a completion, as far as a provider tells them.
const counts = (more) => ({ prompt: usage.prompt, completion: usage.completion, ...more });
const allCounts = counts({ cached: usage.cached, reasoning: usage.reasoning });

// name, type, key, config, base (behind the fake's origin), play; models by mode; what is refused and
// how; what the provider has no word for (dropped); what it counts; whether it shows
// thoughts; how many tokens of its account are asked for.
const rows = [
	{
		name: "openai", type: 1, key: "sk-up", chat: "gpt-4.1", ...everything, counts: allCounts,
		play: openai({ key: "sk-up", roles: developer }),
	},
	{
		name: "azure, deployments", type: 3, key: "azure-key", config: { api_version: "2024-10-21" },
		chat: "gpt-4.1", ...everything, counts: allCounts, play: openai(azureDeployment),
	},
	{
		name: "azure, v1", type: 3, key: "azure-key", config: { azure_style: "v1" },
		chat: "gpt-4.1", ...everything, counts: allCounts, play: openai(azureV1),
	},
	{
		name: "palm", type: 11, key: "palm-key", chat: "PaLM-2", play: palm({ key: "palm-key" }),
		dropped: ["max", "stop"], image: refused(/text only/), tools: refused(/no tools/), results: refused(/no tools/),
		schema: "dropped",
	},
	{
		name: "anthropic", type: 14, key: "sk-ant-up", chat: "claude-sonnet-4-5", thinks: true,
		counts: counts({ cached: usage.cached }), play: anthropic({ key: "sk-ant-up" }),
	},
	{
		name: "openrouter", type: 20, key: "sk-or", base: "/api", chat: "meta-llama/llama-4", thinks: true,
		embed: "openai/text-embedding-3-small", counts: allCounts,
		play: openai({
			key: "sk-or", roles: developer, reasoning: "reasoning", comment: "OPENROUTER PROCESSING", refuses: ["n"],
			at: pathsAt("/api/v1", ["chat", "embed"]), extra: { provider: "X" },
		}),
	},
	{
		name: "gemini", type: 24, key: "AIza-up", chat: "gemini-3-flash", thinks: true, counts: allCounts,
		embed: "gemini-embedding-001", paint: "gemini-2.5-flash-image", speak: "gemini-2.5-flash-preview-tts",
		estimatesInput: true, play: gemini({ key: "AIza-up" }),
	},
	{
		name: "mistral", type: 28, key: "mi-up", chat: "magistral-medium-latest", thinks: true, counts: counts({}),
		embed: "mistral-embed", speak: "voxtral-tts", hear: "voxtral-mini-latest",
		play: openai({
			key: "mi-up", roles: plainRoles, noNull: true, leadingSystem: true, ids: /^[A-Za-z0-9]{9}$/,
			makeId: (i) => `abcdefgh${i}`, reasoning: "parts", usageAt: "last", wholeCalls: true,
			usage: (u) => ({ prompt_tokens: u.prompt, completion_tokens: u.completion, total_tokens: u.prompt + u.completion }),
			refuses: ["max_completion_tokens", "user", "seed", "logprobs", "logit_bias", "store", "service_tier"],
			messageMembers: ["prefix", "name"],
		}),
	},
	{
		name: "groq", type: 29, key: "gsk-up", base: "/openai", chat: "openai/gpt-oss-120b", thinks: true, counts: allCounts,
		speak: "playai-tts", hear: "whisper-large-v3",
		play: openai({
			key: "gsk-up", roles: developer, reasoning: "reasoning", usageAt: "x_groq",
			at: pathsAt("/openai/v1", ["chat", "speak", "hear"]),
			refuses: ["logit_bias", "logprobs", "top_logprobs", "metadata", "store"],
		}),
	},
	{
		name: "ollama", type: 30, key: "ollama-up", chat: "qwen3:8b", embed: "nomic-embed-text", thinks: true,
		counts: counts({}), play: ollama({ key: "ollama-up" }),
	},
	{
		name: "bedrock, a Claude by InvokeModel, signed", type: 33, key: "-", config: aws,
		chat: "anthropic.claude-sonnet-4-5-20250929-v1:0", ...amazon, thinks: true,
		counts: counts({ cached: usage.cached }), play: bedrock(signed),
	},
	{
		name: "bedrock, Converse, with a key", type: 33, key: "ABSK-up", config: { region: "us-east-1" },
		chat: "us.amazon.nova-pro-v1:0", ...amazon, thinks: true,
		counts: counts({ cached: usage.cached }), play: bedrock({ bearer: "ABSK-up" }),
	},
	{
		name: "bedrock, a Llama by InvokeModel", type: 33, key: "ABSK-up", config: { region: "us-east-1", api_style: "invoke" },
		chat: "meta.llama3-8b-instruct-v1:0", ...amazon, dropped: ["stop"],
		counts: counts({}), play: bedrock({ bearer: "ABSK-up" }), only: ["chat", "streamed", "embeddings", "pictures"],
	},
	{
		name: "cohere, v2", type: 35, key: "co-up", chat: "command-a-03-2025", embed: "embed-v4.0", thinks: true,
		hear: "cohere-transcribe-03-2026",
		counts: counts({ cached: usage.cached }), play: cohere({ key: "co-up" }),
	},
	{
		name: "cohere, v1", type: 35, key: "co-up", config: { api_version: "v1" }, chat: "command-r-08-2024",
		embed: "embed-v4.0", hear: "cohere-transcribe-03-2026",
		counts: counts({ cached: usage.cached }), image: refused(/cannot take such a part/), play: cohereV1({ key: "co-up" }),
	},
	{
		name: "deepseek", type: 36, key: "ds-up", chat: "deepseek-chat", thinks: true,
		counts: counts({ cached: usage.cached, reasoning: usage.reasoning }),
		play: openai({
			key: "ds-up", roles: plainRoles, reasoning: "reasoning_content", comment: "keep-alive", schemaWords: true,
			refuses: ["max_completion_tokens", "seed", "user", "logit_bias", "parallel_tool_calls", "metadata", "store"],
			usage: (u) => ({
				prompt_tokens: u.prompt, completion_tokens: u.completion, total_tokens: u.prompt + u.completion,
				prompt_cache_hit_tokens: u.cached, prompt_cache_miss_tokens: u.prompt - u.cached,
				completion_tokens_details: { reasoning_tokens: u.reasoning },
			}),
		}),
	},
	{
		name: "cloudflare", type: 37, key: "cf-up", config: { user_id: "acc1", default_max_tokens: 400 },
		chat: "@cf/meta/llama-4-scout", thinks: true,
		embed: "@cf/baai/bge-m3", paint: "@cf/black-forest-labs/flux-1-schnell", speak: "@cf/myshell-ai/melotts",
		hear: "@cf/openai/whisper-large-v3-turbo", counts: allCounts, play: cloudflare({ key: "cf-up", account: "acc1" }),
	},
	{
		name: "deepl", type: 38, key: "dl-up", chat: "deepl-pt-br", dropped: ["max", "stop", "temperature"],
		counts: { prompt: usage.prompt, completion: 0 }, play: deepl({ key: "dl-up" }), image: refused(/text/),
		tools: refused(/tools/), results: refused(/tools/), schema: refused(/response_format/),
	},
	{
		name: "together", type: 39, key: "tg-up", chat: "deepseek-ai/DeepSeek-R1", thinks: true, counts: allCounts,
		embed: "BAAI/bge-large-en", paint: "black-forest-labs/FLUX.1-schnell", speak: "cartesia/sonic", hear: "openai/whisper-large-v3",
		play: openai({
			key: "tg-up", roles: plainRoles, noNull: true, reasoning: "reasoning", finish: { stop: "eos" },
			refuses: ["max_completion_tokens", "user", "parallel_tool_calls", "metadata", "store", "service_tier"],
			paints: ["model", "prompt", "n", "width", "height", "steps", "response_format", "seed"],
		}),
	},
	{
		name: "novita", type: 41, key: "nv-up", base: "/v3/openai", chat: "deepseek/deepseek-v3", embed: "baai/bge-m3",
		thinks: true, counts: allCounts,
		play: openai({
			key: "nv-up", roles: plainRoles, noNull: true, reasoning: "reasoning_content",
			at: pathsAt("/v3/openai", ["chat", "embed"]),
			refuses: ["max_completion_tokens", "user", "parallel_tool_calls", "metadata", "store", "service_tier"],
		}),
	},
	{
		name: "vertex, a Gemini", ...ofGoogle("kid-1"), chat: "gemini-3-flash", thinks: true, counts: allCounts,
	},
	{
		name: "vertex, a Claude", ...ofGoogle("kid-2"), chat: "claude-sonnet-4-5@20250929", thinks: true,
		counts: counts({ cached: usage.cached }),
	},
	{
		name: "vertex, an open model", ...ofGoogle("kid-3"), chat: "meta/llama-4-maverick", counts: allCounts,
	},
	{
		name: "siliconflow", type: 44, key: "sf-up", chat: "Qwen/Qwen3-8B", embed: "BAAI/bge-m3", paint: "Kwai-Kolors/Kolors",
		speak: "FunAudioLLM/CosyVoice2-0.5B", hear: "FunAudioLLM/SenseVoiceSmall", thinks: true, counts: allCounts,
		paintsUrl: true,
		play: openai({
			key: "sf-up", roles: developer, reasoning: "reasoning_content",
			paints: ["model", "prompt", "negative_prompt", "image_size", "batch_size", "seed"],
			painted: (fake) => ({ images: [{ url: `${fake.url}/files/a.png` }], timings: { inference: 0.1 }, seed: 1 }),
		}),
	},
	{
		name: "xai", type: 45, key: "xai-up", chat: "grok-3", paint: "grok-2-image", thinks: true, counts: allCounts,
		play: openai({
			key: "xai-up", roles: plainRoles, reasoning: "reasoning_content", paints: ["model", "prompt", "n", "response_format", "user"],
			refuses: ["logit_bias", "metadata", "store"],
			usage: (u) => ({
				prompt_tokens: u.prompt, completion_tokens: u.completion - u.reasoning, total_tokens: u.prompt + u.completion,
				prompt_tokens_details: { cached_tokens: u.cached }, completion_tokens_details: { reasoning_tokens: u.reasoning },
			}),
		}),
	},
	{
		name: "replicate", type: 46, key: "r8-up", base: "/v1/models/", chat: "meta/meta-llama-3-8b-instruct",
		paint: "black-forest-labs/flux-schnell", counts: counts({}), play: replicate({ key: "r8-up" }),
		tools: refused(/tools/), results: refused(/tool/), schema: refused(/response_format/),
	},
	{
		name: "any compatible one", type: 50, key: "any-up", base: "/v1", chat: "some-model", ...everything, thinks: true,
		counts: allCounts, play: openai({ key: "any-up", roles: developer, reasoning: "reasoning_content" }),
	},
	{
		name: "gemini's compatible surface", type: 51, key: "AIza-up", base: "/v1beta/openai", chat: "gemini-2.5-flash",
		embed: "gemini-embedding-001", paint: "imagen-4.0-generate-001", counts: allCounts,
		play: openai({
			key: "AIza-up", roles: developer, at: pathsAt("/v1beta/openai", ["chat", "embed", "paint"]),
		}),
	},
];

const withoutDialect = [15, 16, 17, 18, 21, 23, 34];
// Channel types without a row, and why that is no gap here.
const elsewhere = {
	"plain OpenAI under another name: what holds for type 1 and type 50 holds for them": [2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 22],
	"Chinese providers, another table's": [19, 25, 26, 27, 31, 32, 40, 47, 48, 49],
	"no dialect yet: a channel serves nobody": withoutDialect,
	"not for chat: bytes pass as they are": [43],
};

/* ---- the stack ---- */

let gateway;

// Whose requests go to this channel alone.
const clientOf = (channel) =>
	new OpenAI({ apiKey: `${rootKey}-${channel}`, baseURL: `${gateway.url}/v1`, maxRetries: 0 });

async function open(row) {
	row.fake = await serve(row.play);
	const config = typeof row.config === "function" ? row.config(row.fake) : row.config;
	const models = [row.chat, row.embed, row.paint, row.speak, row.hear].filter(Boolean);

	await gateway.api("POST", "/api/channel/", {
		type: row.type, name: row.name, key: row.key, base_url: row.fake.url + (row.base ?? ""), group: "default",
		models: models.join(","), config: config ? JSON.stringify(config) : "",
	});
}

before(async () => {
	gateway = await start({}, { VERTEX_TOKEN_HOSTS: "127.0.0.1" });
	await gateway.api("PUT", "/api/option/", { key: "UnpricedModel", value: "free" });
	for (const type of withoutDialect)
		await gateway.api("POST", "/api/channel/", {
			type, name: `type ${type}`, key: "k", base_url: "http://127.0.0.1:9", group: "default", models: `m-${type}`,
		});
	await Promise.all(rows.map(open));
	const channels = new Map((await allChannels()).map((c) => [c.name, c.id]));
	for (const row of rows)
		row.client = clientOf(channels.get(row.name));
	const last = rows.at(-1);
	await eventually("the channels serve", async () =>
		(await last.client.models.list()).data.some((model) => model.id === last.chat));
});

after(async () => {
	await gateway?.stop();
	for (const row of rows)
		row.fake?.close();
});

async function allChannels() {
	const all = [];

	for (let p = 0;; p++) {
		const page = await gateway.api("GET", `/api/channel/?p=${p}`);

		if (!page.length)
			break;
		all.push(...page);
	}
	return all;
}

// Runs a call; what the provider complained about is the failure, before all that follows from it.
async function asked(row, call) {
	row.fake.asks.length = row.fake.complaints.length = 0;
	const result = await call().catch((error) => error);

	assert.deepEqual(row.fake.complaints, []);
	if (result instanceof Error)
		throw result;
	return result;
}

/* ---- what must have arrived ---- */

const plain = (schema) => JSON.parse(JSON.stringify(schema, (name, value) => name === "additionalProperties" ? undefined : value));

function arrived(row, want) {
	const ask = row.fake.asks.at(-1);
	const all = { system: "Be brief.", max: 100, stop: ["END"], temperature: 0.5, ...want };

	for (const [name, value] of Object.entries(all))
		if (!row.dropped?.includes(name))
			assert.deepEqual(ask[name], value, `${name} did not arrive`);
}

function arrivedTools(row) {
	const [tool, ...more] = row.fake.asks.at(-1).tools;

	assert.deepEqual(more, []);
	assert.equal(tool.name, weather.name);
	assert.equal(tool.description, weather.description);
	assert.deepEqual(plain(tool.schema), place);
}

/* ---- what must have come back ---- */

// Without want the provider says nothing and we count.
function cameUsage(got, want) {
	assert.ok(got, "no usage");
	assert.equal(got.total_tokens, got.prompt_tokens + got.completion_tokens);
	if (!want) {
		assert.ok(got.prompt_tokens > 0 && got.completion_tokens > 0, "counted by us");
		return;
	}
	assert.equal(got.prompt_tokens, want.prompt);
	assert.equal(got.completion_tokens, want.completion);
	assert.equal(got.prompt_tokens_details?.cached_tokens ?? 0, want.cached ?? 0);
	assert.equal(got.completion_tokens_details?.reasoning_tokens ?? 0, want.reasoning ?? 0);
}

function cameCalls(message, finish) {
	assert.equal(finish, "tool_calls");
	assert.deepEqual(message.tool_calls.map((call) => ({ name: call.function.name, args: JSON.parse(call.function.arguments) })), calls);
	assert.ok(message.tool_calls.every((call) => call.type === "function" && call.id), "each call has an id");
	assert.equal(new Set(message.tool_calls.map((call) => call.id)).size, calls.length);
}

// Reads a stream, checks the order that OpenAI's have, and puts the message together.
async function readStream(row, stream) {
	const message = { content: "", reasoning: "", tool_calls: [] }, ids = new Set(), finishes = [];
	let first = true, counted;

	for await (const chunk of stream) {
		assert.equal(chunk.object, "chat.completion.chunk");
		assert.ok(!counted, "usage is last");
		ids.add(chunk.id);
		counted = chunk.usage;
		if (!chunk.choices.length)
			continue;
		const { delta, finish_reason } = chunk.choices[0];

		assert.equal(delta.role ?? null, first ? "assistant" : delta.role ?? null);
		assert.deepEqual(finishes, [], "nothing behind the finish");
		first = false;
		message.content += delta.content ?? "";
		message.reasoning += delta.reasoning_content ?? "";
		for (const { index, id, type, function: f } of delta.tool_calls ?? []) {
			const call = message.tool_calls[index] ??= { id, type, function: { name: f.name, arguments: "" } };

			call.function.arguments += f.arguments ?? "";
		}
		if (finish_reason)
			finishes.push(finish_reason);
	}
	assert.equal(ids.size, 1, "one id");
	assert.equal(finishes.length, 1);
	cameUsage(counted, row.counts);
	return { message, finish: finishes[0] };
}

/* ---- features ---- */

const streaming = { stream: true, stream_options: { include_usage: true } };
const chat = (row, content, more) =>
	row.client.chat.completions.create({ model: row.chat, messages: conversation(content), ...asksAll, ...more });

const pictureParts = [
	{ type: "text", text: "What is this?" },
	{ type: "image_url", image_url: { url: `data:image/png;base64,${png.toString("base64")}` } },
];

const features = {
	async chat(row) {
		const reply = await asked(row, () => chat(row, "Hello"));
		const { message, finish_reason } = reply.choices[0];

		arrived(row, { user: "Hello", stream: false });
		assert.equal(reply.object, "chat.completion");
		assert.equal(message.content, answers.text);
		assert.equal(message.role, "assistant");
		assert.equal(finish_reason, "stop");
		assert.equal(message.reasoning_content, row.thinks ? thought : undefined);
		cameUsage(reply.usage, row.counts);
	},

	async streamed(row) {
		const { message, finish } = await asked(row, async () => readStream(row, await chat(row, "Hello", streaming)));

		arrived(row, { user: "Hello" });
		assert.equal(message.content, answers.text);
		assert.equal(message.reasoning, row.thinks ? thought : "");
		assert.equal(finish, "stop");
	},

	async tools(row) {
		const reply = await asked(row, () => chat(row, "Weather?", { tools }));

		arrived(row, { user: "Weather?" });
		arrivedTools(row);
		cameCalls(reply.choices[0].message, reply.choices[0].finish_reason);
	},

	async "tools, streamed"(row) {
		const { message, finish } = await asked(row, async () =>
			readStream(row, await chat(row, "Weather?", { tools, ...streaming })));

		arrivedTools(row);
		cameCalls(message, finish);
	},

	// The SDK's own way of putting a stream together.
	async "tools, by the SDK's stream helper"(row) {
		const { choices } = await asked(row, () => row.client.chat.completions
			.stream({ model: row.chat, messages: conversation("Weather?"), tools }).finalChatCompletion());

		cameCalls(choices[0].message, choices[0].finish_reason);
	},

	// The calls go back as they came, with whatever the provider put on them.
	async results(row) {
		const first = await asked(row, () => chat(row, "Weather?", { tools }));
		const { message } = first.choices[0];
		const [zurich, oslo] = message.tool_calls.map((call) => call.id);
		const messages = [
			...conversation("Weather?"), message,
			{ role: "tool", tool_call_id: zurich, content: "4 degrees" }, { role: "tool", tool_call_id: oslo, content: "7 degrees" },
		];
		const reply = await asked(row, () => row.client.chat.completions.create({ model: row.chat, messages, tools }));

		assert.deepEqual(row.fake.asks.at(-1).results, [{ place: "Zürich", text: "4 degrees" }, { place: "Oslo", text: "7 degrees" }]);
		assert.equal(reply.choices[0].message.content, answers.results);
		assert.equal(reply.choices[0].finish_reason, "stop");
	},

	async schema(row) {
		const response_format = makeParseableResponseFormat({
			type: "json_schema", json_schema: { name: "sum", strict: true, schema: answerSchema },
		}, JSON.parse);
		const reply = await asked(row, () => row.client.chat.completions
			.parse({ model: row.chat, messages: conversation("2+2?"), response_format }));

		assert.deepEqual(plain(row.fake.asks.at(-1).schema), plain(answerSchema));
		assert.equal(row.fake.asks.at(-1).system, "Be brief.");
		assert.deepEqual(reply.choices[0].message.parsed, { answer: 4 });
		assert.equal(reply.choices[0].finish_reason, "stop");
	},

	async image(row) {
		const reply = await asked(row, () => chat(row, pictureParts));

		assert.deepEqual(row.fake.asks.at(-1).images, [png]);
		arrived(row, { user: "What is this?" });
		assert.equal(reply.choices[0].message.content, answers.seen);
	},

	async embeddings(row) {
		const input = ["one", "two"];
		const reply = await asked(row, () => row.client.embeddings.create({ model: row.embed ?? row.chat, input }));

		assert.deepEqual(row.fake.asks.flatMap((ask) => ask.input), input);
		assert.deepEqual(reply.data.map((one) => [...one.embedding]), [vector, vector]);
		assert.deepEqual(reply.data.map((one) => one.index), [0, 1]);
		if (row.estimatesInput)
			assert.ok(reply.usage.prompt_tokens > 0);
		else
			assert.equal(reply.usage.prompt_tokens, usage.prompt);
	},

	async pictures(row) {
		const paint = (format) => asked(row, () => row.client.images
			.generate({ model: row.paint ?? row.chat, prompt: "a cat", n: 1, size: "1024x1024", response_format: format }));
		const reply = await paint("b64_json");

		assert.equal(row.fake.asks.find((ask) => ask.prompt).prompt, "a cat");
		assert.equal(reply.data.length, 1);
		assert.equal(Buffer.from(reply.data[0].b64_json, "base64").toString(), "a picture");
		if (row.paintsUrl)
			assert.match((await paint("url")).data[0].url, /\/files\/a\.png$/);
	},

	async speech(row) {
		const format = row.speak?.startsWith("gemini") ? { response_format: "pcm" } : {};
		const reply = await asked(row, () => row.client.audio.speech
			.create({ model: row.speak ?? row.chat, input: "Read this.", voice: "alloy", ...format }));

		assert.equal(row.fake.asks[0].input, "Read this.");
		assert.match(Buffer.from(await reply.arrayBuffer()).toString(), /a voice/);
	},

	async transcription(row) {
		const sound = Buffer.from("RIFF\x00 a sound \r\n--");
		const reply = await asked(row, async () => row.client.audio.transcriptions
			.create({ model: row.hear ?? row.chat, language: "en", file: await toFile(sound, "a.wav", { type: "audio/wav" }) }));

		assert.deepEqual(row.fake.asks[0].bytes, sound);
		assert.equal(reply.text, "what was said");
	},
};

// Features that a provider has or has not, by the member of the row that names the model.
const byModel = { embeddings: "embed", pictures: "paint", speech: "speak", transcription: "hear" };

function refusalOf(row, feature) {
	if (byModel[feature])
		return row[byModel[feature]] ? null : noMode;
	return feature.startsWith("tools") ? row.tools : row[feature];
}

async function isRefused(row, feature, [status, code, message]) {
	const before = row.fake.requests;
	const error = await features[feature](row).then(() => assert.fail("it was not refused"), (reason) => reason);

	assert.ok(error instanceof OpenAI.APIError, error.stack);
	assert.equal(error.status, status, error.message);
	if (code)
		assert.equal(error.code, code);
	assert.match(error.message, message);
	assert.equal(row.fake.requests, before, "the provider was asked");
}

for (const row of rows) {
	describe(row.name, { timeout: 300000 }, () => {
		for (const feature of Object.keys(features)) {
			const refusal = refusalOf(row, feature);

			if (row.only && !row.only.includes(feature))
				continue;
			if (Array.isArray(refusal))
				test(`${feature}: refused`, () => isRefused(row, feature, refusal));
			else if (refusal !== "dropped")
				test(feature, () => features[feature](row));
		}
		if (row.tokens)
			test("one token serves all calls", () => assert.ok(row.fake.tokens <= row.tokens, `${row.fake.tokens} tokens`));
	});
}

/* ---- the walk ---- */

describe("every channel type", { timeout: 300000 }, () => {
	test("has a row here, or is listed with the reason why not", async () => {
		const types = Object.keys(await gateway.api("GET", "/api/models")).map(Number);
		const known = [...rows.map((row) => row.type), ...Object.values(elsewhere).flat()];

		assert.ok(types.length >= 51);
		assert.deepEqual(types.filter((type) => !known.includes(type)), [], "types without a row");
		assert.deepEqual(known.filter((type) => !types.includes(type)), [], "rows without a type");
	});

	test("those without a dialect serve nobody; one that answers wants a row", async () => {
		for (const { id, type } of (await allChannels()).filter((c) => withoutDialect.includes(c.type))) {
			const ask = () => clientOf(id).chat.completions.create({ model: `m-${type}`, messages: conversation("x") });

			await assert.rejects(ask(), (error) =>
				["unsupported_mode", "no_channel"].includes(error.code) || assert.fail(`type ${type}: ${error.message}`));
		}
	});
});
