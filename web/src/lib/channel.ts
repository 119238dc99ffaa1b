// channel.ts — between the editor's fields and a channel on the wire
import type { Channel } from "../api/types";
import { providerOf, type Provider } from "../data/providers";
import { joinNames, objectOf, splitNames } from "./text";

export type ChannelFields = {
	type: number;
	name: string;
	/** one a line when there are several */
	key: string;
	parts: string[];
	several: boolean;
	/** several keys are those of one channel (capability channel.keys) */
	together: boolean;
	base_url: string;
	models: string[];
	group: string[];
	priority: string;
	weight: string;
	mapping: string;
	system_prompt: string;
	config: Record<string, string>;
	/** what else config holds, as JSON: it goes back as it came */
	rest: string;
};

export function initialConfig(p: Provider): Record<string, string> {
	return Object.fromEntries((p.fields ?? []).filter((x) => x.initial).map((x) => [x.name, x.initial!]));
}

export function fieldsOf(c: Channel | null, type = 1): ChannelFields {
	const p = providerOf(c?.type ?? type);
	const whole = objectOf(c?.config ?? "");
	const own = (name: string): boolean => !!p.fields?.some((x) => x.name === name);
	const rest = Object.fromEntries(Object.entries(whole).filter(([k]) => !own(k)));
	const config = c ? Object.fromEntries(Object.entries(whole).filter(([k]) => own(k)).map(([k, v]) => [k, String(v)])) : initialConfig(p);
	const old = p.fields?.find((x) => x.other);
	if (c?.other && old && !config[old.name])
		config[old.name] = c.other;
	return {
		type: p.id,
		name: c?.name ?? "",
		key: "",
		parts: (p.parts ?? []).map(() => ""),
		several: false,
		together: false,
		base_url: c?.base_url ?? "",
		models: splitNames(c?.models ?? ""),
		group: splitNames(c?.group ?? "default"),
		priority: String(c?.priority ?? 0),
		weight: String(c?.weight ?? (c ? 0 : 1)),
		mapping: c?.model_mapping ?? "",
		system_prompt: c?.system_prompt ?? "",
		config,
		rest: Object.keys(rest).length ? JSON.stringify(rest, null, 2) : "",
	};
}

export const keyLines = (text: string): string[] => [...new Set(text.split("\n").map((l) => l.trim()).filter(Boolean))];

/** The key as it is stored: joined from its boxes or from the fields it is made of. */
export function keyOf(v: ChannelFields): string {
	const p = providerOf(v.type);
	if (p.keyOf) {
		const values = p.keyOf.map((name) => v.config[name]?.trim() ?? "");
		// a mask means that the stored secret stays, and so does the key
		return values.some((x) => !x || /^\*+$/.test(x)) ? "" : values.join("|");
	}
	if (p.parts && !v.several)
		return v.parts.every((x) => x.trim()) ? v.parts.map((x) => x.trim()).join(p.joint ?? "|") : "";
	return v.several ? keyLines(v.key).join("\n") : v.key.trim();
}

export type KeyFault = "missing" | "parts" | null;

export function keyFault(v: ChannelFields, exists: boolean): KeyFault {
	const p = providerOf(v.type);
	if (p.keyOf)
		return null; // its fields are checked by themselves
	if (p.parts && !v.several) {
		const filled = v.parts.filter((x) => x.trim()).length;
		return filled === p.parts.length || (filled === 0 && exists) ? null : "parts";
	}
	const lines = v.several ? keyLines(v.key) : [v.key.trim()].filter(Boolean);
	if (lines.length === 0)
		return exists ? null : "missing";
	return p.parts && p.joint === "|" && lines.some((l) => l.split("|").length !== p.parts!.length) ? "parts" : null;
}

/** Most keys of this provider begin otherwise: said, not refused. */
export function keyLooksOdd(v: ChannelFields): boolean {
	const { prefix } = providerOf(v.type);
	return !!prefix && keyLines(v.key).some((l) => !l.startsWith(prefix));
}

export function bodyOf(v: ChannelFields): Partial<Channel> & { multi_key?: boolean } {
	const p = providerOf(v.type);
	const used = (p.fields ?? []).filter((x) => v.config[x.name]?.trim());
	const old = p.fields?.find((x) => x.other);
	const config = { ...objectOf(v.rest), ...Object.fromEntries(used.map((x) => [x.name, v.config[x.name]!.trim()])) };
	return {
		type: v.type,
		name: v.name.trim(),
		key: keyOf(v),
		base_url: p.noBase ? "" : v.base_url.trim().replace(/\/+$/, ""),
		models: joinNames(v.models),
		group: joinNames(v.group.length ? v.group : ["default"]),
		priority: Number(v.priority) || 0,
		weight: Number(v.weight) || 0,
		model_mapping: v.mapping.trim(),
		system_prompt: v.system_prompt,
		config: Object.keys(config).length ? JSON.stringify(config) : "",
		...(v.several && v.together ? { multi_key: true } : {}),
		...(old ? { other: v.config[old.name]?.trim() ?? "" } : {}),
	};
}
