// openai.mjs — OpenAI's surface as its own and the compatible providers play it
//
// openai(manner) plays all routes; a manner says how a provider departs:
//	key, auth		the header and value that must come; default `Authorization: Bearer key`
//	at			paths by mode, or pathsAt(prefix); default /v1/…
//	refuses			members of a chat request that this provider refuses
//	needs			members that it must have
//	roles			which it knows
//	ids			what ids of calls look like
//	reasoning		where thoughts are: reasoning_content, reasoning, parts, tags
//	finish			{ ours: theirs }
//	usage(u, whole)		usage in its words
//	usageAt			"own" chunk, or in the "last" one, or "x_groq"
//	wholeCalls, objects	calls come in one delta; their arguments as an object
//	wrap(body)		what is around a whole reply
//	paints, painted(fake)	members of a request for pictures, and the reply to it: URLs below /files
//	floatsOnly		no base64 of vectors
//	check(request, mode)	whatever else
import assert from "node:assert/strict";

import { emptyAsk, form, fromDataUri, functionTools, heard, only, picture, pieces, sayTo, sse, usage, vector, voice } from "./server.mjs";

const chatMembers = [
	"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature",
	"top_p", "stop", "seed", "random_seed", "user", "metadata", "response_format", "tools", "tool_choice",
	"parallel_tool_calls", "presence_penalty", "frequency_penalty", "n", "reasoning_effort", "reasoning",
	"thinking", "enable_thinking", "logprobs", "top_logprobs", "logit_bias", "service_tier", "store",
];
const paths = {
	chat: "chat/completions", embed: "embeddings", paint: "images/generations",
	speak: "audio/speech", hear: "audio/transcriptions",
};

// Of these modes, or of all; below: what stands between the prefix and the path of a mode.
export const pathsAt = (prefix, modes = Object.keys(paths), below = {}) =>
	Object.fromEntries(modes.map((mode) => [mode, `${prefix}/${below[mode] ? `${below[mode]}/` : ""}${paths[mode]}`]));

function readContent(ask, content, role) {
	let text = "";

	if (typeof content === "string")
		return content;
	for (const part of content ?? []) {
		if (part.type === "text") {
			text += only(part, ["type", "text"], "part").text;
		} else {
			assert.equal(part.type, "image_url");
			assert.equal(role, "user");
			only(part, ["type", "image_url"], "part");
			ask.images.push(fromDataUri(only(part.image_url, ["url", "detail"], "image_url").url));
		}
	}
	return text;
}

function readMessages(ask, body, manner) {
	const names = {};

	for (const [i, m] of body.messages.entries()) {
		assert.ok((manner.roles ?? ["system", "user", "assistant", "tool"]).includes(m.role), `role ${m.role}`);
		only(m, ["role", "content", "tool_calls", "tool_call_id", ...manner.messageMembers ?? []], `messages[${i}]`);
		if (manner.noNull)
			assert.notEqual(m.content, null, `messages[${i}]: content is null`);
		if (m.role === "system" || m.role === "developer") {
			assert.ok(!manner.leadingSystem || i === 0, "a system message must be the first");
			ask.system += (ask.system ? "\n" : "") + readContent(ask, m.content, m.role);
		}
		if (m.role === "user")
			ask.user = readContent(ask, m.content, m.role);
		for (const call of m.tool_calls ?? []) {
			assert.match(call.id, manner.ids ?? /./);
			assert.ok(!names[call.id], "two calls with one id");
			assert.equal(typeof call.function.arguments, "string");
			names[call.id] = JSON.parse(call.function.arguments).place;
		}
		if (m.role === "tool") {
			assert.ok(names[m.tool_call_id], `result of an unknown call ${m.tool_call_id}`);
			ask.results.push({ place: names[m.tool_call_id], text: readContent(ask, m.content, m.role) });
		}
	}
}

