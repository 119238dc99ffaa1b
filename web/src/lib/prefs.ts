// prefs.ts — what this browser remembers: looks and habits, never keys; a conversation only for who asks for it
import { effect, signal } from "@preact/signals";

export interface Prefs {
	theme?: "default" | "berry" | "air" | undefined;
	mode?: "light" | "dark" | undefined;
	language?: "en" | "zh-CN";
	density?: "comfortable" | "compact";
	narrowMenu?: boolean;
	noShortcuts?: boolean;
	/** a note of the system when a long job ends in a hidden tab */
	notify?: boolean;
	/** page shown after signing in; overview when absent */
	start?: string | undefined;
	/** list name → rows per page, hidden columns */
	pageSize?: Record<string, number>;
	hidden?: Record<string, string[]>;
	/** list name → saved views: name → query */
	views?: Record<string, Record<string, string>>;
	/** hints that were closed */
	seen?: string[];
	/** the notice that was read last */
	notice?: string;
}

const place = "gateway.prefs";

function load(): Prefs {
	try {
		return (JSON.parse(localStorage.getItem(place) ?? "{}") as Prefs | null) ?? {};
	} catch {
		return {};
	}
}

export const prefs = signal<Prefs>(load());

export function setPrefs(change: Partial<Prefs>): void {
	prefs.value = { ...prefs.value, ...change };
	try {
		localStorage.setItem(place, JSON.stringify(prefs.value));
	} catch { /* full, or a private window: then only until the tab is closed */ }
}

/** Where the playground keeps a conversation of who asked for it (pages/playground/talk.ts). */
export const talkPlace = "gateway.talk";

export function forgetTalk(): void {
	try {
		localStorage.removeItem(talkPlace);
	} catch { /* no storage, nothing kept */ }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", () => { systemDark.value = dark.matches; });

/** The operator's Theme option, for those who have not chosen. */
export const siteTheme = signal("");

effect(() => {
	const { theme, mode, density } = prefs.value;
	const root = document.documentElement.dataset;
	root.theme = theme || siteTheme.value || "default";
	root.mode = mode ?? (systemDark.value ? "dark" : "light");
	root.density = density ?? "comfortable";
});
