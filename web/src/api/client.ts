// client.ts — the only place that fetches, but for boot.js, which begins before
//
//	get<User>("user/self")                      the envelope's data, or an ApiError thrown
//	call<{ time: number }>("GET", path)         the whole envelope
//	openV1(path, init)                          a request to /v1 with a key; the raw Response
//
// At most four calls run at once. A 401 waits until the person has signed in again (the shell asks
// in a dialog) and is then repeated; a GET that was limited (429) is repeated once after its wait.
import { signal } from "@preact/signals";
import { ApiError, judge } from "./errors";

type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Answer<T> {
	success: boolean;
	message: string;
	data: T;
	total?: number;
}

const apiBase = document.querySelector<HTMLMetaElement>('meta[name="api-base"]')?.content || ".";
const here = new URL(`${apiBase.replace(/\/$/, "")}/`, location.href.replace(/#.*/, ""));

export const apiUrl = (path: string): string => new URL(`api/${path}`, here).href;
export const v1Url = (path: string): string => new URL(`v1/${path}`, here).href;
/** "https://ai.example.org/v1" as programs want it. */
export const baseUrl = v1Url("").replace(/\/$/, "");
export const homeUrl = here.href;

/** The shell shows a banner while false. */
export const online = signal(true);
/** The last answer that was no JSON: the shell explains what is wrong with the web server. */
export const notApi = signal<ApiError | null>(null);

/** Set by others: asks for a new sign-in, true when it happened; says that a call waits so many seconds. */
export const hooks: { signInAgain?: () => Promise<boolean>; limited?: (seconds: number) => void } = {};

// ---- four at once ----------------------------------------------------------------------------

let running = 0;
const waiting: (() => void)[] = [];

async function enter(): Promise<void> {
	if (running >= 4)
		await new Promise<void>((go) => waiting.push(go));
	running++;
}

function leave(): void {
	running--;
	waiting.shift()?.();
}

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

// ---- one call --------------------------------------------------------------------------------

/** What boot.js has asked already; each answer counts once. */
function takeEarly(method: Method, path: string): Promise<Response> | undefined {
	const { early } = globalThis as { early?: Record<string, Promise<Response>> };
	const answer = method === "GET" ? early?.[path] : undefined;
	if (answer)
		delete early![path];
	return answer;
}

async function once(method: Method, path: string, body: unknown, cut?: AbortSignal): Promise<unknown> {
	await enter();
	try {
		const answer = await (takeEarly(method, path) ?? fetch(apiUrl(path), {
			method,
			signal: cut ?? null,
			credentials: "same-origin",
			headers: {
				"Accept-Language": document.documentElement.lang,
				"X-Requested-With": "gateway-ui",
				...(body === undefined ? {} : { "Content-Type": "application/json" }),
			},
			body: body === undefined ? null : JSON.stringify(body),
		}));
		const text = await answer.text();
		online.value = true;
		return judge(answer.status, text, answer.headers.get("Retry-After"));
	} catch (e) {
		if (e instanceof ApiError || cut?.aborted)
			throw e;
		online.value = false;
		throw new ApiError("offline", String(e));
	} finally {
		leave();
	}
}

export interface CallOptions {
	signal?: AbortSignal;
	/** the caller deals with 401 itself */
	guest?: boolean;
}

export async function call<T>(method: Method, path: string, body?: unknown, o: CallOptions = {}): Promise<Answer<T>> {
	for (let tries = 0; ; tries++) {
		try {
			const answer = await once(method, path, body, o.signal);
			notApi.value = null;
			return answer as Answer<T>;
		} catch (e) {
			if (!(e instanceof ApiError))
				throw e;
			if (e.kind === "notapi")
				notApi.value = e;
			const waits = tries === 0 && e.kind === "limited" && method === "GET" && e.retryAfter <= 60;
			if (waits)
				hooks.limited?.(e.retryAfter);
			const again = tries === 0 && (
				(e.kind === "auth" && !o.guest && await hooks.signInAgain?.()) ||
				(waits && await pause(e.retryAfter * 1000).then(() => true)));
			if (!again)
				throw e;
		}
	}
}

export const get = async <T>(path: string, o?: CallOptions): Promise<T> => (await call<T>("GET", path, undefined, o)).data;
export const post = async <T>(path: string, body: unknown, o?: CallOptions): Promise<T> => (await call<T>("POST", path, body, o)).data;
export const put = async <T>(path: string, body: unknown): Promise<T> => (await call<T>("PUT", path, body)).data;
export const del = async <T>(path: string): Promise<T> => (await call<T>("DELETE", path)).data;

/** GET channel/models alone answers without an envelope. */
export async function getBare<T>(path: string): Promise<T> {
	return await call("GET", path) as unknown as T;
}

/** A call to /v1 as any program would make it. */
export function openV1(path: string, key: string, init: RequestInit = {}): Promise<Response> {
	return fetch(v1Url(path), {
		...init,
		credentials: "omit",
		headers: { "Authorization": `Bearer ${key}`, ...init.headers },
	});
}
