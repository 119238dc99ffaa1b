// test.mjs — the official OpenAI SDK against the real stack, through nginx
//
//	npm ci && node --test test.mjs		after `make all`; or `make sdk`
//
// Says what the SDK's users rely on: that replies, streams and errors are such that it makes of
// them what it makes of OpenAI's. Retries are off, so that each call is one request.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";

import { eventually, rootKey, start } from "./gateway.mjs";

const vectors = [[0.5, -0.25, 2], [1, 0, -8]]; // exact in 32 bits
const base64 = (vector) => Buffer.from(new Float32Array(vector).buffer).toString("base64");

const weatherTool = {
	type: "function",
	function: {
		name: "weather",
		description: "The weather at a place",
		strict: true,
		parameters: {
			type: "object",
			properties: { place: { type: "string" }, days: { type: "integer", maximum: 7 } },
			required: ["place"],
			additionalProperties: false,
		},
	},
};
const weatherCall = { name: "weather", arguments: '{"place":"Zürich","days":2}' };

const chunk = (delta, finish = null, more = {}) => `event ${JSON.stringify({
	id: "chatcmpl-1", object: "chat.completion.chunk", created: 1700000000, model: "tools",
	choices: [{ index: 0, delta, finish_reason: finish }], ...more,
})}\n`;
const callPiece = (piece) => chunk({ tool_calls: [{ index: 0, ...piece }] });

// What fake_upstream plays for a model (its own manual says how); other names it knows by itself.
const scripts = {
	"tools": `body ${JSON.stringify({
		id: "chatcmpl-1", object: "chat.completion", created: 1700000000, model: "tools",
		choices: [{
			index: 0,
			message: {
				role: "assistant", content: null,
				tool_calls: [{ id: "call_1", type: "function", function: weatherCall }],
			},
			finish_reason: "tool_calls",
		}],
		usage: { prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 },
	})}\n`,
	"tools-stream": chunk({ role: "assistant", content: null }) +
		callPiece({ id: "call_1", type: "function", function: { name: "weather", arguments: "" } }) +
		callPiece({ function: { arguments: '{"place":"Zü' } }) +
		callPiece({ function: { arguments: 'rich","days":2}' } }) +
		chunk({}, "tool_calls") + "chunk data: [DONE]\\n\\n\n",
	"embed-base64": `body ${JSON.stringify({
		object: "list", model: "embed-base64",
		data: vectors.map((v, index) => ({ object: "embedding", index, embedding: base64(v) })),
		usage: { prompt_tokens: 20, total_tokens: 20 },
	})}\n`,
	"embed-float": `body ${JSON.stringify({
		object: "list", model: "embed-float",
		data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })),
		usage: { prompt_tokens: 20, total_tokens: 20 },
	})}\n`,
};
const models = [
	"gpt-4o", "stream-3-1", "stream-1000-20", "slow-3000", "tools", "tools-stream",
	"embed-base64", "embed-float", "error-400", "error-401", "error-404", "error-429", "error-500",
];

let gateway, client;

const ask = (model, more) => ({ model, messages: [{ role: "user", content: "Hello" }], ...more });
const clientWith = (apiKey, more) =>
	new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0, ...more });

// Rejects with exactly this class, status and, where it matters, code; with the request's id.
async function refuses(promise, want) {
	const error = await promise.then(() => assert.fail("no error"), (reason) => reason);

	assert.equal(error.constructor, want.class, error.stack);
	assert.equal(error.status, want.status);
	if (want.code)
		assert.equal(error.code, want.code);
	assert.match(error.message, want.message);
	assert.match(error.message, /\(request id: \d{20,}\)/);
	return error;
}

before(async () => {
	gateway = await start(scripts);
	client = clientWith(rootKey);
	await gateway.api("PUT", "/api/option/", { key: "UnpricedModel", value: "free" });
	await gateway.api("POST", "/api/channel/", {
		type: 1, name: "openai", key: "sk-up", base_url: gateway.upstream,
		models: models.join(","), group: "default",
	});
	await gateway.api("POST", "/api/channel/", {
		type: 30, name: "ollama", key: "-", base_url: gateway.upstream,
		models: "ollama-embed,ollama-chat", group: "default",
	});
	await eventually("both channels serve", async () => {
		const ids = (await client.models.list()).data.map((model) => model.id);

		return ids.includes("gpt-4o") && ids.includes("ollama-chat");
	});
});

