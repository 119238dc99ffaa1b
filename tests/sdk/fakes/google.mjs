// google.mjs — Gemini's API, Vertex AI with the tokens of its accounts, and PaLM's old protocol
//
//	gemini({ key })					/v1beta/models/NAME:METHOD
//	vertex({ account, publicKey, project, region })	/token, /v1/projects/…
//	palm({ key })
//
// As documented: results stand in the order of their calls in the turn behind them; the first call
// of a step of Gemini 3 comes back with the signature that it had; Vertex takes no ids of calls.
import assert from "node:assert/strict";
import { verify } from "node:crypto";

import { asEvents, messageEvents, readMessages, writeMessage } from "./anthropic.mjs";
import { openai, pathsAt } from "./openai.mjs";
import { emptyAsk, only, picture, pieces, sayTo, sse, thought, usage, vector } from "./server.mjs";

const signature = "U2lnbmVk";

function readParts(ask, turn, open) {
	const called = [];

	assert.ok(turn.parts.length, "a turn without parts");
	for (const part of turn.parts) {
		if (part.functionCall)
			called.push(part);
		else if (part.inlineData) {
			assert.equal(part.inlineData.mimeType, "image/png");
			ask.images.push(Buffer.from(part.inlineData.data, "base64"));
		} else if (part.functionResponse) {
			const call = open.shift()?.functionCall ?? assert.fail("a response to no call");

			assert.equal(part.functionResponse.name, call.name);
			assert.equal(part.functionResponse.id, call.id);
			ask.results.push({ place: call.args.place, text: part.functionResponse.response.output });
		} else {
			assert.ok(part.text, "an empty part");
			if (turn.role === "user")
				ask.user = part.text;
		}
	}
	return called;
}

function readTurns(ask, contents, isVertex) {
	let open = [];

	for (const [i, turn] of contents.entries()) {
		assert.ok(["user", "model"].includes(turn.role), `role ${turn.role}`);
		assert.notEqual(turn.role, contents[i + 1]?.role, "turns alternate");
		const called = readParts(ask, turn, open);

		assert.deepEqual(open, [], "a call without its response");
		open = called;
		if (called.length)
			assert.equal(called[0].thoughtSignature, signature, "Function call is missing a thought_signature");
		for (const { functionCall } of called)
			assert.ok(!isVertex || !("id" in functionCall), "Vertex knows no id");
	}
}

const configMembers = [
	"maxOutputTokens", "temperature", "topP", "topK", "candidateCount", "seed", "stopSequences", "presencePenalty",
	"frequencyPenalty", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities",
	"imageConfig", "thinkingConfig", "speechConfig", "responseLogprobs", "logprobs",
];

