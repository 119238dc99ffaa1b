// talk.ts — the conversation: in memory over all pages, on the device only for who asks for it
import { effect, signal } from "@preact/signals";
import { me } from "../../api/session";
import type { ChatFault, Figures } from "../../lib/chat";
import { forgetTalk, talkPlace } from "../../lib/prefs";

export interface Answer {
	model: string;
	text: string;
	running: boolean;
	figures: Figures | null;
	fault: ChatFault | null;
	stopped: boolean;
}

export interface Turn {
	id: number;
	asked: string;
	/** data URIs */
	pictures: string[];
	answers: Answer[];
	/** so many pictures were too large to be kept */
	lost?: number;
}

interface Talk {
	/** whose it is */
	user: number;
	turns: Turn[];
	/** stays on this device until signing out */
	kept: boolean;
}

/** Characters on the device; the oldest turns give way. */
const keptMost = 200_000;
const rawMost = 2000;

/** What fits: pictures are not kept, and nothing is running any more. */
export function fit(turns: Turn[], most = keptMost): Turn[] {
	const slim = turns.map((x): Turn => ({
		id: x.id, asked: x.asked, pictures: [], ...(x.pictures.length + (x.lost ?? 0) ? { lost: x.pictures.length + (x.lost ?? 0) } : {}),
		answers: x.answers.map((a) => ({ ...a, running: false, stopped: a.stopped || a.running, fault: a.fault && { ...a.fault, raw: a.fault.raw.slice(0, rawMost) } })),
	}));
	let size = JSON.stringify(slim).length, from = 0;
	while (size > most && from < slim.length)
		size -= JSON.stringify(slim[from++]).length + 1;
	return slim.slice(from);
}

const isTurn = (x: Partial<Turn> | null): x is Turn => typeof x?.id === "number" && typeof x.asked === "string" && Array.isArray(x.pictures) &&
	Array.isArray(x.answers) && x.answers.every((a) => typeof a?.model === "string" && typeof a.text === "string");

/** What was kept for this person; null when nothing is, or it is somebody else's or spoilt. */
export function parseKept(text: string | null, user: number): Turn[] | null {
	try {
		const kept = JSON.parse(text ?? "null") as { user?: number; turns?: (Partial<Turn> | null)[] } | null;
		return kept?.user === user && Array.isArray(kept.turns) && kept.turns.every(isTurn) ? kept.turns as Turn[] : null;
	} catch {
		return null;
	}
}

function read(user: number): Talk {
	let text: string | null = null;
	try {
		text = localStorage.getItem(talkPlace);
	} catch { /* no storage, nothing kept */ }
	const turns = parseKept(text, user);
	if (text !== null && !turns)
		forgetTalk();
	return { user, turns: turns ?? [], kept: turns !== null };
}

export const talk = signal<Talk>({ user: 0, turns: [], kept: false });
let nextId = 1;

export const newTurnId = (): number => nextId++;

/** The talk of who is signed in. */
export function openTalk(): void {
	const user = me.peek()?.id ?? 0;
	if (talk.peek().user === user)
		return;
	talk.value = read(user);
	nextId = Math.max(0, ...talk.peek().turns.map((x) => x.id)) + 1;
}

export const setTurns = (change: (turns: Turn[]) => Turn[]): void => { talk.value = { ...talk.peek(), turns: change(talk.peek().turns) }; };

/** False: the device does not take it. */
export function saveTalk(): boolean {
	const { user, turns, kept } = talk.peek();
	if (!kept || !user)
		return true;
	try {
		localStorage.setItem(talkPlace, JSON.stringify({ user, turns: fit(turns) }));
		return true;
	} catch {
		return false;
	}
}

export function setKept(kept: boolean): boolean {
	talk.value = { ...talk.peek(), kept };
	if (!kept)
		forgetTalk();
	if (kept && !saveTalk()) {
		talk.value = { ...talk.peek(), kept: false };
		return false;
	}
	return true;
}

effect(() => {
	if (!me.value)
		talk.value = { user: 0, turns: [], kept: false };
});