after(() => gateway?.stop());

describe("chat", { timeout: 300000 }, () => {
	test("whole", async () => {
		const { data, response } = await client.chat.completions.create(ask("gpt-4o")).withResponse();

		assert.equal(data.object, "chat.completion");
		assert.equal(data.choices[0].message.role, "assistant");
		assert.equal(data.choices[0].message.content, "echo: Hello");
		assert.equal(data.choices[0].finish_reason, "stop");
		assert.equal(data.usage.prompt_tokens, 10);
		assert.equal(data.usage.completion_tokens, 7);
		assert.match(response.headers.get("x-oneapi-request-id"), /^\d{20,}$/);
	});

	test("streamed", async () => {
		let text = "", finish;

		for await (const part of await client.chat.completions.create(ask("stream-3-1", { stream: true }))) {
			assert.equal(part.object, "chat.completion.chunk");
			assert.equal(part.choices.length, 1, "usage was not asked for");
			text += part.choices[0].delta.content ?? "";
			finish = part.choices[0].finish_reason ?? finish;
		}
		assert.equal(text, "word0 word1 word2 ");
		assert.equal(finish, "stop");
	});

	test("streamed with usage", async () => {
		const parts = [];
		const more = { stream: true, stream_options: { include_usage: true } };

		for await (const part of await client.chat.completions.create(ask("stream-3-1", more)))
			parts.push(part);
		const last = parts.pop();
		assert.deepEqual(last.choices, []);
		assert.deepEqual(last.usage, { prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 });
		assert.ok(parts.every((part) => !part.usage && part.choices.length === 1));
	});

	test("streamed events arrive one by one", async () => {
		const times = [];

		for await (const part of await client.chat.completions.create(ask("stream-1000-20", { stream: true }))) {
			if (part.choices[0].delta.content)
				times.push(performance.now());
			if (times.length === 20)
				break; // the SDK ends the request
		}
		const span_ms = times.at(-1) - times[0];
		assert.ok(span_ms > 200, `20 events, 20 ms apart, came within ${span_ms} ms`);
	});

	test("through another dialect, whole and streamed", async () => {
		const whole = await client.chat.completions.create(ask("ollama-chat"));
		let text = "";

		assert.equal(whole.choices[0].message.content, "echo: Hello");
		assert.equal(whole.usage.total_tokens, 17);
		for await (const part of await client.chat.completions.create(ask("ollama-chat", { stream: true })))
			text += part.choices[0].delta.content ?? "";
		assert.equal(text, "word0 word1 word2 word3 word4 ");
	});

	test("text completions, whole and streamed", async () => {
		const whole = await client.completions.create({ model: "gpt-4o", prompt: "Hello" });
		let text = "";

		assert.equal(whole.object, "text_completion");
		assert.match(whole.choices[0].text, /^echo: /);
		for await (const part of await client.completions.create({ model: "stream-3-1", prompt: "Hello", stream: true }))
			text += part.choices[0].text;
		assert.equal(text, "word0 word1 word2 ");
	});
});

