// text.ts — lists that people paste, CSV, JSON with the place of its fault
const separator = /[,，、;；\s]+/;

export const hasSeparator = (text: string): boolean => separator.test(text);

/** Splits at commas (also Chinese ones), semicolons, blanks and line breaks; no doubles. */
export function splitNames(text: string): string[] {
	return [...new Set(text.split(separator).filter(Boolean))];
}

export function joinNames(names: string[]): string {
	return names.join(",");
}

/** sk-abcd…wxyz */
export function maskKey(key: string): string {
	const text = key.startsWith("sk-") ? key : `sk-${key}`;
	return text.length <= 12 ? text : `${text.slice(0, 7)}…${text.slice(-4)}`;
}

export function fullKey(key: string): string {
	return key.startsWith("sk-") ? key : `sk-${key}`;
}

/** RFC 4180 with a BOM, so that spreadsheets see UTF-8; a cell never starts a formula. */
export function toCsv(head: string[], rows: (string | number)[][]): string {
	const cell = (value: string | number): string => {
		const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
		return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
	};
	return `\ufeff${[head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

export interface JsonFault {
	line: number;
	column: number;
}

/** Where JSON goes wrong, -1 when it does not; browsers each say it in their own words, or not at all. */
function jsonFaultAt(text: string): number {
	let at = 0;
	const skip = (pattern: RegExp): boolean => {
		pattern.lastIndex = at;
		const found = pattern.exec(text);
		at += found ? found[0].length : 0;
		return found !== null;
	};
	const blank = (): boolean => skip(/[\t\n\r ]*/y);
	const string = (): boolean => skip(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y);
	const member = (): boolean => blank() && string() && blank() && skip(/:/y) && value();
	const list = (one: () => boolean, end: RegExp): boolean => {
		blank();
		if (skip(end))
			return true;
		do {
			if (!one())
				return false;
			blank();
		} while (skip(/,/y));
		return skip(end);
	};
	const value = (): boolean => {
		blank();
		return skip(/\{/y) ? list(member, /\}/y) : skip(/\[/y) ? list(value, /\]/y)
			: string() || skip(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y);
	};
	return value() && blank() && at === text.length ? -1 : at;
}

/** null when the text is an object in JSON (or empty). */
export function jsonObjectFault(text: string): JsonFault | null {
	if (text.trim() === "")
		return null;
	const at = jsonFaultAt(text);
	if (at < 0 && text.trim().startsWith("{"))
		return null;
	const before = text.slice(0, Math.max(0, at)).split("\n");
	return { line: before.length, column: before[before.length - 1]!.length + 1 };
}

export function parsePairs(text: string): [string, string][] {
	if (text.trim() === "" || jsonObjectFault(text))
		return [];
	return Object.entries(JSON.parse(text) as Record<string, unknown>).map(([k, v]) => [k, String(v)]);
}

export function pairsText(pairs: [string, string][]): string {
	const used = pairs.filter(([name]) => name.trim() !== "");
	return used.length ? JSON.stringify(Object.fromEntries(used), null, 2) : "";
}

export const isObject = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);

/** The members of an object in JSON; none where it is something else. */
export function objectOf(text: string): Record<string, unknown> {
	try {
		const tree: unknown = JSON.parse(text || "{}");
		return isObject(tree) ? tree : {};
	} catch {
		return {};
	}
}

/** JSON over several lines; what is none stays as it is. */
export function prettyJson(text: string): string {
	try {
		return JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
}

export function download(name: string, content: string | Blob, type = "text/plain"): void {
	const url = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type: `${type};charset=utf-8` }) : content);
	const a = document.createElement("a");
	a.href = url;
	a.download = name;
	a.click();
	setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
