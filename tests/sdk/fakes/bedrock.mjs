// bedrock.mjs — AWS Bedrock: InvokeModel for Claude and Llama, Converse, embeddings, pictures; SigV4 worked out anew
//
//	bedrock({ region, ak, sk, token })	signed requests
//	bedrock({ bearer })			a Bedrock API key
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { crc32 } from "node:zlib";

import { messageEvents, readMessages, writeMessage } from "./anthropic.mjs";
import { emptyAsk, only, picture, pieces, sayTo, takeSchemaTool, usage, vector } from "./server.mjs";

const hex = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();

// RFC 3986, without the characters that encodeURIComponent leaves alone.
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

// The steps of AWS's "Create a signed AWS API request", from what arrived.
function checkSignature(request, { region, ak, sk, token }) {
	const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/
		.exec(request.headers.authorization) ?? assert.fail("no signature");
	const [, id, day, where, service, list, signature] = parts;
	const names = list.split(";"), time = request.headers["x-amz-date"];

	assert.deepEqual([id, where, service], [ak, region, "bedrock"]);
	assert.match(time, /^\d{8}T\d{6}Z$/);
	assert.equal(time.slice(0, 8), day);
	const at = Date.parse(time.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z"));
	assert.ok(Math.abs(Date.now() - at) < 300000, "Signature expired");
	for (const must of ["host", "x-amz-date", "content-type", ...token ? ["x-amz-security-token"] : []])
		assert.ok(names.includes(must), `${must} is not signed`);
	for (const name of Object.keys(request.headers))
		assert.ok(!name.startsWith("x-amz") || names.includes(name), `${name} is not signed`);
	assert.deepEqual(names, [...names].sort());
	assert.equal(request.headers["x-amz-security-token"], token);
	const canonical = [
		request.method, request.path.split("/").map(encode).join("/"), "",
		...names.map((name) => `${name}:${request.headers[name].trim().replace(/ +/g, " ")}`), "",
		list, hex(request.body),
	].join("\n");
	const scope = `${day}/${region}/${service}/aws4_request`;
	const key = [day, region, service, "aws4_request"].reduce(hmac, `AWS4${sk}`);

	assert.equal(signature, hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hex(canonical)}`).toString("hex"),
		"The request signature we calculated does not match the signature you provided");
}

/* ---- frames ---- */

function header(name, value) {
	const n = Buffer.from(name), v = Buffer.from(value), size = Buffer.alloc(2);

	size.writeUInt16BE(v.length);
	return Buffer.concat([Buffer.from([n.length]), n, Buffer.from([7]), size, v]);
}

function frame(name, payload) {
	const headers = Buffer.concat([header(":event-type", name), header(":content-type", "application/json"), header(":message-type", "event")]);
	const body = Buffer.from(JSON.stringify(payload)), prelude = Buffer.alloc(12), end = Buffer.alloc(4);

	prelude.writeUInt32BE(headers.length + body.length + 16, 0);
	prelude.writeUInt32BE(headers.length, 4);
	prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
	const all = Buffer.concat([prelude, headers, body]);
	end.writeUInt32BE(crc32(all));
	return Buffer.concat([all, end]);
}

const frames = (list) => ({
	type: "application/vnd.amazon.eventstream", headers: { "x-amzn-RequestId": "req-up" },
	body: Buffer.concat(list.map(([name, payload]) => frame(name, { ...payload, p: "abcdef" }))),
});
const chunks = (list) => frames(list.map((event) =>
	["chunk", { bytes: Buffer.from(JSON.stringify(event)).toString("base64") }]));

/* ---- Claude and Llama by InvokeModel ---- */

function invokeClaude(body, streamed, fake) {
	const ask = readMessages(body, ["anthropic_version", "anthropic_beta"], ["model", "stream"]);

	assert.equal(body.anthropic_version, "bedrock-2023-05-31");
	assert.equal(body.tool_choice?.disable_parallel_tool_use, undefined);
	ask.stream = streamed;
	fake.asks.push(ask);
	return streamed ? chunks(messageEvents(ask)) : { body: writeMessage(ask) };
}

function invokeLlama(body, streamed, fake) {
	const turn = (role) => `<|start_header_id|>${role}<|end_header_id|>\n\n`;
	const ask = { ...emptyAsk(), stream: streamed };

	only(body, ["prompt", "max_gen_len", "temperature", "top_p", "images"], "body");
	const [, system, user] = /^<\|begin_of_text\|><\|start_header_id\|>system<\|end_header_id\|>\n\n(.*)<\|eot_id\|><\|start_header_id\|>user<\|end_header_id\|>\n\n(.*)<\|eot_id\|>/s
		.exec(body.prompt) ?? assert.fail("not the published template");
	assert.ok(body.prompt.endsWith(`<|eot_id|>${turn("assistant")}`));
	fake.asks.push({ ...ask, system, user, max: body.max_gen_len, temperature: body.temperature });
	const { text } = sayTo(ask), counts = { prompt_token_count: usage.prompt, generation_token_count: usage.completion };

	if (!streamed)
		return { body: { generation: `\n\n${text}`, ...counts, stop_reason: "stop" } };
	return chunks([
		{ generation: "\n\n", ...counts, generation_token_count: 1, stop_reason: null },
		...pieces(text).map((generation, i) => ({ generation, prompt_token_count: null, generation_token_count: i + 2, stop_reason: null })),
		{ generation: "", prompt_token_count: null, generation_token_count: usage.completion, stop_reason: "stop" },
	]);
}

/* ---- Converse ---- */

function readBlock(ask, block, names) {
	const [kind, ...more] = Object.keys(block);

	assert.deepEqual(more, [], "a block is of one kind");
	if (kind === "text") {
		assert.ok(block.text, "text is empty");
		ask.user = block.text;
	} else if (kind === "image") {
		assert.equal(block.image.format, "png");
		ask.images.push(Buffer.from(block.image.source.bytes, "base64"));
	} else if (kind === "toolUse") {
		assert.match(only(block.toolUse, ["toolUseId", "name", "input"], kind).toolUseId, /^[a-zA-Z0-9_.:-]{1,64}$/);
		names[block.toolUse.toolUseId] = block.toolUse.input.place;
	} else if (kind === "toolResult") {
		const { toolUseId, content } = only(block.toolResult, ["toolUseId", "content", "status"], kind);

		ask.results.push({ place: names[toolUseId], text: content.map((c) => c.text ?? JSON.stringify(c.json)).join("") });
	} else {
		assert.equal(kind, "reasoningContent");
	}
}

function readConverse(body, streamed) {
	const ask = { ...emptyAsk(), stream: streamed }, names = {};
	const inference = only(body.inferenceConfig ?? {}, ["maxTokens", "temperature", "topP", "stopSequences"], "inferenceConfig");

	only(body, ["messages", "system", "inferenceConfig", "toolConfig", "outputConfig", "additionalModelRequestFields",
		"serviceTier", "requestMetadata", "guardrailConfig"], "body");
	assert.equal(body.messages[0].role, "user");
	for (const [i, turn] of body.messages.entries()) {
		assert.notEqual(turn.role, body.messages[i + 1]?.role, "turns alternate");
		for (const block of turn.content)
			readBlock(ask, block, names);
	}
	ask.system = (body.system ?? []).map((b) => b.text).join("\n");
	Object.assign(ask, { max: inference.maxTokens, stop: inference.stopSequences ?? [], temperature: inference.temperature });
	for (const { toolSpec } of body.toolConfig?.tools ?? []) {
		only(toolSpec, ["name", "description", "inputSchema", "strict"], "toolSpec");
		assert.ok(toolSpec.description);
		ask.tools.push({ name: toolSpec.name, description: toolSpec.description, schema: toolSpec.inputSchema.json });
	}
	if (body.outputConfig)
		ask.schema = JSON.parse(body.outputConfig.textFormat.structure.jsonSchema.schema);
	const forced = body.toolConfig?.toolChoice?.tool?.name;
	if (forced && forced !== "weather")
		takeSchemaTool(ask, forced);
	return ask;
}

function converseBlocks(ask) {
	const said = sayTo(ask);

	if (ask.schemaTool)
		return [{ toolUse: { toolUseId: "tooluse_0", name: ask.schemaTool, input: JSON.parse(said.text) } }];
	return [
		...said.think ? [{ reasoningContent: { reasoningText: { text: said.think, signature: "c2ln" } } }] : [],
		...said.text ? [{ text: said.text }] : [],
		...said.calls.map((call, i) => ({ toolUse: { toolUseId: `tooluse_${i}`, name: call.name, input: call.args } })),
	];
}

const converseUsage = {
	inputTokens: usage.prompt - usage.cached, outputTokens: usage.completion, totalTokens: usage.prompt + usage.completion,
	cacheReadInputTokens: usage.cached, cacheWriteInputTokens: 0,
};

function converseEvents(list, stopReason) {
	const delta = (contentBlockIndex, value) => ["contentBlockDelta", { contentBlockIndex, delta: value }];

	return [
		["messageStart", { role: "assistant" }],
		...list.flatMap((block, i) => [
			...block.toolUse ? [["contentBlockStart", { contentBlockIndex: i, start: { toolUse: { toolUseId: block.toolUse.toolUseId, name: block.toolUse.name } } }]] : [],
			...block.toolUse ? pieces(JSON.stringify(block.toolUse.input)).map((input) => delta(i, { toolUse: { input } })) : [],
			...block.text ? pieces(block.text).map((text) => delta(i, { text })) : [],
			...block.reasoningContent ? [
				...pieces(block.reasoningContent.reasoningText.text).map((text) => delta(i, { reasoningContent: { text } })),
				delta(i, { reasoningContent: { signature: "c2ln" } }),
			] : [],
			["contentBlockStop", { contentBlockIndex: i }],
		]),
		["messageStop", { stopReason }],
		["metadata", { usage: converseUsage, metrics: { latencyMs: 1 } }],
	];
}

function converse(body, streamed, fake) {
	const ask = readConverse(body, streamed), content = converseBlocks(ask);
	const stopReason = content.some((b) => b.toolUse) ? "tool_use" : "end_turn";

	fake.asks.push(ask);
	return streamed ? frames(converseEvents(content, stopReason)) : {
		body: { output: { message: { role: "assistant", content } }, stopReason, usage: converseUsage, metrics: { latencyMs: 1 } },
	};
}

function embed(body, fake) {
	only(body, ["inputText", "dimensions", "normalize"], "body");
	fake.asks.push({ input: [body.inputText] });
	return { body: { embedding: vector, inputTextTokenCount: usage.prompt / 2 } };
}

function paint(body, fake) {
	const config = only(only(body, ["taskType", "textToImageParams", "imageGenerationConfig"], "body").imageGenerationConfig,
		["width", "height", "numberOfImages", "quality", "cfgScale", "seed"], "imageGenerationConfig");

	assert.equal(body.taskType, "TEXT_IMAGE");
	assert.deepEqual([config.width, config.height], [1024, 1024]);
	fake.asks.push({ prompt: only(body.textToImageParams, ["text", "negativeText"], "textToImageParams").text });
	return { body: { images: [picture.toString("base64")] } };
}

export const bedrock = (channel) => (request, fake) => {
	const [, id, call] = /^\/model\/([^/]+)\/([a-z-]+)$/.exec(request.path) ?? assert.fail(`path ${request.path}`);
	const streamed = call.endsWith("-stream"), model = decodeURIComponent(id), body = request.json;

	assert.equal(request.method, "POST");
	assert.equal(id, encode(model), "the id is one segment of the path");
	if (channel.bearer)
		assert.equal(request.headers.authorization, `Bearer ${channel.bearer}`);
	else
		checkSignature(request, channel);
	if (call.startsWith("converse"))
		return converse(body, streamed, fake);
	assert.match(call, /^invoke(-with-response-stream)?$/);
	if (model.startsWith("amazon.titan-embed"))
		return embed(body, fake);
	if (model.startsWith("amazon.nova-canvas"))
		return paint(body, fake);
	return model.includes("anthropic.") ? invokeClaude(body, streamed, fake) : invokeLlama(body, streamed, fake);
};
