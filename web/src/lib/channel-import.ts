// channel-import.ts — pasted lines or JSON as channels that can be made
import type { Channel } from "../api/types";
import { joinNames } from "./text";

export interface ImportDefaults {
	type: number;
	base_url: string;
	models: string[];
	group: string[];
	priority: number;
}

export interface Imported {
	channels: Partial<Channel>[];
	/** entries without a key */
	keyless: number;
	bad: boolean;
}

const wanted = ["type", "name", "key", "base_url", "other", "models", "group", "model_mapping", "priority", "weight", "config", "system_prompt"] as const;

function fromJson(text: string, d: Partial<Channel>): Imported {
	let rows: unknown;
	try {
		rows = JSON.parse(text);
	} catch {
		return { channels: [], keyless: 0, bad: true };
	}
	const all = (Array.isArray(rows) ? rows : [rows]).filter((r): r is Record<string, unknown> => typeof r === "object" && r !== null);
	const made = all.map((r) => ({ ...d, ...Object.fromEntries(wanted.filter((n) => r[n] !== undefined && r[n] !== null && r[n] !== "").map((n) => [n, r[n]])) }) as Partial<Channel>);
	return { channels: made.filter((c) => c.key), keyless: made.filter((c) => !c.key).length, bad: false };
}

/** "name | key" with spaces around the bar, or a tab; a bar without spaces belongs to the key. */
function fromLine(line: string, n: number, d: Partial<Channel>): Partial<Channel> {
	const [, name, key] = /^(.+?)(?:\s+\|\s+|\t+)(\S.*)$/.exec(line) ?? [];
	return { ...d, name: name?.trim() || `import-${n + 1}`, key: (key ?? line).trim() };
}

export function readImport(text: string, defaults: ImportDefaults): Imported {
	const d: Partial<Channel> = {
		type: defaults.type, base_url: defaults.base_url.trim().replace(/\/+$/, ""), models: joinNames(defaults.models),
		group: joinNames(defaults.group.length ? defaults.group : ["default"]), priority: defaults.priority, weight: 1,
	};
	if (/^\s*[[{]/.test(text))
		return fromJson(text, d);
	const lines = [...new Set(text.split("\n").map((l) => l.trim()).filter(Boolean))];
	return { channels: lines.map((l, n) => fromLine(l, n, d)), keyless: 0, bad: false };
}
