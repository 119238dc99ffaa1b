// server.mjs — what the providers played for test_dialects.mjs share
//
//	const fake = await serve(play);		play(request, fake) → a reply
//	fake.asks				what was asked, in words that all dialects share
//	fake.complaints				what a provider would have refused
//	await fake.close();
//
// A provider here is strict, as the real one is: what its documentation does not name is a complaint
// and a 400, never overlooked. It reads a request into an ask, says what everybody would say to it
// (sayTo), and writes that in its own dialect.
//
//	ask = { model, stream, system, user, images: [Buffer], tools: [{ name, description, schema }],
//		choice, results: [{ place, text }], schema, max, stop: [], temperature }
//	said = { think, text, calls: [{ name, args }] }
//
// request = { method, path, query, headers, body: Buffer, json }; a reply is { status, type, headers,
// body }, where body is text, bytes or, for JSON, an object. A stream goes out in small pieces that
// are cut where nobody expects it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { setImmediate as turn } from "node:timers/promises";

const PIECE = 97; // bytes; no event is a multiple of it

export const thought = "Let me think.";
export const vector = [0.5, -0.25, 2]; // exact in 32 bits
export const usage = { prompt: 30, cached: 10, completion: 12, reasoning: 5 };
export const answers = {
	text: "Hello, «Zürich» 🙂.",
	seen: "A dot.",
	schema: '{"answer":4}',
	results: "4 degrees in Zürich, 7 in Oslo.",
};
export const calls = [
	{ name: "weather", args: { place: "Zürich", days: 2 } },
	{ name: "weather", args: { place: "Oslo" } },
];

// What is drawn, spoken and heard, whoever does it.
export const picture = Buffer.from("a picture");
export const voice = Buffer.from("ID3 a voice");
export const heard = "what was said";

// What a model would say to this.
export function sayTo(ask) {
	if (ask.results.length)
		return { text: answers.results, calls: [] };
	if (ask.tools.length && ask.choice !== "none")
		return { text: "", calls };
	if (ask.schema)
		return { text: answers.schema, calls: [] };
	if (ask.images.length)
		return { text: answers.seen, calls: [] };
	return { think: thought, text: answers.text, calls: [] };
}

export const emptyAsk = () => ({
	model: "", stream: false, system: "", user: "", images: [], tools: [], choice: "auto",
	results: [], schema: null, max: null, stop: [], temperature: null,
});

// The text in three pieces, none empty.
export function pieces(text) {
	const letters = [...text], third = Math.ceil(letters.length / 3);

	return [0, 1, 2].map((i) => letters.slice(i * third, (i + 1) * third).join("")).filter(Boolean);
}

// Fails when an object has a member that the documentation does not name.
export function only(object, known, where) {
	assert.ok(object && typeof object === "object" && !Array.isArray(object), `${where} is no object`);
	for (const name of Object.keys(object))
		assert.ok(known.includes(name), `${where}: unknown member "${name}"`);
	return object;
}

// Tools as OpenAI writes them.
export const functionTools = (tools = []) => tools.map(({ type, function: f }) => {
	assert.equal(type, "function");
	return { name: f.name, description: f.description, schema: f.parameters };
});

// The one tool that must be called stands for a schema.
export function takeSchemaTool(ask, name) {
	Object.assign(ask, { schema: ask.tools.find((tool) => tool.name === name).schema, schemaTool: name, tools: [] });
}

export function fromDataUri(uri) {
	const [, type, data] = /^data:([a-z/+]+);base64,([A-Za-z0-9+/=]+)$/.exec(uri) ?? assert.fail(`no data URI: ${uri}`);

	assert.equal(type, "image/png");
	return Buffer.from(data, "base64");
}

export const sse = (events) => ({
	type: "text/event-stream",
	body: events.map((e) => typeof e === "string" ? e
		: `${e.event ? `event: ${e.event}\n` : ""}data: ${JSON.stringify(e.data)}\n\n`).join(""),
});

// The parts of a multipart body: { name: { text, bytes, filename } }.
export function form(request) {
	const [, mark] = /^multipart\/form-data;.*boundary="?([^";]+)/.exec(request.headers["content-type"]) ??
		assert.fail("no form");
	const parts = {}, text = request.body.toString("latin1");

	for (const piece of text.split(`--${mark}`).slice(1, -1)) {
		const at = piece.indexOf("\r\n\r\n"), head = piece.slice(0, at);
		const bytes = Buffer.from(piece.slice(at + 4, -2), "latin1");

		parts[/name="([^"]+)"/.exec(head)[1]] = {
			text: bytes.toString(), bytes, filename: /filename="([^"]+)"/.exec(head)?.[1],
		};
	}
	return parts;
}

async function answer(response, { status = 200, type = "application/json", headers = {}, body }) {
	const isPlain = typeof body === "object" && !Buffer.isBuffer(body);
	const bytes = Buffer.from(isPlain ? JSON.stringify(body) : body);

	if (type === "application/json") {
		response.writeHead(status, { "Content-Type": type, "Content-Length": bytes.length, ...headers });
		response.end(bytes);
		return;
	}
	response.writeHead(status, { "Content-Type": type, ...headers });
	for (let at = 0; at < bytes.length; at += PIECE) {
		response.write(bytes.subarray(at, at + PIECE));
		await turn();
	}
	response.end();
}

export async function serve(play) {
	const fake = { asks: [], complaints: [], requests: 0 };
	const server = createServer(async (incoming, response) => {
		const [path, query] = incoming.url.split("?"), parts = [];

		for await (const part of incoming)
			parts.push(part);
		const body = Buffer.concat(parts);
		const request = {
			method: incoming.method, path, query: new URLSearchParams(query), headers: incoming.headers, body,
			get json() {
				assert.match(incoming.headers["content-type"] ?? "", /^application\/json/);
				return JSON.parse(body.toString());
			},
		};

		fake.requests++;
		try {
			await answer(response, await play(request, fake));
		} catch (complaint) {
			fake.complaints.push(`${incoming.method} ${incoming.url}: ${complaint.message}\n${body.subarray(0, 2000)}`);
			await answer(response, { status: 400, body: { error: { message: `complaint: ${complaint.message}` } } });
		}
	}).listen(0, "127.0.0.1");

	await once(server, "listening");
	fake.url = `http://127.0.0.1:${server.address().port}`;
	fake.host = `127.0.0.1:${server.address().port}`;
	fake.close = () => {
		server.closeAllConnections();
		server.close();
	};
	return fake;
}
