// test_routes.mjs — every route through the official OpenAI SDK, and what each call cost
//
//	node --test test_routes.mjs		after `make all`; or `make sdk`
//
// One channel keeps files and the like, another does not. Prices are worked out from what OpenAI
// lists per million tokens, minute, character or picture; 500,000 quota are a dollar.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI, { toFile } from "openai";

import { eventually, rootKey, start } from "./gateway.mjs";

const scripts = {
	"gpt-4o-mini": `body ${JSON.stringify({
		id: "chatcmpl-1", object: "chat.completion", created: 1700000000, model: "gpt-4o-mini",
		choices: [{
			index: 0, finish_reason: "stop",
			message: { role: "assistant", content: '{"answer":4}', refusal: null },
		}],
		usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
	})}\n`,
};
const models = [
	"gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "dall-e-2",
	"dall-e-3", "gpt-image-1", "tts-1", "whisper-1", "omni-moderation-latest",
];

let gateway, client;

before(async () => {
	gateway = await start(scripts);
	client = new OpenAI({ apiKey: rootKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
	await gateway.api("POST", "/api/channel/", {
		type: 1, name: "keeper", key: "sk-keeper", base_url: gateway.upstream,
		models: models.join(","), group: "default",
		config: JSON.stringify({ resources: true, call_price: 0.0001 }),
	});
	await eventually("the channel serves", async () =>
		(await client.models.list()).data.length === models.length);
});

after(() => gateway?.stop());

// The log row of a call: its request id is in the reply's header.
const rowOf = (response) => eventually("log row", async () => {
	const id = response.headers.get("x-oneapi-request-id");
	const rows = await gateway.api("GET", "/api/log/?p=0&type=2");

	return rows.find((row) => row.request_id === id);
});

// What the call cost; its data. The row names the model (or family) and the channel.
async function costs(quota, name, call) {
	const { data, response } = await call.withResponse();
	const row = await rowOf(response);

	assert.equal(row.quota, quota, `quota of ${name}`);
	assert.equal(row.model_name, name);
	assert.ok(row.channel > 0);
	return data;
}

const free = 50; // call_price: USD 0.0001

const wav = () => toFile(Buffer.from("RIFF fake"), "a.wav", { type: "audio/wav" });
const png = () => toFile(Buffer.from("\x89PNG fake"), "a.png", { type: "image/png" });

describe("text", { timeout: 300000 }, () => {
	const messages = [{ role: "user", content: "2+2?" }];

	test("chat", async () => {
		// USD 2.50 and 10 per million: 10 × 1.25 + 7 × 5 = 47.5
		const chat = await costs(48, "gpt-4o", client.chat.completions.create({ model: "gpt-4o", messages }));

		assert.equal(chat.choices[0].message.content, "echo: 2+2?");
	});

	test("chat, streamed", async () => {
		let text = "";

		const stream = await costs(48, "gpt-4o", {
			async withResponse() {
				const { data, response } = await client.chat.completions
					.create({ model: "gpt-4o", messages, stream: true }).withResponse();

				for await (const part of data)
					text += part.choices[0]?.delta.content ?? "";
				return { data, response };
			},
		});
		assert.ok(stream);
		assert.match(text, /^word0 /);
	});

	test("chat, parsed against a schema", async () => {
		const { choices } = await client.chat.completions.parse({
			model: "gpt-4o-mini", messages,
			response_format: {
				type: "json_schema",
				json_schema: {
					name: "sum", strict: true,
					schema: {
						type: "object", properties: { answer: { type: "number" } },
						required: ["answer"], additionalProperties: false,
					},
				},
			},
		});

		assert.deepEqual(JSON.parse(choices[0].message.content), { answer: 4 });
	});

	test("completions", async () => {
		// USD 1.50 and 2 per million: 10 × 0.75 + 7 × 1 = 14.5
		const reply = await costs(15, "gpt-3.5-turbo-instruct",
			client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "Hi" }));

		assert.match(reply.choices[0].text, /^echo: /);
	});

	test("embeddings", async () => {
		// USD 0.02 per million: 20 × 0.01 = 0.2, rounded up
		const reply = await costs(1, "text-embedding-3-small", client.embeddings.create({
			model: "text-embedding-3-small", input: ["a", "b"], encoding_format: "float",
		}));

		assert.equal(reply.data.length, 2);
	});

	test("moderations", async () => {
		const reply = await client.moderations.create({ model: "omni-moderation-latest", input: "x" });

		assert.equal(reply.results[0].flagged, false);
	});
});

