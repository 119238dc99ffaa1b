// session.ts — who I am, what the server is, what it can do
import { computed, signal } from "@preact/signals";
import { forgetTalk, siteTheme } from "../lib/prefs";
import type { Currency } from "../lib/money";
import { call, get, hooks } from "./client";
import { ApiError } from "./errors";
import { dropCache } from "./resource";
import { ROLE, type Status, type User } from "./types";

export const status = signal<Status | null>(null);
export const me = signal<User | null>(null);
/** The "sign in again" dialog is open. */
export const expired = signal(false);
/** root came in with the password that every installation begins with: first run. */
export const firstRun = signal(false);

export const role = computed(() => me.value?.role ?? ROLE.guest);
export const currency = computed<Currency>(() => ({
	perUnit: status.value?.quota_per_unit || 500_000,
	shown: status.value?.display_in_currency ?? true,
}));
export const systemName = computed(() => status.value?.system_name || "One API");

/** Optional features, announced by GET status. Without them the UI talks to plain one-api. */
export type Capability =
	| "list.paging" | "list.sort" | "list.filter" | "channel.sort" | "channel.filter" | "code.filter"
	| "channel.apply" | "channel.probe" | "channel.fetch_models" | "channel.batch"
	| "channel.tag" | "channel.keys" | "channel.override"
	| "key.once" | "key.batch" | "dash.range" | "log.detail" | "log.export" | "log.count" | "log.not"
	| "pricing" | "pay" | "setup" | "auth.totp" | "auth.passkey" | "mail.test" | "oidc.discover"
	| "jobs" | "limits" | "capture" | "audit" | "oauth.url" | "oauth.unbind"
	| "diag" | "syslog" | "prefs" | "error.code";

const capabilities = computed(() => new Set(status.value?.capabilities ?? []));
export const can = (name: Capability): boolean => capabilities.value.has(name);

export async function loadStatus(): Promise<void> {
	status.value = await get<Status>("status");
	siteTheme.value = status.value.theme ?? "";
}

/** Nobody is signed in: not an error. */
export async function loadMe(): Promise<void> {
	try {
		me.value = await get<User>("user/self", { guest: true });
	} catch (e) {
		if (!(e instanceof ApiError) || (e.kind !== "auth" && e.kind !== "app" && e.kind !== "denied"))
			throw e;
		me.value = null;
	}
}

// ---- signing in and out ----------------------------------------------------------------------

let resume: ((signedIn: boolean) => void) | null = null;
let asking: Promise<boolean> | null = null;

/** Everyone whose call got a 401 waits for the same dialog. */
hooks.signInAgain = () => {
	if (!me.value)
		return Promise.resolve(false);
	expired.value = true;
	asking ??= new Promise<boolean>((done) => { resume = done; });
	return asking;
};

export function endAsking(signedIn: boolean): void {
	expired.value = false;
	asking = null;
	resume?.(signedIn);
	resume = null;
	if (!signedIn)
		forget();
}

/** The server wants a second proof; whoever shows the form asks for it. */
export interface SecondStep {
	ticket: string;
}

/** The second step that a refusal asks for; anything else is thrown on. */
export function secondStepOf(e: unknown): SecondStep {
	const asked = e instanceof ApiError ? e.data as { second_factor?: string; ticket?: string } | null : null;
	if (asked?.second_factor !== "totp" || !asked.ticket)
		throw e;
	return { ticket: asked.ticket };
}

async function signedIn(): Promise<void> {
	const before = me.value?.id;
	await loadMe();
	if (before !== undefined && before !== me.value?.id) {
		forgetTalk();
		dropCache();
	}
}

/** null: signed in. */
export async function signIn(username: string, password: string, turnstile = ""): Promise<SecondStep | null> {
	try {
		await call("POST", turnstile ? `user/login?turnstile=${encodeURIComponent(turnstile)}` : "user/login", { username, password }, { guest: true });
	} catch (e) {
		return secondStepOf(e);
	}
	await signedIn();
	firstRun.value = username === "root" && password === "123456";
	return null;
}

export async function signInWithCode(step: SecondStep, code: string): Promise<void> {
	await call("POST", "user/login/totp", { ticket: step.ticket, code: code.replace(/\s+/g, "") }, { guest: true });
	await signedIn();
}

/** What this browser has of the person is gone with the session. */
export function forget(): void {
	me.value = null;
	forgetTalk();
	dropCache();
}

export async function signOut(): Promise<void> {
	await call("GET", "user/logout", undefined, { guest: true });
	forget();
}