describe("tools", { timeout: 300000 }, () => {
	const conversation = [
		{ role: "user", content: "Weather?" },
		{
			role: "assistant", content: null,
			tool_calls: [{ id: "call_0", type: "function", function: weatherCall }],
		},
		{ role: "tool", tool_call_id: "call_0", content: "[1, 2]" },
	];
	const request = {
		messages: conversation, tools: [weatherTool], tool_choice: "auto", parallel_tool_calls: false,
	};

	test("whole, passed through both ways", async () => {
		const reply = await client.chat.completions.create({ model: "tools", ...request });
		const [call] = reply.choices[0].message.tool_calls;

		assert.equal(reply.choices[0].finish_reason, "tool_calls");
		assert.deepEqual(call, { id: "call_1", type: "function", function: weatherCall });
		assert.deepEqual(await gateway.lastUpstreamBody(), { model: "tools", ...request });
	});

	test("streamed, put together by the SDK", async () => {
		const stream = client.chat.completions.stream({ model: "tools-stream", ...request });
		const { choices } = await stream.finalChatCompletion();
		const { id, type, function: called } = choices[0].message.tool_calls[0];
		const sent = await gateway.lastUpstreamBody();

		assert.equal(choices[0].finish_reason, "tool_calls");
		assert.equal(id, "call_1");
		assert.equal(type, "function");
		assert.equal(called.name, weatherCall.name);
		assert.equal(called.arguments, weatherCall.arguments);
		assert.deepEqual(sent.messages, conversation);
		assert.deepEqual(sent.tools, [weatherTool]);
		assert.equal(sent.parallel_tool_calls, false);
	});

	test("members that nobody here knows reach the upstream", async () => {
		const more = { seed: 12345678901234, metadata: { a: "b" }, "x-new": [1.5, null, { deep: true }] };

		await client.chat.completions.create(ask("gpt-4o", more));
		assert.deepEqual(await gateway.lastUpstreamBody(), ask("gpt-4o", more));
	});
});

describe("embeddings", { timeout: 300000 }, () => {
	const input = ["one", "two"];

	test("as the SDK asks by default, base64 on the wire", async () => {
		const reply = await client.embeddings.create({ model: "embed-base64", input });

		assert.equal((await gateway.lastUpstreamBody()).encoding_format, "base64");
		assert.deepEqual(reply.data.map((row) => [...row.embedding]), vectors);
		assert.equal(reply.usage.prompt_tokens, 20);
	});

	test("as numbers", async () => {
		const reply = await client.embeddings.create({ model: "embed-float", input, encoding_format: "float" });

		assert.equal((await gateway.lastUpstreamBody()).encoding_format, "float");
		assert.deepEqual(reply.data.map((row) => row.embedding), vectors);
		assert.deepEqual(reply.data.map((row) => row.index), [0, 1]);
	});

	test("from an upstream that has numbers only: base64 is made of them", async () => {
		const asked = await client.embeddings.create({ model: "ollama-embed", input });
		const plain = await client.embeddings.create({ model: "ollama-embed", input, encoding_format: "float" });

		assert.equal(asked.data.length, 2);
		for (const [i, row] of plain.data.entries()) {
			assert.equal(row.embedding.length, 8);
			assert.deepEqual([...asked.data[i].embedding], row.embedding.map(Math.fround));
		}
	});
});

describe("models", { timeout: 300000 }, () => {
	test("list", async () => {
		const listed = [];

		for await (const model of client.models.list())
			listed.push(model);
		assert.deepEqual(listed.map((model) => model.id), [...models, "ollama-embed", "ollama-chat"].sort());
		assert.ok(listed.every((model) => model.object === "model" && model.created > 0 && model.owned_by));
	});

	test("retrieve", async () => {
		const model = await client.models.retrieve("gpt-4o");

		assert.equal(model.id, "gpt-4o");
		assert.equal(model.object, "model");
	});
});

