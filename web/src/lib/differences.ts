// differences.ts — what changed between two images of an object, member by member
import { isObject } from "./text";

export interface Difference {
	/** members on the way, the innermost last */
	path: string[];
	/** undefined: it was not there, or is no more */
	before: string | undefined;
	after: string | undefined;
}

type Members = Record<string, unknown>;

/** An object, also one that stands in a text as JSON, as options have it. */
function membersOf(value: unknown): Members | null {
	if (typeof value === "string" && /^\s*\{/.test(value)) {
		try {
			return membersOf(JSON.parse(value));
		} catch {
			return null;
		}
	}
	return isObject(value) ? value : null;
}

const textOf = (value: unknown): string | undefined => value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);

function compare(path: string[], before: unknown, after: unknown, found: Difference[]): void {
	if (JSON.stringify(before) === JSON.stringify(after))
		return;
	const a = membersOf(before), b = membersOf(after);
	const nested = path.length === 0 || (path.length < 4 && ((a && b) || (a && after === undefined) || (b && before === undefined)));
	if (!nested) {
		found.push({ path, before: textOf(before), after: textOf(after) });
		return;
	}
	for (const name of new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]))
		compare([...path, name], a?.[name], b?.[name], found);
}

export function differences(r: { before: Members | null; after: Members | null }): Difference[] {
	const found: Difference[] = [];
	compare([], r.before ?? undefined, r.after ?? undefined, found);
	return found;
}
