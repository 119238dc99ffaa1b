// request.ts — one request to /v1 that is answered whole: what came, how long it took, what went wrong
import { useEffect, useRef, useState } from "preact/hooks";
import { openV1 } from "../../api/client";
import { faultOf, type ChatFault } from "../../lib/chat";
import type { Desk } from "./desk";

export interface Reply {
	status: number;
	ok: boolean;
	/** ms */
	time: number;
	type: string;
	headers: string;
	/** "" when it is no text */
	text: string;
	bytes: Blob;
	requestId: string;
	/** more came than is shown */
	cut: boolean;
}

const most = 32 * 1024 * 1024;

const isText = (type: string): boolean => type === "" || /^text\/|json|xml|x-ndjson|event-stream/.test(type);

async function readBounded(answer: Response): Promise<{ bytes: Blob; cut: boolean }> {
	const pieces: Uint8Array<ArrayBuffer>[] = [];
	let size = 0, cut = false;
	const reader = answer.body?.getReader();
	while (reader && !cut) {
		const { done, value } = await reader.read();
		if (done)
			break;
		size += value.length;
		cut = size > most;
		if (cut)
			void reader.cancel();
		else
			pieces.push(value as Uint8Array<ArrayBuffer>);
	}
	return { bytes: new Blob(pieces, { type: answer.headers.get("Content-Type") ?? "" }), cut };
}

async function askWhole(desk: Desk, path: string, init: { method?: string; body?: string | FormData }, stop: AbortSignal): Promise<Reply> {
	const began = performance.now();
	const { method = "POST", body } = init;
	const answer = await openV1(path, desk.secret, {
		method, signal: stop, body: method === "GET" || body === undefined ? null : body,
		...(typeof body === "string" && method !== "GET" ? { headers: { "Content-Type": "application/json" } } : {}),
	});
	const { bytes, cut } = await readBounded(answer);
	const type = (answer.headers.get("Content-Type") ?? "").split(";")[0]!.trim();
	return {
		status: answer.status, ok: answer.ok, time: performance.now() - began, type, bytes, cut,
		headers: [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n"),
		text: isText(type) ? await bytes.text() : "", requestId: answer.headers.get("X-Oneapi-Request-Id") ?? "",
	};
}

export interface Request {
	busy: boolean;
	reply: Reply | null;
	fault: ChatFault | null;
	run(path: string, init: { method?: string; body?: string | FormData }): Promise<void>;
	stop(): void;
}

/** One at a time; leaving the page stops it. */
export function useRequest(desk: Desk): Request {
	const [state, setState] = useState<Pick<Request, "busy" | "reply" | "fault">>({ busy: false, reply: null, fault: null });
	const cut = useRef<AbortController | null>(null);
	useEffect(() => () => cut.current?.abort(), []);
	return {
		...state,
		stop: () => cut.current?.abort(),
		run: async (path, init) => {
			if (state.busy)
				return;
			const mine = new AbortController();
			cut.current = mine;
			setState({ busy: true, reply: null, fault: null });
			try {
				const reply = await askWhole(desk, path, init, mine.signal);
				setState({ busy: false, reply, fault: reply.ok ? null : faultOf(reply.status, reply.text) });
			} catch (e) {
				setState({ busy: false, reply: null, fault: mine.signal.aborted ? null : { status: 0, code: "", message: String(e), raw: "" } });
			}
		},
	};
}