describe("pictures and sound", { timeout: 300000 }, () => {
	test("images.generate", async () => {
		// USD 0.040 each at 1024x1024
		const reply = await costs(20000, "dall-e-3",
			client.images.generate({ model: "dall-e-3", prompt: "a cat", n: 1, size: "1024x1024" }));

		assert.match(reply.data[0].url, /^https:/);
	});

	test("images.generate, billed by tokens", async () => {
		// USD 5 per million in, 40 out: 50 × 2.5 + 100 × 20 = 2125
		const reply = await costs(2125, "gpt-image-1",
			client.images.generate({ model: "gpt-image-1", prompt: "a cat" }));

		assert.equal(reply.data[0].b64_json, "ZmFrZSBwaWN0dXJl");
	});

	test("images.generate, streamed", async () => {
		const types = [];

		for await (const event of await client.images.generate({
			model: "gpt-image-1", prompt: "a cat", stream: true, partial_images: 1,
		}))
			types.push(event.type);
		assert.deepEqual(types, ["image_generation.partial_image", "image_generation.completed"]);
	});

	test("images.edit and createVariation", async () => {
		const edited = await client.images.edit({ model: "gpt-image-1", image: await png(), prompt: "a hat" });
		const varied = await client.images.createVariation({ model: "dall-e-2", image: await png(), n: 2 });

		assert.equal(edited.data.length, 1);
		assert.ok(varied.data.length >= 1);
	});

	test("audio.speech", async () => {
		// USD 15 per million characters: 11 × 7.5 = 82.5
		const call = client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "hello world" });
		const response = await call;
		const row = await rowOf(response);

		assert.equal(Buffer.from(await response.arrayBuffer()).toString(), "ID3 fake speech");
		assert.equal(response.headers.get("content-type"), "audio/mpeg");
		assert.equal(row.quota, 83);
	});

	test("audio.transcriptions and translations", async () => {
		// USD 0.006 a minute
		const heard = await costs(3000, "whisper-1",
			client.audio.transcriptions.create({ model: "whisper-1", file: await wav() }));
		const translated = await costs(3000, "whisper-1",
			client.audio.translations.create({ model: "whisper-1", file: await wav() }));
		const text = await client.audio.transcriptions.create({
			model: "whisper-1", file: await wav(), response_format: "text",
		});

		assert.equal(heard.text, "fake transcript");
		assert.equal(translated.text, "fake transcript");
		assert.match(String(text), /^fake transcript/);
	});
});

describe("responses", { timeout: 300000 }, () => {
	test("create, retrieve, inputItems, delete", async () => {
		// 11 × 1.25 + 7 × 5 = 48.75
		const made = await costs(49, "gpt-4o", client.responses.create({ model: "gpt-4o", input: "Hello" }));

		assert.equal(made.output_text, "Hello from fake");
		const again = await costs(free, "gpt-4o", client.responses.retrieve(made.id));
		assert.equal(again.id, made.id);
		const items = await client.responses.inputItems.list(made.id);
		assert.equal(items.data[0].id, "msg_in");
		const next = await client.responses.create({
			model: "gpt-4o", input: "And?", previous_response_id: made.id,
		});
		assert.notEqual(next.id, made.id);
		await client.responses.delete(made.id);
		const error = await eventually("it is gone", () =>
			client.responses.retrieve(made.id).then(() => null, (reason) => reason));
		assert.equal(error.constructor, OpenAI.NotFoundError);
		assert.match(error.requestID ?? "", /^(\d{20,})?$/);
	});

	test("create, streamed", async () => {
		let text = "", last;

		for await (const event of await client.responses.create({ model: "gpt-4o", input: "Hi", stream: true })) {
			if (event.type === "response.output_text.delta")
				text += event.delta;
			last = event;
		}
		assert.equal(text, "Hello from fake");
		assert.equal(last.type, "response.completed");
		assert.equal((await client.responses.retrieve(last.response.id)).status, "completed");
	});

	test("background: polled to its end, and resumed as a stream", async () => {
		const made = await client.responses.create({ model: "gpt-4o", input: "Hello", background: true });
		const done = await eventually("it ends", async () => {
			const now = await client.responses.retrieve(made.id);

			return now.status === "completed" && now;
		});
		const numbers = [];

		assert.equal(made.status, "queued");
		assert.equal(done.usage.total_tokens, 18);
		for await (const event of await client.responses.retrieve(made.id, { stream: true, starting_after: 3 }))
			numbers.push(event.sequence_number);
		assert.deepEqual(numbers, [4, 5, 6, 7]);
		await eventually("the final charge", async () => {
			const rows = await gateway.api("GET", "/api/log/?p=0&type=2");

			return rows.some((row) => row.content === `background response ${made.id}`);
		});
	});

	test("cancel, input_tokens, compact", async () => {
		const made = await client.responses.create({ model: "gpt-4o", input: "Hello", background: true });

		assert.equal((await client.responses.cancel(made.id)).status, "cancelled");
		const count = await client.responses.inputTokens.count({ model: "gpt-4o", input: "Hello" });
		assert.equal(count.input_tokens, 11);
		const compacted = await costs(49, "gpt-4o", client.responses.compact({ model: "gpt-4o", input: "Hello" }));
		assert.equal(compacted.object, "response.compaction");
	});
});

