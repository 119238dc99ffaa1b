// log-words.ts — what the gateway wrote into its log, in other words; said.ts has the reader's
import { chargeTexts, logTexts } from "../data/log-texts";
import type { Key, Params } from "../i18n";

export interface Words {
	t(key: Key, params?: Params): string;
	/** of unix seconds */
	time(seconds: number): string;
}

type Row = readonly [pattern: RegExp, kinds: string[], words: Key];

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const takes: Record<string, string> = { "": "([^]*?)", word: "(\\S+)", time: "(\\d{1,12})" };

function compile([pattern, words]: [string, Key]): Row {
	const parts = pattern.split(/\{(\w*)\}/); // text, hole, text …
	return [new RegExp(`^${parts.map((p, i) => i % 2 ? takes[p]! : quoted(p)).join("")}$`), parts.filter((_, i) => i % 2), words];
}

let whole: Row[] | undefined, pieces: Row[] | undefined;

/** $5.000000 as people write it. */
const amount = (text: string): string => text.replace(/^(-?\$\d+\.\d\d\d*?)0+$/, "$1");

/** A name that runs from right to left, or says so of what follows, does so within itself. */
const isolated = (text: string): string => /[\u0590-\u08ff\u200b-\u200f\u202a-\u202e]/.test(text) ? `\u2068${text}\u2069` : text;

function said(rows: Row[], text: string, w: Words): string | null {
	for (const [pattern, kinds, words] of rows) {
		const found = pattern.exec(text);
		if (found)
			return w.t(words, Object.fromEntries(found.slice(1).map((x, i) => ["abcdef"[i]!, kinds[i] === "time" ? w.time(Number(x)) : kinds[i] === "word" ? amount(x) : isolated(x)])));
	}
	return null;
}

/** As it is when it is nothing that the gateway writes, or only part of it is. */
export function wordsOf(text: string, w: Words): string {
	whole ??= logTexts.map(compile);
	pieces ??= chargeTexts.map(compile);
	const one = said(whole, text, w);
	if (one !== null || !text)
		return one ?? text;
	const all = text.split(/[;,] /).map((piece) => said(pieces!, piece, w));
	return all.includes(null) ? text : all.join(w.t("said.separator"));
}