describe("errors", { timeout: 300000 }, () => {
	test("AuthenticationError: a wrong key", async () => {
		await refuses(clientWith("sk-wrong").chat.completions.create(ask("gpt-4o")), {
			class: OpenAI.AuthenticationError, status: 401, code: "invalid_api_key",
			message: /the API key is not valid/,
		});
	});

	test("AuthenticationError speaks the client's language", async () => {
		const chinese = clientWith("sk-wrong", { defaultHeaders: { "Accept-Language": "zh-CN" } });

		await refuses(chinese.models.list(), {
			class: OpenAI.AuthenticationError, status: 401, code: "invalid_api_key",
			message: /无效的令牌/,
		});
	});

	test("BadRequestError: ours, and an upstream's", async () => {
		await refuses(client.chat.completions.create({ model: "gpt-4o", messages: [] }), {
			class: OpenAI.BadRequestError, status: 400, code: "invalid_text_request",
			message: /messages/,
		});
		await refuses(client.chat.completions.create(ask("error-400")), {
			class: OpenAI.BadRequestError, status: 400, message: /fake error of error-400/,
		});
	});

	test("PermissionDeniedError: a model that the key may not use", async () => {
		const { key } = await gateway.api("POST", "/api/token/", {
			name: "narrow", expired_time: -1, unlimited_quota: true, models: "gpt-4o",
		});
		const narrow = clientWith(`sk-${key}`);

		assert.deepEqual((await narrow.models.list()).data.map((model) => model.id), ["gpt-4o"]);
		await refuses(narrow.chat.completions.create(ask("error-400")), {
			class: OpenAI.PermissionDeniedError, status: 403, code: "model_not_allowed",
			message: /error-400/,
		});
	});

	test("NotFoundError: a model and a path that do not exist", async () => {
		const error = await refuses(client.models.retrieve("no-such-model"), {
			class: OpenAI.NotFoundError, status: 404, code: "model_not_found",
			message: /no-such-model/,
		});

		assert.equal(error.param, "model");
		assert.match(error.requestID, /^\d{20,}$/);
		assert.ok(error.message.includes(error.requestID));
		await assert.rejects(client.post("/no/such/path", { body: {} }), OpenAI.NotFoundError);
		await refuses(client.chat.completions.create(ask("error-404")), {
			class: OpenAI.NotFoundError, status: 404, code: "model_not_found",
			message: /fake error of error-404/,
		});
	});

	test("RateLimitError: an upstream's, with its Retry-After", async () => {
		const error = await refuses(client.chat.completions.create(ask("error-429")), {
			class: OpenAI.RateLimitError, status: 429, code: "rate_limit_exceeded",
			message: /./,
		});

		assert.equal(error.headers.get("retry-after"), "1");
	});

	test("InternalServerError: an upstream's, its rejected key, and no channel", async () => {
		await refuses(client.chat.completions.create(ask("error-500")), {
			class: OpenAI.InternalServerError, status: 502, message: /fake error of error-500/,
		});
		const error = await refuses(client.chat.completions.create(ask("error-401")), {
			class: OpenAI.InternalServerError, status: 502, message: /./,
		});
		assert.equal(error.type, "upstream_auth_error");
		assert.doesNotMatch(error.message, /fake error/, "the operator's account is nobody's business");
		await refuses(client.chat.completions.create(ask("nobody-serves-this")), {
			class: OpenAI.InternalServerError, status: 503, code: "no_channel",
			message: /nobody-serves-this/,
		});
	});

	test("an error before a stream begins is an error, not an event", async () => {
		await refuses(client.chat.completions.create(ask("error-400", { stream: true })), {
			class: OpenAI.BadRequestError, status: 400, message: /fake error of error-400/,
		});
	});
});

describe("a client that leaves", { timeout: 300000 }, () => {
	const cancelled = async () => (await gateway.upstreamStats()).cancelled;

	test("in mid-stream: the upstream call ends, what came is in the log", async () => {
		const before = await cancelled();
		const stream = await client.chat.completions.create(ask("stream-1000-20", { stream: true }));
		let parts = 0;

		for await (const part of stream)
			if (part.choices[0].delta.content && ++parts === 3)
				stream.controller.abort();
		assert.equal(parts, 3);
		await eventually("upstream cancelled", async () => await cancelled() > before, 2000);
		const [row] = await eventually("log row", async () => {
			const rows = await gateway.api("GET", "/api/log/?p=0&type=2&model_name=stream-1000-20");

			return rows.length && rows;
		});
		assert.equal(row.is_stream, true);
		assert.ok(row.completion_tokens >= 3 && row.completion_tokens < 1000, `${row.completion_tokens}`);
	});

	test("by its own timeout, before the first byte", async () => {
		const before = await cancelled();

		await assert.rejects(client.chat.completions.create(ask("slow-3000"), { timeout: 300 }),
			OpenAI.APIConnectionTimeoutError);
		await eventually("upstream cancelled", async () => await cancelled() > before, 2000);
	});
});