function readSchema(ask, format, manner) {
	if (manner.schemaWords) {
		// The schema stands in the words of the system.
		assert.deepEqual(format, { type: "json_object" });
		ask.schema = JSON.parse(/\{.*\}/.exec(ask.system)[0]);
		ask.system = ask.system.split("\n").filter((line) => !line.includes("{")).join("\n");
		return;
	}
	assert.equal(format.type, "json_schema");
	ask.schema = format.json_schema.schema;
}

function readChat(body, manner) {
	const ask = { ...emptyAsk(), model: body.model, stream: body.stream === true };

	only(body, chatMembers, "body");
	for (const name of manner.refuses ?? [])
		assert.ok(!(name in body), `refused member "${name}"`);
	for (const name of manner.needs ?? [])
		assert.ok(name in body, `missing member "${name}"`);
	readMessages(ask, body, manner);
	ask.max = body.max_completion_tokens ?? body.max_tokens ?? null;
	ask.stop = [body.stop ?? []].flat();
	ask.temperature = body.temperature ?? null;
	ask.choice = body.tool_choice ?? "auto";
	ask.tools = functionTools(body.tools);
	if (body.response_format)
		readSchema(ask, body.response_format, manner);
	return ask;
}

const plainUsage = (u) => ({
	prompt_tokens: u.prompt, completion_tokens: u.completion, total_tokens: u.prompt + u.completion,
	prompt_tokens_details: { cached_tokens: u.cached },
	completion_tokens_details: { reasoning_tokens: u.reasoning },
});

function message(said, manner) {
	const m = { role: "assistant", content: said.text || null };

	if (said.think && manner.reasoning === "parts")
		m.content = [{ type: "thinking", thinking: [{ type: "text", text: said.think }] }, { type: "text", text: said.text }];
	else if (said.think && manner.reasoning === "tags")
		m.content = `<thought>${said.think}</thought>${said.text}`;
	else if (said.think && manner.reasoning)
		m[manner.reasoning] = said.think;
	if (said.calls.length)
		m.tool_calls = wholeCalls(said, manner);
	return m;
}

const idOf = (i, manner) => manner.makeId?.(i) ?? `call_${i}`;
const wholeCalls = (said, manner) => said.calls.map((call, i) => ({
	id: idOf(i, manner), type: "function",
	function: { name: call.name, arguments: manner.objects ? call.args : JSON.stringify(call.args) },
}));

function finishOf(said, manner) {
	const ours = said.calls.length ? "tool_calls" : "stop";

	return manner.finish?.[ours] ?? ours;
}

function writeWhole(ask, said, manner) {
	const body = {
		id: "chatcmpl-up", object: "chat.completion", created: 1700000000, model: ask.model,
		choices: [{ index: 0, message: message(said, manner), finish_reason: finishOf(said, manner), logprobs: null }],
		usage: (manner.usage ?? plainUsage)(usage),
		...manner.extra,
	};

	return manner.wrap?.(body) ?? body;
}

function deltasOfCalls(said, manner) {
	if (manner.wholeCalls)
		return [{ tool_calls: wholeCalls(said, manner) }];
	return said.calls.flatMap((call, index) => [
		{ tool_calls: [{ index, id: idOf(index, manner), type: "function", function: { name: call.name, arguments: "" } }] },
		...pieces(JSON.stringify(call.args)).map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
	]);
}

function deltas(said, manner) {
	const thoughts = said.think && manner.reasoning ? pieces(said.think) : [];
	const asParts = (text) => [{ type: "thinking", thinking: [{ type: "text", text }] }];

	return [
		{ role: "assistant", content: said.calls.length ? null : "" },
		...manner.reasoning === "parts" ? thoughts.map((text) => ({ content: asParts(text) }))
			: manner.reasoning === "tags" ? (thoughts.length ? [`<thought>${said.think}`, "</thought>"] : []).map((content) => ({ content }))
			: thoughts.map((text) => ({ [manner.reasoning]: text })),
		...pieces(said.text).map((content) => ({ content })),
		...deltasOfCalls(said, manner),
	];
}

