// others.mjs — Cohere (v1 and v2), Ollama, Cloudflare, Replicate and DeepL
import assert from "node:assert/strict";

import { openai, pathsAt } from "./openai.mjs";
import { emptyAsk, form, fromDataUri, functionTools, heard, only, picture, pieces, sayTo, sse, usage, vector, voice } from "./server.mjs";

const post = (request, path) => assert.equal(`${request.method} ${request.path}`, `POST ${path}`);
const bearer = (request, key) => assert.equal(request.headers.authorization, `Bearer ${key}`);

/* ---- Cohere ---- */

const cohereCounts = {
	billed_units: { input_tokens: 3, output_tokens: 2 },
	tokens: { input_tokens: usage.prompt, output_tokens: usage.completion }, cached_tokens: usage.cached,
};

function readCohereMessage(ask, m, places) {
	only(m, ["role", "content", "tool_calls", "tool_plan", "tool_call_id"], "message");
	const parts = typeof m.content === "string" ? [{ type: "text", text: m.content }] : m.content ?? [];
	const text = parts.filter((p) => p.type === "text").map((p) => p.text).join("");

	if (m.role === "system")
		ask.system = text;
	if (m.role === "user")
		ask.user = text;
	for (const part of parts)
		if (part.type === "image_url")
			ask.images.push(fromDataUri(part.image_url.url));
	for (const call of m.tool_calls ?? [])
		places[call.id] = JSON.parse(call.function.arguments).place;
	if (m.role === "tool") {
		assert.ok(places[m.tool_call_id], "a result of no call");
		ask.results.push({ place: places[m.tool_call_id], text });
	}
}

function readCohere(body) {
	const ask = { ...emptyAsk(), model: body.model, stream: body.stream }, places = {};

	only(body, ["model", "stream", "messages", "tools", "strict_tools", "tool_choice", "max_tokens", "stop_sequences",
		"temperature", "p", "k", "seed", "frequency_penalty", "presence_penalty", "response_format", "thinking", "documents"], "body");
	assert.equal(typeof body.stream, "boolean");
	for (const m of body.messages)
		readCohereMessage(ask, m, places);
	Object.assign(ask, { max: body.max_tokens, stop: body.stop_sequences ?? [], temperature: body.temperature });
	ask.tools = functionTools(body.tools);
	if (body.response_format) {
		assert.equal(only(body.response_format, ["type", "json_schema"], "response_format").type, "json_object");
		ask.schema = body.response_format.json_schema;
	}
	return ask;
}

function cohereStream(said) {
	const text = (index, kind, value) => [
		{ type: "content-start", index, delta: { message: { content: { type: kind, [kind]: "" } } } },
		...pieces(value).map((piece) => ({ type: "content-delta", index, delta: { message: { content: { [kind]: piece } } } })),
		{ type: "content-end", index },
	];
	const call = ({ name, args }, index) => [
		{ type: "tool-call-start", index, delta: { message: { tool_calls: { id: `co_${index}`, type: "function", function: { name, arguments: "" } } } } },
		...pieces(JSON.stringify(args)).map((piece) => ({ type: "tool-call-delta", index, delta: { message: { tool_calls: { function: { arguments: piece } } } } })),
		{ type: "tool-call-end", index },
	];
	const events = [
		{ type: "message-start", id: "co", delta: { message: { role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] } } },
		...said.think ? text(0, "thinking", said.think) : [],
		...said.text ? text(said.think ? 1 : 0, "text", said.text) : [],
		...said.calls.flatMap(call),
		{ type: "message-end", id: "co", delta: { finish_reason: said.calls.length ? "TOOL_CALL" : "COMPLETE", usage: cohereCounts } },
	];

	return sse(events.map((data) => ({ event: data.type, data })));
}

function cohereWhole(said) {
	const content = [
		...said.think ? [{ type: "thinking", thinking: said.think }] : [],
		...said.text ? [{ type: "text", text: said.text }] : [],
	];
	const calls = said.calls.map((call, i) =>
		({ id: `co_${i}`, type: "function", function: { name: call.name, arguments: JSON.stringify(call.args) } }));

	return { body: {
		id: "co", finish_reason: calls.length ? "TOOL_CALL" : "COMPLETE", usage: cohereCounts,
		message: { role: "assistant", ...content.length ? { content } : {}, ...calls.length ? { tool_calls: calls } : {} },
	} };
}