describe("what an upstream keeps", { timeout: 300000 }, () => {
	const line = JSON.stringify({
		custom_id: "1", method: "POST", url: "/v1/chat/completions",
		body: { model: "gpt-4o", messages: [{ role: "user", content: "Hello" }], max_tokens: 10 },
	});
	const upload = async (content = `${line}\n`, purpose = "batch") =>
		client.files.create({ file: await toFile(Buffer.from(content), "in.jsonl"), purpose });
	// A list is written behind the reply that made its newest entry.
	const listed = (list, id) => eventually(`${id} is listed`, async () =>
		(await list()).data.some((one) => one.id === id));

	test("files", async () => {
		const bytes = Buffer.from([0, 255, 13, 10, 45, 45, 98, 0, 1]);
		const file = await costs(free, "files", client.files.create({
			file: await toFile(bytes, "b.bin"), purpose: "user_data",
		}));

		assert.equal(file.bytes, bytes.length);
		assert.equal((await client.files.retrieve(file.id)).filename, "b.bin");
		const content = await client.files.content(file.id);
		assert.deepEqual(Buffer.from(await content.arrayBuffer()), bytes);
		await listed(() => client.files.list(), file.id);
		assert.equal((await client.files.delete(file.id)).deleted, true);
	});

	test("uploads", async () => {
		const begun = await client.uploads.create({
			bytes: 3, filename: "u.txt", mime_type: "text/plain", purpose: "assistants",
		});
		const part = await client.uploads.parts.create(begun.id, { data: await toFile(Buffer.from("abc"), "p") });
		const done = await client.uploads.complete(begun.id, { part_ids: [part.id] });

		assert.equal(done.status, "completed");
		const file = await eventually("its file is ours", () =>
			client.files.retrieve(done.file.id).catch(() => null));
		assert.equal(file.object, "file");
		const other = await client.uploads.create({
			bytes: 3, filename: "u.txt", mime_type: "text/plain", purpose: "assistants",
		});
		assert.equal((await client.uploads.cancel(other.id)).status, "cancelled");
	});

	test("batches", async () => {
		const file = await upload();
		const batch = await client.batches.create({
			input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h",
		});
		const ended = await client.batches.retrieve(batch.id);

		assert.equal(ended.status, "completed");
		const output = await eventually("its output is ours", () =>
			client.files.content(ended.output_file_id).catch(() => null));
		assert.match(await output.text(), /custom_id/);
		await listed(() => client.batches.list(), batch.id);
		await client.batches.cancel(batch.id);
	});

	test("fine-tuning", async () => {
		const file = await upload("{}\n", "fine-tune");
		const job = await client.fineTuning.jobs.create({ model: "gpt-4o-2024-08-06", training_file: file.id });

		assert.equal((await client.fineTuning.jobs.retrieve(job.id)).id, job.id);
		assert.deepEqual((await client.fineTuning.jobs.listEvents(job.id)).data, []);
		assert.deepEqual((await client.fineTuning.jobs.checkpoints.list(job.id)).data, []);
		await listed(() => client.fineTuning.jobs.list(), job.id);
		assert.equal((await client.fineTuning.jobs.pause(job.id)).status, "paused");
		assert.equal((await client.fineTuning.jobs.resume(job.id)).status, "running");
		assert.equal((await client.fineTuning.jobs.cancel(job.id)).status, "cancelled");
	});

	test("vector stores", async () => {
		const file = await upload("text", "assistants");
		const store = await client.vectorStores.create({ name: "s", file_ids: [file.id] });

		assert.equal((await client.vectorStores.update(store.id, { name: "t" })).id, store.id);
		assert.equal((await client.vectorStores.retrieve(store.id)).name, "s");
		await client.vectorStores.files.create(store.id, { file_id: file.id });
		await client.vectorStores.files.list(store.id);
		await client.vectorStores.search(store.id, { query: "x" });
		await listed(() => client.vectorStores.list(), store.id);
		assert.equal((await client.vectorStores.delete(store.id)).deleted, true);
	});

	test("assistants and threads", async () => {
		const { assistants, threads } = client.beta;
		const assistant = await assistants.create({ model: "gpt-4o", name: "a" });
		const thread = await threads.create({ messages: [{ role: "user", content: "x" }] });

		assert.equal((await assistants.retrieve(assistant.id)).name, "a");
		await assistants.update(assistant.id, { name: "b" });
		await listed(() => assistants.list(), assistant.id);
		await threads.messages.create(thread.id, { role: "user", content: "y" });
		await threads.messages.list(thread.id);
		const run = await threads.runs.create(thread.id, { assistant_id: assistant.id });
		assert.equal(run.status, "completed");
		const both = await threads.createAndRun({ assistant_id: assistant.id });
		assert.match(both.thread_id, /^thread_/);
		await threads.retrieve(both.thread_id);
		const events = [];
		for await (const event of await threads.createAndRun({ assistant_id: assistant.id, stream: true }))
			events.push(event.event);
		assert.deepEqual(events, ["thread.created", "thread.run.completed"]);
		assert.equal((await threads.delete(thread.id)).deleted, true);
		assert.equal((await assistants.delete(assistant.id)).deleted, true);
	});

	test("containers and conversations", async () => {
		const container = await client.containers.create({ name: "c" });
		const conversation = await client.conversations.create({});

		assert.equal((await client.containers.retrieve(container.id)).name, "c");
		assert.equal((await client.conversations.retrieve(conversation.id)).id, conversation.id);
		await client.responses.create({ model: "gpt-4o", input: "x", conversation: conversation.id });
		await client.conversations.delete(conversation.id);
		await client.containers.delete(container.id);
	});

	test("another user sees none of it", async () => {
		await gateway.api("POST", "/api/user/", { username: "stranger", password: "a long password" });
		const login = await fetch(`${gateway.url}/api/user/login`, {
			method: "POST", headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ username: "stranger", password: "a long password" }),
		});
		const cookie = login.headers.get("set-cookie").split(";")[0];
		const made = await (await fetch(`${gateway.url}/api/token/`, {
			method: "POST", headers: { cookie, "Content-Type": "application/json" },
			body: JSON.stringify({ name: "k", expired_time: -1, unlimited_quota: true }),
		})).json();
		const { id } = (await gateway.api("GET", "/api/user/?p=0")).find((user) => user.username === "stranger");
		await gateway.api("PUT", "/api/user/", { id, username: "stranger", quota: 1000000 });
		const stranger = new OpenAI({ apiKey: `sk-${made.data.key}`, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
		const file = await upload("secret", "user_data");

		await assert.rejects(stranger.files.retrieve(file.id), OpenAI.NotFoundError);
		await assert.rejects(stranger.files.content(file.id), OpenAI.NotFoundError);
		await assert.rejects(stranger.files.delete(file.id), OpenAI.NotFoundError);
		await assert.rejects(stranger.batches.create({
			input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h",
		}), OpenAI.NotFoundError);
		assert.deepEqual((await stranger.files.list()).data, []);
		assert.equal((await client.files.retrieve(file.id)).id, file.id);
	});
});

describe("models and errors", { timeout: 300000 }, () => {
	test("models", async () => {
		const ids = (await client.models.list()).data.map((model) => model.id);

		assert.deepEqual(ids, [...models].sort());
		assert.equal((await client.models.retrieve("gpt-4o")).object, "model");
		await assert.rejects(client.models.delete("gpt-4o"), { status: 501, code: "api_not_implemented" });
	});

	test("without the switch the routes are not implemented", async () => {
		const [channel] = await gateway.api("GET", "/api/channel/?p=0");

		await gateway.api("PUT", "/api/channel/", { id: channel.id, config: "{}" });
		await eventually("the switch is off", async () =>
			(await client.files.list().then(() => null, (reason) => reason))?.status === 501);
		await assert.rejects(client.files.retrieve("file-x"), { status: 501, code: "api_not_implemented" });
		await assert.rejects(client.batches.list(), { status: 501 });
		await assert.rejects(client.beta.threads.create({}), { status: 501 });
		// responses need no switch
		await assert.rejects(client.responses.retrieve("resp_x"), { status: 404, code: "response_not_found" });
	});
});
