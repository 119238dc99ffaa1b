// review.ts — what a save would change: of options that are JSON objects only the members that do
import { isObjectKind, type OptionRow } from "../../data/options";
import { differences } from "../../lib/differences";
import { jsonObjectFault } from "../../lib/text";

interface Reviewed {
	/** members within the option, the innermost last; empty: the option as a whole */
	path: string[];
	before: string;
	after: string;
}

const long = 120;
const cut = (text: string): string => text.length > long ? `${text.slice(0, long)}…` : text;

/** wire: the value as it is sent, so that what was only written in another way is no change. */
export function reviewOf(row: OptionRow | undefined, before: string, after: string, wire: (value: string) => string): Reviewed[] {
	if (row?.kind === "secret")
		return [{ path: [], before: "••••••", after: "••••••" }];
	if (row && isObjectKind(row.kind) && !jsonObjectFault(before) && !jsonObjectFault(after)) {
		const members = (text: string): Record<string, unknown> => JSON.parse(wire(text) || "{}") as Record<string, unknown>;
		const found = differences({ before: members(before), after: members(after) });
		if (found.length > 0)
			return found.map((d) => ({ path: d.path, before: cut(d.before ?? ""), after: cut(d.after ?? "") }));
	}
	return [{ path: [], before: cut(before), after: cut(after) }];
}