export const cohere = ({ key }) => (request, fake) => {
	bearer(request, key);
	if (request.path === "/v2/embed") {
		const body = only(request.json, ["model", "texts", "input_type", "embedding_types", "output_dimension", "truncate"], "body");

		assert.deepEqual(body.embedding_types, ["float"]);
		assert.ok(body.input_type);
		fake.asks.push({ model: body.model, input: body.texts });
		return { body: { id: "e", texts: body.texts, embeddings: { float: body.texts.map(() => vector) }, meta: { billed_units: { input_tokens: usage.prompt } } } };
	}
	if (request.path === "/v2/audio/transcriptions") {
		const parts = form(request);

		assert.deepEqual(Object.keys(parts).sort(), ["file", "language", "model"]);
		assert.equal(parts.language.text, "en");
		fake.asks.push({ model: parts.model.text, bytes: parts.file.bytes });
		return { body: { text: heard } };
	}
	post(request, "/v2/chat");
	const ask = readCohere(request.json), said = sayTo(ask);

	fake.asks.push(ask);
	return ask.stream ? cohereStream(said) : cohereWhole(said);
};

// Flat types and their words, as v1 describes parameters.
const asSchema = (definitions) => ({
	type: "object",
	properties: Object.fromEntries(Object.entries(definitions).map(([name, { type }]) => [name, { type: type === "str" ? "string" : type === "int" ? "integer" : type }])),
	required: Object.entries(definitions).filter(([, d]) => d.required).map(([name]) => name),
});

// Only chat has a shape of its own in v1.
export const cohereV1 = ({ key }) => (request, fake) => {
	if (request.path !== "/v1/chat")
		return cohere({ key })(request, fake);
	bearer(request, key);
	post(request, "/v1/chat");
	const body = only(request.json, ["model", "stream", "message", "chat_history", "preamble", "tools", "tool_results", "force_single_step",
		"max_tokens", "temperature", "p", "k", "seed", "stop_sequences", "frequency_penalty", "presence_penalty", "response_format"], "body");
	const ask = { ...emptyAsk(), model: body.model, stream: body.stream === true, system: body.preamble, user: body.message };

	Object.assign(ask, { max: body.max_tokens, stop: body.stop_sequences ?? [], temperature: body.temperature });
	ask.tools = (body.tools ?? []).map((t) => ({ name: t.name, description: t.description, schema: asSchema(t.parameter_definitions) }));
	for (const { call, outputs } of body.tool_results ?? [])
		ask.results.push({ place: call.parameters.place, text: Object.values(outputs[0])[0] });
	if (ask.results.length)
		ask.user = body.message || body.chat_history.filter((m) => m.role === "USER").at(-1).message;
	ask.schema = body.response_format?.schema ?? body.response_format?.json_schema ?? null;
	fake.asks.push(ask);
	const said = sayTo(ask), calls = said.calls.map((call) => ({ name: call.name, parameters: call.args }));
	const whole = {
		text: said.text, generation_id: "g", response_id: "r", finish_reason: "COMPLETE",
		...calls.length ? { tool_calls: calls } : {}, meta: cohereCounts,
	};

	if (!ask.stream)
		return { body: whole };
	const events = [
		{ event_type: "stream-start", generation_id: "g" },
		...pieces(said.text).map((text) => ({ event_type: "text-generation", text })),
		...calls.length ? [{ event_type: "tool-calls-generation", tool_calls: calls }] : [],
		{ event_type: "stream-end", finish_reason: "COMPLETE", response: whole },
	];
	// Without `Accept: text/event-stream` lines of JSON.
	return /event-stream/.test(request.headers.accept) ? sse(events.map((data) => ({ data })))
		: { type: "application/stream+json", body: events.map((e) => `${JSON.stringify(e)}\n`).join("") };
};

/* ---- Ollama ---- */

function readOllama(body) {
	const ask = { ...emptyAsk(), model: body.model, stream: body.stream }, places = {};
	const options = only(body.options ?? {}, ["num_predict", "temperature", "top_p", "top_k", "seed", "stop", "num_ctx",
		"presence_penalty", "frequency_penalty", "repeat_penalty"], "options");

	only(body, ["model", "messages", "stream", "tools", "format", "options", "think", "keep_alive", "logprobs", "top_logprobs"], "body");
	assert.equal(typeof body.stream, "boolean");
	for (const m of body.messages) {
		only(m, ["role", "content", "images", "tool_calls", "tool_name", "tool_call_id", "thinking"], "message");
		assert.equal(typeof m.content, "string");
		if (m.role === "system")
			ask.system = m.content;
		if (m.role === "user")
			ask.user = m.content;
		ask.images.push(...(m.images ?? []).map((text) => Buffer.from(text, "base64")));
		for (const call of m.tool_calls ?? []) {
			assert.equal(typeof call.function.arguments, "object");
			places[call.id] = call.function.arguments.place;
		}
		if (m.role === "tool") {
			assert.equal(m.tool_name, "weather");
			ask.results.push({ place: places[m.tool_call_id], text: m.content });
		}
	}
	Object.assign(ask, { max: options.num_predict ?? null, stop: options.stop ?? [], temperature: options.temperature ?? null });
	ask.tools = functionTools(body.tools);
	ask.schema = body.format ?? null;
	return ask;
}