function readGenerate(body, stream, isVertex) {
	const ask = { ...emptyAsk(), stream }, config = only(body.generationConfig ?? {}, configMembers, "generationConfig");

	only(body, ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", ...isVertex ? ["labels"] : []], "body");
	readTurns(ask, body.contents, isVertex);
	ask.system = (body.systemInstruction?.parts ?? []).map((part) => part.text).join("\n");
	Object.assign(ask, { max: config.maxOutputTokens ?? null, stop: config.stopSequences ?? [], temperature: config.temperature ?? null });
	for (const f of (body.tools ?? []).flatMap((tool) => tool.functionDeclarations)) {
		only(f, ["name", "description", "parameters", "parametersJsonSchema"], "functionDeclarations");
		ask.tools.push({ name: f.name, description: f.description, schema: f.parametersJsonSchema ?? f.parameters });
	}
	if (config.responseMimeType) {
		assert.equal(config.responseMimeType, "application/json");
		ask.schema = config.responseJsonSchema ?? config.responseSchema;
	}
	ask.modalities = config.responseModalities;
	ask.voice = config.speechConfig?.voiceConfig?.prebuiltVoiceConfig?.voiceName;
	return ask;
}

const counts = {
	promptTokenCount: usage.prompt, cachedContentTokenCount: usage.cached,
	candidatesTokenCount: usage.completion - usage.reasoning, thoughtsTokenCount: usage.reasoning,
	totalTokenCount: usage.prompt + usage.completion,
};
const reply = (parts, more) => ({ candidates: [{ content: { role: "model", parts }, index: 0, ...more }], usageMetadata: counts, modelVersion: "m", responseId: "up" });
const inline = (mimeType, bytes) => [{ inlineData: { mimeType, data: Buffer.from(bytes).toString("base64") } }];

function partsOf(said, isVertex) {
	return [
		...said.think ? [{ text: thought, thought: true }] : [],
		...said.text ? pieces(said.text).map((text) => ({ text })) : [],
		...said.calls.map((call, i) => ({
			functionCall: { ...isVertex ? {} : { id: `fc_${i}` }, name: call.name, args: call.args },
			...i === 0 ? { thoughtSignature: signature } : {},
		})),
	];
}

function generate(request, fake, isVertex) {
	const streamed = request.path.endsWith(":streamGenerateContent");
	const ask = readGenerate(request.json, streamed, isVertex);

	assert.equal(request.query.get("alt"), streamed ? "sse" : null);
	assert.equal(request.query.get("key"), null, "a key in a URL lands in logs");
	if (ask.modalities?.includes("AUDIO")) {
		fake.asks.push({ input: ask.user, voice: ask.voice });
		return { body: reply(inline("audio/L16;codec=pcm;rate=24000", "a voice!"), { finishReason: "STOP" }) };
	}
	if (ask.modalities?.includes("IMAGE")) {
		fake.asks.push({ prompt: ask.user });
		return { body: reply(inline("image/png", picture), { finishReason: "STOP" }) };
	}
	fake.asks.push(ask);
	const parts = partsOf(sayTo(ask), isVertex);

	if (!streamed)
		return { body: reply(parts, { finishReason: "STOP" }) };
	return sse([
		...parts.map((part) => ({ data: reply([part]) })),
		{ data: reply([{ text: "" }], { finishReason: "STOP" }) },
	]);
}

function embed(body, fake) {
	only(body, ["requests"], "body");
	for (const one of body.requests) {
		only(one, ["model", "content", "outputDimensionality", "taskType"], "requests");
		assert.match(one.model, /^models\//);
	}
	fake.asks.push({ input: body.requests.map((one) => one.content.parts[0].text) });
	return { body: { embeddings: body.requests.map(() => ({ values: vector })) } };
}

export const gemini = ({ key }) => (request, fake) => {
	const [, method] = /^\/v1beta\/models\/[a-z0-9.-]+:([a-zA-Z]+)$/.exec(request.path) ?? assert.fail(`path ${request.path}`);

	assert.equal(request.headers["x-goog-api-key"], key);
	assert.equal(request.headers.authorization, undefined);
	assert.equal(request.method, "POST");
	if (method === "batchEmbedContents")
		return embed(request.json, fake);
	assert.match(method, /^(g|streamG)enerateContent$/);
	return generate(request, fake, false);
};

/* ---- Vertex ---- */

function giveToken(request, fake, { account, publicKey }) {
	const claim = new URLSearchParams(request.body.toString());
	const [head, claims, sign] = claim.get("assertion").split(".");
	const read = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
	const { iat, exp, ...said } = read(claims), now = Date.now() / 1000;

	assert.equal(request.headers["content-type"], "application/x-www-form-urlencoded");
	assert.equal(claim.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
	assert.deepEqual(read(head), { alg: "RS256", typ: "JWT", kid: account.private_key_id });
	assert.deepEqual(said, {
		iss: account.client_email, aud: account.token_uri, scope: "https://www.googleapis.com/auth/cloud-platform",
	});
	assert.ok(Math.abs(now - iat) < 60 && exp > now && exp - iat <= 3600, "the claim's time");
	assert.ok(verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(sign, "base64url")),
		"invalid_grant: Invalid JWT Signature.");
	fake.tokens = (fake.tokens ?? 0) + 1;
	return { body: { access_token: "ya29.up", expires_in: 3599, token_type: "Bearer" } };
}

function predict(model, body, fake) {
	const [instance] = body.instances;

	if (model.startsWith("imagen")) {
		fake.asks.push({ prompt: instance.prompt });
		return { body: { predictions: [{ bytesBase64Encoded: picture.toString("base64"), mimeType: "image/png" }] } };
	}
	assert.equal(body.instances.length, 1, "one instance a call");
	fake.asks.push({ input: body.instances.map((one) => one.content) });
	return { body: { predictions: [{ embeddings: { values: vector, statistics: { token_count: usage.prompt / 2, truncated: false } } }] } };
}

function claude(request, method, fake) {
	const ask = readMessages(request.json, ["anthropic_version"], ["model", "output_config"]);

	assert.equal(request.json.anthropic_version, "vertex-2023-10-16");
	assert.equal(method, ask.stream ? "streamRawPredict" : "rawPredict");
	fake.asks.push(ask);
	return ask.stream ? asEvents(messageEvents(ask)) : { body: writeMessage(ask) };
}

export const vertex = (channel) => {
	const place = `/v1/projects/${channel.project}/locations/${channel.region}`;
	const common = openai({
		key: "ya29.up", roles: ["developer", "system", "user", "assistant", "tool"], at: pathsAt(`${place}/endpoints/openapi`, ["chat"]),
	});

	return (request, fake) => {
		if (request.path === "/token")
			return giveToken(request, fake, channel);
		assert.equal(request.headers.authorization, "Bearer ya29.up");
		assert.ok(request.path.startsWith(`${place}/`), request.path);
		if (request.path.includes("/endpoints/openapi/"))
			return common(request, fake);
		const [, publisher, model, method] = /\/publishers\/([a-z]+)\/models\/([^/:]+):([a-zA-Z]+)$/.exec(request.path) ??
			assert.fail(`path ${request.path}`);

		assert.equal(publisher, model.startsWith("claude") ? "anthropic" : "google");
		if (publisher === "anthropic")
			return claude(request, method, fake);
		return method === "predict" ? predict(model, request.json, fake) : generate(request, fake, true);
	};
};

/* ---- PaLM ---- */

export const palm = ({ key }) => (request, fake) => {
	const body = only(request.json, ["prompt", "temperature", "candidateCount", "topP", "topK"], "body");
	const { context, messages } = only(body.prompt, ["context", "examples", "messages"], "prompt");

	assert.equal(`${request.method} ${request.path}`, "POST /v1beta2/models/chat-bison-001:generateMessage");
	assert.equal(request.headers["x-goog-api-key"], key);
	for (const [i, m] of messages.entries())
		assert.notEqual(only(m, ["author", "content"], "message").author, messages[i + 1]?.author, "turns alternate");
	const ask = { ...emptyAsk(), system: context, user: messages.at(-1).content, temperature: body.temperature };

	fake.asks.push(ask);
	return { body: { candidates: [{ author: "1", content: sayTo(ask).text }], messages } };
};
