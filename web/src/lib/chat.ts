// chat.ts — one chat completion over /v1, streamed or whole, with its figures
import { openV1 } from "../api/client";
import { EventReader, looksBuffered } from "./sse";

export type Part = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string } };

export interface Message {
	role: "system" | "user" | "assistant";
	content: string | Part[];
}

/** A message with pictures is a list of parts; without, plain text as every model takes it. */
export const contentOf = (text: string, pictures: string[]): string | Part[] => pictures.length === 0 ? text
	: [...(text ? [{ type: "text" as const, text }] : []), ...pictures.map((url) => ({ type: "image_url" as const, image_url: { url } }))];

export interface Ask {
	key: string;
	/** operators may pin a channel: sk-KEY-CHANNEL */
	channel?: string;
	model: string;
	messages: Message[];
	stream: boolean;
	extra: Record<string, unknown>;
}

export interface Figures {
	status: number;
	/** ms */
	first: number;
	total: number;
	input: number;
	output: number;
	/** how many pieces a stream came in */
	pieces: number;
	buffered: boolean;
	requestId: string;
}

export interface ChatFault {
	status: number;
	code: string;
	message: string;
	/** the whole answer */
	raw: string;
}

export class ChatError extends Error {
	constructor(readonly fault: ChatFault) {
		super(fault.message);
	}
}

interface Chunk {
	choices?: { delta?: { content?: string | null }; message?: { content?: string | null } }[];
	usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
	error?: { message?: string; code?: string | null; type?: string };
}

export function bodyOf(ask: Ask): Record<string, unknown> {
	return {
		model: ask.model, messages: ask.messages, ...ask.extra,
		...(ask.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
	};
}

export function faultOf(status: number, raw: string): ChatFault {
	try {
		const { error } = JSON.parse(raw) as Chunk;
		return { status, code: error?.code || error?.type || "", message: error?.message || `HTTP ${status}`, raw };
	} catch {
		return { status, code: "", message: `HTTP ${status}`, raw };
	}
}

export async function chat(ask: Ask, stop: AbortSignal, onText: (text: string) => void): Promise<Figures> {
	const began = performance.now();
	const since = (): number => performance.now() - began;
	const answer = await openV1("chat/completions", ask.channel ? `${ask.key}-${ask.channel}` : ask.key, {
		method: "POST", signal: stop, headers: { "Content-Type": "application/json" }, body: JSON.stringify(bodyOf(ask)),
	});
	const figures: Figures = {
		status: answer.status, first: 0, total: 0, input: 0, output: 0, pieces: 0, buffered: false,
		requestId: answer.headers.get("X-Oneapi-Request-Id") ?? "",
	};
	if (!answer.ok || !answer.body)
		throw new ChatError(faultOf(answer.status, await answer.text()));
	let text = "";
	const take = (chunk: Chunk): void => {
		if (chunk.error)
			throw new ChatError({ status: answer.status, code: chunk.error.code ?? "", message: chunk.error.message ?? "", raw: JSON.stringify(chunk) });
		const more = chunk.choices?.[0]?.delta?.content ?? chunk.choices?.[0]?.message?.content ?? "";
		if (more && !figures.first)
			figures.first = since();
		figures.input = chunk.usage?.prompt_tokens ?? figures.input;
		figures.output = chunk.usage?.completion_tokens ?? figures.output;
		text += more;
		if (more)
			onText(text);
	};
	if (!ask.stream) {
		take(await answer.json() as Chunk);
	} else {
		const events = new EventReader(), arrivals: { at: number; bytes: number }[] = [];
		for (const reader = answer.body.getReader(); ;) {
			const { done, value } = await reader.read();
			if (done)
				break;
			arrivals.push({ at: since(), bytes: value.length });
			events.push(value).filter((data) => data !== "[DONE]").forEach((data) => take(JSON.parse(data) as Chunk));
		}
		figures.pieces = arrivals.length;
		figures.buffered = looksBuffered(arrivals, since());
	}
	figures.total = since();
	return figures;
}