function chatOllama(ask) {
	const said = sayTo(ask), base = { model: ask.model, created_at: "2023-11-14T22:13:20.123456789Z" };
	const calls = said.calls.map((call, index) => ({ id: `call_${index}`, function: { index, name: call.name, arguments: call.args } }));
	const end = { done: true, done_reason: "stop", total_duration: 9, load_duration: 1, prompt_eval_count: usage.prompt, eval_count: usage.completion };
	const line = (message, more) => ({ ...base, message: { role: "assistant", content: "", ...message }, done: false, ...more });

	if (!ask.stream)
		return { body: line({ content: said.text, ...said.think ? { thinking: said.think } : {}, ...calls.length ? { tool_calls: calls } : {} }, end) };
	const lines = [
		...said.think ? pieces(said.think).map((thinking) => line({ thinking })) : [],
		...pieces(said.text).map((content) => line({ content })),
		...calls.map((call) => line({ tool_calls: [call] })),
		line({}, end),
	];
	return { type: "application/x-ndjson", body: lines.map((l) => `${JSON.stringify(l)}\n`).join("") };
}

export const ollama = ({ key }) => (request, fake) => {
	bearer(request, key);
	if (request.path === "/api/embed") {
		const body = only(request.json, ["model", "input", "truncate", "dimensions", "options", "keep_alive"], "body");

		fake.asks.push({ model: body.model, input: body.input });
		return { body: { model: body.model, embeddings: body.input.map(() => vector), prompt_eval_count: usage.prompt } };
	}
	post(request, "/api/chat");
	const ask = readOllama(request.json);

	fake.asks.push(ask);
	return chatOllama(ask);
};

/* ---- Cloudflare ---- */

const wrap = (result) => ({ result, success: true, errors: [], messages: [] });

export const cloudflare = ({ key, account }) => {
	const ai = `/client/v4/accounts/${account}/ai`;
	const surface = openai({
		key, at: pathsAt(`${ai}/v1`, ["chat", "embed"]), wrap, reasoning: "reasoning",
		roles: ["system", "user", "assistant", "tool"], noNull: true, objects: true,
		refuses: ["n", "logit_bias", "logprobs", "user", "store", "service_tier", "max_completion_tokens"], needs: ["max_tokens"],
	});
	const run = {
		"@cf/black-forest-labs/flux-1-schnell"(request, fake) {
			const body = only(request.json, ["prompt", "steps", "width", "height", "seed"], "body");

			assert.ok(!(body.steps > 8));
			fake.asks.push({ prompt: body.prompt });
			return { body: wrap({ image: picture.toString("base64") }) };
		},
		"@cf/myshell-ai/melotts"(request, fake) {
			const body = only(request.json, ["prompt", "lang"], "body");

			fake.asks.push({ input: body.prompt });
			return { body: wrap({ audio: voice.toString("base64") }) };
		},
		"@cf/openai/whisper-large-v3-turbo"(request, fake) {
			const body = only(request.json, ["audio", "language", "initial_prompt", "task", "vad_filter", "prefix"], "body");

			fake.asks.push({ bytes: Buffer.from(body.audio, "base64") });
			return { body: wrap({ text: heard, word_count: 3, transcription_info: { language: "en", duration: 2 } }) };
		},
	};

	return (request, fake) => {
		bearer(request, key);
		if (!request.path.startsWith(`${ai}/run/`))
			return surface(request, fake);
		const play = run[request.path.slice(`${ai}/run/`.length)] ?? assert.fail(`no such model: ${request.path}`);

		return play(request, fake);
	};
};

/* ---- Replicate ---- */