function writeStream(ask, said, manner, wantsUsage) {
	const base = { id: "chatcmpl-up", object: "chat.completion.chunk", created: 1700000000, model: ask.model };
	const chunk = (delta, finish_reason, more) =>
		({ data: { ...base, choices: [{ index: 0, delta, finish_reason }], ...more } });
	const counted = (manner.usage ?? plainUsage)(usage);
	const at = manner.usageAt ?? (wantsUsage ? "own" : "none");
	const last = at === "last" ? { usage: counted } : at === "x_groq" ? { x_groq: { id: "req", usage: counted } } : {};

	return sse([
		...manner.comment ? [`: ${manner.comment}\n\n`] : [],
		...manner.before?.(base) ?? [],
		...deltas(said, manner).map((delta) => chunk(delta, null)),
		chunk({}, finishOf(said, manner), { ...last, ...manner.extra }),
		...at === "own" ? [{ data: { ...base, choices: [], usage: counted } }] : [],
		"data: [DONE]\n\n",
	]);
}

function chat(request, fake, manner) {
	const body = request.json, ask = readChat(body, manner), said = sayTo(ask);

	fake.asks.push(ask);
	return ask.stream
		? writeStream(ask, said, manner, body.stream_options?.include_usage === true)
		: { body: writeWhole(ask, said, manner) };
}

function embed(request, fake, manner) {
	const body = only(request.json, ["model", "input", "encoding_format", "dimensions", "output_dimension", "user"], "body");
	const base64 = Buffer.from(new Float32Array(vector).buffer).toString("base64");
	const isText = body.encoding_format === "base64" && !manner.floatsOnly;

	fake.asks.push({ model: body.model, input: body.input });
	return {
		body: {
			object: "list", model: body.model,
			data: body.input.map((_, index) => ({ object: "embedding", index, embedding: isText ? base64 : vector })),
			usage: { prompt_tokens: usage.prompt, total_tokens: usage.prompt },
		},
	};
}

function paint(request, fake, manner) {
	const body = only(request.json, manner.paints ?? ["model", "prompt", "n", "size", "response_format", "quality", "style", "user"], "body");

	fake.asks.push({ model: body.model, prompt: body.prompt });
	return { body: manner.painted?.(fake) ?? { created: 1700000000, data: [{ b64_json: picture.toString("base64") }] } };
}

function speak(request, fake) {
	const body = only(request.json, ["model", "input", "voice", "response_format", "speed", "instructions"], "body");

	fake.asks.push({ model: body.model, input: body.input });
	return { type: "audio/mpeg", body: voice };
}

function hear(request, fake) {
	const parts = form(request);

	assert.ok(parts.file.filename);
	fake.asks.push({ model: parts.model.text, bytes: parts.file.bytes });
	return { body: { text: heard, usage: { type: "duration", seconds: 2 } } };
}

const modes = { chat, embed, paint, speak, hear };

export function openai(manner) {
	const at = { ...pathsAt("/v1"), ...manner.at };

	return (request, fake) => {
		const [header, value] = manner.auth ?? ["authorization", `Bearer ${manner.key}`];
		const mode = Object.keys(modes).find((name) => at[name] === request.path);

		if (manner.painted && request.path.startsWith("/files/")) {
			assert.equal(request.method, "GET");
			assert.equal(request.headers.authorization, undefined, "who keeps files gets no key");
			return { type: "image/png", body: picture };
		}
		assert.equal(request.headers[header], value);
		if (header !== "authorization")
			assert.equal(request.headers.authorization, undefined);
		assert.equal(request.method, "POST");
		assert.ok(mode, `no such path: ${request.path}`);
		manner.check?.(request, mode);
		return modes[mode](request, fake, manner);
	};
}
