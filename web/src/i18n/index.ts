// index.ts — words: t("keys.title"), tn("keys.count", 3), t("keys.delete", { name })
//
// One file per area and language (en/keys.json, zh/keys.json); the first part of a key is its area.
// A route names the areas that its page needs and they are loaded with it; "common" is always
// there. `npm run build` fails when the two languages differ.
import { signal } from "@preact/signals";
import { prefs, setPrefs } from "../lib/prefs";
import type account from "./en/account.json";
import type audit from "./en/audit.json";
import type channels from "./en/channels.json";
import type codes from "./en/codes.json";
import type common from "./en/common.json";
import type diagnostics from "./en/diagnostics.json";
import type editor from "./en/editor.json";
import type home from "./en/home.json";
import type keys from "./en/keys.json";
import type logs from "./en/logs.json";
import type models from "./en/models.json";
import type options from "./en/options.json";
import type overview from "./en/overview.json";
import type playground from "./en/playground.json";
import type said from "./en/said.json";
import type settings from "./en/settings.json";
import type setup from "./en/setup.json";
import type users from "./en/users.json";
import type wallet from "./en/wallet.json";

type Words = typeof account & typeof audit & typeof channels & typeof codes & typeof common & typeof diagnostics &
	typeof editor & typeof home & typeof keys & typeof logs & typeof models & typeof options &
	typeof overview & typeof playground & typeof said & typeof settings & typeof setup & typeof users & typeof wallet;

export type Key = keyof Words;
type Plural<K> = K extends `${infer Stem}.other` ? Stem : never;
export type PluralKey = Plural<Key>;
export type Params = Record<string, string | number>;
export type Language = "en" | "zh-CN";

const files = import.meta.glob<Record<string, string>>(["./en/*.json", "./zh/*.json"], { import: "default" });
const folder: Record<Language, string> = { "en": "en", "zh-CN": "zh" };

export const language = signal<Language>(
	prefs.value.language ?? (navigator.languages.some((l) => /^zh/i.test(l)) ? "zh-CN" : "en"));
const words = signal<Record<string, string>>({});
const areas = new Set<string>();

async function read(area: string, lang: Language): Promise<Record<string, string>> {
	const file = files[`./${folder[lang]}/${area}.json`];
	return file ? await file() : {};
}

export async function loadWords(...names: string[]): Promise<void> {
	const missing = names.filter((name) => !areas.has(name));
	if (missing.length === 0)
		return;
	const loaded = await Promise.all(missing.map((name) => read(name, language.peek())));
	missing.forEach((name) => areas.add(name));
	words.value = Object.assign({}, words.peek(), ...loaded);
}

export async function setLanguage(lang: Language): Promise<void> {
	const loaded = await Promise.all([...areas].map((name) => read(name, lang)));
	words.value = Object.assign({}, ...loaded);
	language.value = lang;
	document.documentElement.lang = lang;
	setPrefs({ language: lang });
}

export function fill(text: string, params: Params): string {
	return text.replace(/\{(\w+)\}/g, (all, name: string) => String(params[name] ?? all));
}

export function t(key: Key, params?: Params): string {
	const text = words.value[key] ?? key;
	return params ? fill(text, params) : text;
}

const rules = new Map<string, Intl.PluralRules>();

/** Picks key.one or key.other and fills in {n}. */
export function tn(key: PluralKey, n: number, params: Params = {}): string {
	const lang = language.value;
	if (!rules.has(lang))
		rules.set(lang, new Intl.PluralRules(lang));
	const form = words.value[`${key}.${rules.get(lang)!.select(n)}`] ?? words.value[`${key}.other`] ?? key;
	return fill(form, { n: new Intl.NumberFormat(lang).format(n), ...params });
}

document.documentElement.lang = language.value;