// What the inputs of its models have: their schemas name no other members.
const inputs = {
	"meta/meta-llama-3-8b-instruct": ["prompt", "system_prompt", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences",
		"seed", "image", "presence_penalty", "frequency_penalty"],
	"black-forest-labs/flux-schnell": ["prompt", "aspect_ratio", "num_outputs", "output_format", "output_quality", "seed"],
};

// GET /v1/models/OWNER/NAME
function describe(name) {
	const Input = { type: "object", properties: Object.fromEntries(inputs[name].map((member) => [member, { title: member }])) };
	const [owner, short] = name.split("/");

	return { body: { owner, name: short, latest_version: { id: "v1", openapi_schema: { components: { schemas: { Input } } } } } };
}

export const replicate = ({ key }) => {
	const made = new Map(); // predictions by id: what they will have said, and how often they were looked at

	function create(request, fake, name) {
		const { input } = only(request.json, ["input"], "body");
		const paints = name.includes("flux");

		only(input, inputs[name], "input");
		const ask = paints ? { prompt: input.prompt } : {
			...emptyAsk(), system: input.system_prompt, user: input.prompt, max: input.max_tokens,
			stop: input.stop_sequences?.split(",") ?? [], temperature: input.temperature,
			images: input.image ? [fromDataUri(input.image)] : [],
		};
		const id = `p${made.size}`;

		made.set(id, { looks: 0, output: paints ? [`${fake.url}/delivery/${id}.png`] : pieces(sayTo(ask).text) });
		fake.asks.push(ask);
		return { status: request.headers.prefer ? 202 : 201, body: { ...shown(fake, id), status: "starting", output: null } };
	}

	const shown = (fake, id) => ({
		id, created_at: "2023-11-14T22:13:20.1Z", error: null,
		urls: { get: `${fake.url}/v1/predictions/${id}`, cancel: `${fake.url}/v1/predictions/${id}/cancel`, stream: `${fake.url}/v1/stream/${id}` },
	});

	function look(fake, id) {
		const it = made.get(id) ?? assert.fail(`no prediction ${id}`);

		if (++it.looks === 1 && !it.streamed)
			return { body: { ...shown(fake, id), status: "processing", output: null } };
		return { body: {
			...shown(fake, id), status: "succeeded", output: it.output, completed_at: "2023-11-14T22:13:21Z",
			metrics: { predict_time: 0.1, input_token_count: usage.prompt, output_token_count: usage.completion, image_count: 1 },
		} };
	}

	function stream(request, id) {
		const it = made.get(id);

		assert.equal(request.headers.accept, "text/event-stream");
		assert.equal(request.headers["cache-control"], "no-store");
		it.streamed = true;
		const lines = (text) => text.split("\n").map((line) => `data: ${line}\n`).join("");
		return sse([...it.output.map((text, i) => `event: output\nid: ${i}:0\n${lines(text)}\n`), "event: done\ndata: {}\n\n"]);
	}

	return (request, fake) => {
		const [, name] = /^\/v1\/models\/([a-z0-9./-]+)\/predictions$/.exec(request.path) ?? [];

		if (request.path.startsWith("/delivery/")) {
			assert.equal(request.headers.authorization, undefined, "who delivers files gets no key");
			return { type: "image/png", body: picture };
		}
		bearer(request, key);
		if (name) {
			assert.equal(request.method, "POST");
			return create(request, fake, name);
		}
		assert.equal(request.method, "GET");
		const [, described] = /^\/v1\/models\/([a-z0-9-]+\/[a-z0-9-]+)$/.exec(request.path) ?? [];

		if (described)
			return describe(described);
		const [, kind, id] = /^\/v1\/(predictions|stream)\/(p\d+)$/.exec(request.path) ?? assert.fail(`path ${request.path}`);

		return kind === "stream" ? stream(request, id) : look(fake, id);
	};
};

/* ---- DeepL ---- */

export const deepl = ({ key }) => (request, fake) => {
	post(request, "/v2/translate");
	assert.equal(request.headers.authorization, `DeepL-Auth-Key ${key}`);
	const body = only(request.json, ["text", "target_lang", "source_lang", "context", "formality", "model_type", "glossary_id",
		"tag_handling", "split_sentences", "preserve_formatting", "show_billed_characters"], "body");

	assert.equal(body.target_lang, "PT-BR");
	assert.equal(body.show_billed_characters, true);
	assert.equal(body.text.length, 1);
	fake.asks.push({ ...emptyAsk(), system: body.context, user: body.text[0] });
	return { body: { translations: [{ detected_source_language: "EN", text: sayTo(emptyAsk()).text, billed_characters: usage.prompt }] } };
};
