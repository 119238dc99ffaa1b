// log-text.ts — what the gateway wrote about a charge, taken apart
export interface Ratios {
	model: number;
	group: number;
	completion: number;
}

/** one-api and this gateway note the three ratios in the row's text, in either language. */
export function ratiosOf(content: string): Ratios | null {
	const numbers = [...content.matchAll(/\d+(?:\.\d+)?/g)].map((m) => Number(m[0]));
	if (!/ratio|倍率|×| x /i.test(content) || numbers.length < 3)
		return null;
	return { model: numbers[0]!, group: numbers[1]!, completion: numbers[2]! };
}

/** "model:gpt-4o key:prod user:kim channel:12 type:usage" as filters, "-model:x" as not this; the rest is ignored. */
export function parseFilter(text: string): Record<string, string> {
	const names: Record<string, string> = { model: "model_name", key: "token_name", user: "username", channel: "channel", type: "type" };
	const types: Record<string, string> = { topup: "1", usage: "2", admin: "3", system: "4", test: "5", error: "6" };
	const found: Record<string, string> = {};
	for (const [, not, name, quoted, plain] of text.matchAll(/(-?)(\w+):(?:"([^"]*)"|(\S+))/g)) {
		const to = names[name!.toLowerCase()];
		const value = quoted ?? plain ?? "";
		if (to && !(not && to === "type"))
			found[not ? `not_${to}` : to] = to === "type" ? types[value] ?? value : value;
	}
	return found;
}
