// anthropic.mjs — Anthropic's Messages API, at its own host and as Vertex and Bedrock offer it
//
//	anthropic({ key })			POST /v1/messages
//	readMessages(body, members), writeMessage(…), messageEvents(…)	for the others
//
// As documented: max_tokens must be given; the first turn is the user's; every call of a turn is
// answered at the very beginning of the next; ids are letters, digits, _ and -; texts are not empty.
import assert from "node:assert/strict";

import { emptyAsk, only, pieces, sayTo, sse, takeSchemaTool, usage } from "./server.mjs";

const members = [
	"model", "max_tokens", "messages", "system", "stop_sequences", "stream", "temperature", "top_p", "top_k",
	"tools", "tool_choice", "metadata", "thinking", "service_tier", "output_config", "cache_control",
];
const blockMembers = {
	text: ["type", "text", "cache_control"],
	image: ["type", "source", "cache_control"],
	tool_use: ["type", "id", "name", "input", "cache_control"],
	tool_result: ["type", "tool_use_id", "content", "is_error", "cache_control"],
	thinking: ["type", "thinking", "signature"],
};
const signature = "c2lnbmVk";

const blocksOf = (content) => typeof content === "string" ? [{ type: "text", text: content }] : content;

function readBlock(ask, block, names) {
	only(block, blockMembers[block.type] ?? assert.fail(`block of type ${block.type}`), block.type);
	if (block.type === "text") {
		assert.ok(block.text.trim(), "text content blocks must be non-empty");
		ask.user = block.text;
	} else if (block.type === "image") {
		assert.deepEqual({ ...block.source, data: "" }, { type: "base64", media_type: "image/png", data: "" });
		ask.images.push(Buffer.from(block.source.data, "base64"));
	} else if (block.type === "tool_use") {
		assert.match(block.id, /^[A-Za-z0-9_-]+$/);
		assert.equal(typeof block.input, "object");
		names[block.id] = block.input.place;
	} else if (block.type === "tool_result") {
		const text = blocksOf(block.content).map((b) => b.text).join("");

		assert.ok(names[block.tool_use_id], "a result of no call");
		ask.results.push({ place: names[block.tool_use_id], text });
	}
}

// Each call is answered where the API wants it.
function checkResults(turns) {
	for (const [i, turn] of turns.entries()) {
		const ids = blocksOf(turn.content).filter((b) => b.type === "tool_use").map((b) => b.id);
		const next = blocksOf(turns[i + 1]?.content ?? []).slice(0, ids.length);

		assert.notEqual(turn.role, turns[i + 1]?.role, "turns alternate");
		assert.deepEqual(next.map((b) => b.tool_use_id), ids, "tool_use without tool_result right after");
	}
}

export function readMessages(body, extra = [], without = []) {
	const ask = { ...emptyAsk(), model: body.model, stream: body.stream === true }, names = {};

	only(body, [...members, ...extra].filter((name) => !without.includes(name)), "body");
	assert.ok(Number.isInteger(body.max_tokens) && body.max_tokens > 0, "max_tokens: field required");
	assert.equal(body.messages[0].role, "user");
	checkResults(body.messages);
	for (const turn of body.messages) {
		assert.ok(["user", "assistant"].includes(only(turn, ["role", "content"], "turn").role), turn.role);
		for (const block of blocksOf(turn.content))
			readBlock(ask, block, names);
	}
	ask.system = blocksOf(body.system ?? []).map((b) => b.text).join("\n");
	ask.max = body.max_tokens;
	ask.stop = body.stop_sequences ?? [];
	ask.temperature = body.temperature ?? null;
	for (const tool of body.tools ?? []) {
		only(tool, ["name", "description", "input_schema", "strict", "eager_input_streaming", "cache_control"], "tool");
		assert.equal(tool.input_schema.type, "object");
		ask.tools.push({ name: tool.name, description: tool.description, schema: tool.input_schema });
	}
	readChoice(ask, body);
	return ask;
}

// A schema is asked for as such, or by a tool that must be called.
function readChoice(ask, body) {
	const choice = body.tool_choice;

	assert.ok(!choice || body.tools, "tool_choice may only be specified while providing tools");
	if (choice)
		assert.ok(["auto", "any", "tool", "none"].includes(choice.type), "tool_choice.type");
	if (body.output_config?.format) {
		assert.equal(body.output_config.format.type, "json_schema");
		ask.schema = body.output_config.format.schema;
	}
	if (choice?.type === "tool" && choice.name !== "weather")
		takeSchemaTool(ask, choice.name);
	ask.choice = choice?.type ?? "auto";
}

function blocks(ask, said) {
	if (ask.schemaTool)
		return [{ type: "tool_use", id: "toolu_0", name: ask.schemaTool, input: JSON.parse(said.text) }];
	return [
		...said.think ? [{ type: "thinking", thinking: said.think, signature }] : [],
		...said.text ? [{ type: "text", text: said.text }] : [],
		...said.calls.map((call, i) => ({ type: "tool_use", id: `toolu_${i}`, name: call.name, input: call.args })),
	];
}

const inputUsage = {
	input_tokens: usage.prompt - usage.cached, cache_read_input_tokens: usage.cached, cache_creation_input_tokens: 0,
};
const reasonOf = (list) => list.some((b) => b.type === "tool_use") ? "tool_use" : "end_turn";

export function writeMessage(ask) {
	const content = blocks(ask, sayTo(ask));

	return {
		id: "msg_up", type: "message", role: "assistant", model: ask.model ?? "claude", content,
		stop_reason: reasonOf(content), stop_sequence: null,
		usage: { ...inputUsage, output_tokens: usage.completion },
	};
}

function blockEvents(block, index) {
	const start = { text: { text: "" }, thinking: { thinking: "", signature: "" }, tool_use: { id: block.id, name: block.name, input: {} } };
	const delta = (type, name, value) => ({ type: "content_block_delta", index, delta: { type, [name]: value } });
	const body = {
		text: () => pieces(block.text).map((piece) => delta("text_delta", "text", piece)),
		thinking: () => [
			...pieces(block.thinking).map((piece) => delta("thinking_delta", "thinking", piece)),
			delta("signature_delta", "signature", block.signature),
		],
		tool_use: () => ["", ...pieces(JSON.stringify(block.input))].map((piece) => delta("input_json_delta", "partial_json", piece)),
	};

	return [
		{ type: "content_block_start", index, content_block: { type: block.type, ...start[block.type] } },
		...body[block.type](),
		{ type: "content_block_stop", index },
	];
}

export function messageEvents(ask) {
	const { content, stop_reason, ...message } = writeMessage(ask);

	return [
		{ type: "message_start", message: { ...message, content: [], stop_reason: null, usage: { ...inputUsage, output_tokens: 1 } } },
		{ type: "ping" },
		...content.flatMap(blockEvents),
		{ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: usage.completion } },
		{ type: "message_stop" },
	];
}

export const asEvents = (list) => sse(list.map((data) => ({ event: data.type, data })));

export const anthropic = ({ key }) => (request, fake) => {
	assert.equal(request.headers["x-api-key"], key);
	assert.equal(request.headers["anthropic-version"], "2023-06-01");
	assert.equal(request.headers.authorization, undefined);
	assert.equal(`${request.method} ${request.path}`, "POST /v1/messages");
	const ask = readMessages(request.json);

	fake.asks.push(ask);
	return ask.stream ? asEvents(messageEvents(ask)) : { body: writeMessage(ask), headers: { "request-id": "req_up" } };
};
