// resource.ts — cached GETs that components share
//
//	const key = useResource<Key>(`token/${id}`);      { data, error, busy, reload }
//	invalidate("token/");                             after a change: what is on screen is read anew
//
// What was read before is shown at once and refreshed behind it. A read that nobody looks at any
// more is aborted. A null path reads nothing.
import { signal, type Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call, type Answer } from "./client";
import { ApiError } from "./errors";

interface State<T> {
	answer?: Answer<T>;
	error?: ApiError;
	busy: boolean;
}

interface Entry {
	state: Signal<State<unknown>>;
	users: number;
	readAt: number;
	cut?: AbortController;
}

export interface Resource<T> {
	data: T | undefined;
	/** rows in all, where the server says so */
	total: number | undefined;
	error: ApiError | undefined;
	busy: boolean;
	reload(): Promise<void>;
	/** shows another value until the next read: for changes that are sent already */
	patch(change: (data: T) => T): void;
}

const fresh = 2000;
const kept = 100;
const cache = new Map<string, Entry>();

function entryOf(path: string): Entry {
	let entry = cache.get(path);
	if (!entry) {
		entry = { state: signal({ busy: false }), users: 0, readAt: 0 };
		cache.set(path, entry);
		for (const [old, e] of cache) {
			if (cache.size <= kept)
				break;
			if (e.users === 0 && e !== entry)
				cache.delete(old);
		}
	}
	return entry;
}

async function read(path: string, entry: Entry): Promise<void> {
	entry.cut?.abort();
	const cut = new AbortController();
	entry.cut = cut;
	entry.state.value = { ...entry.state.peek(), busy: true };
	try {
		const answer = await call<unknown>("GET", path, undefined, { signal: cut.signal });
		if (cut.signal.aborted)
			return;
		entry.readAt = Date.now();
		entry.state.value = { answer, busy: false };
	} catch (e) {
		if (cut.signal.aborted)
			return;
		const error = e instanceof ApiError ? e : new ApiError("offline", String(e));
		entry.state.value = { ...entry.state.peek(), error, busy: false };
	}
}

export function useResource<T>(path: string | null): Resource<T> {
	const [none] = useState(() => signal<State<unknown>>({ busy: false }));
	const entry = path === null ? null : entryOf(path);
	useEffect(() => {
		if (!entry || path === null)
			return;
		entry.users++;
		if (Date.now() - entry.readAt > fresh && !(entry.state.peek().busy && !entry.cut?.signal.aborted))
			void read(path, entry);
		return () => {
			if (--entry.users === 0 && entry.state.peek().busy) {
				entry.cut?.abort();
				entry.state.value = { ...entry.state.peek(), busy: false };
			}
		};
	}, [entry]);
	const state = (entry?.state ?? none).value as State<T>;
	return {
		data: state.answer?.data,
		total: state.answer?.total,
		error: state.error,
		busy: state.busy,
		reload: async () => { if (entry && path !== null) await read(path, entry); },
		patch: (change) => {
			const now = entry?.state.peek() as State<T> | undefined;
			if (entry && now?.answer)
				entry.state.value = { ...now, answer: { ...now.answer, data: change(now.answer.data) } };
		},
	};
}

/** After a change: whatever begins with the path is read anew when shown, and forgotten else. */
export function invalidate(...prefixes: string[]): void {
	for (const [path, entry] of cache) {
		if (!prefixes.some((prefix) => path.startsWith(prefix)))
			continue;
		if (entry.users > 0)
			void read(path, entry);
		else
			cache.delete(path);
	}
}

export function dropCache(): void {
	for (const entry of cache.values())
		entry.cut?.abort();
	cache.clear();
}
