// diff.ts — what changed between two images of an object, member by member
export interface AuditRow {
	id: number;
	created_at: number;
	/** 0: on the command line */
	user_id: number;
	username: string;
	address: string;
	request_id: string;
	/** method and route */
	action: string;
	subject: string;
	/** several ids are separated by commas */
	subject_id: string;
	before: Record<string, unknown> | null;
	after: Record<string, unknown> | null;
}

export type Sort = "made" | "changed" | "deleted" | "done";

export const sortOf = (r: Pick<AuditRow, "before" | "after">): Sort => r.before && r.after ? "changed" : r.after ? "made" : r.before ? "deleted" : "done";

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
	return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Members : null;
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

export function differences(r: Pick<AuditRow, "before" | "after">): Difference[] {
	const found: Difference[] = [];
	compare([], r.before ?? undefined, r.after ?? undefined, found);
	return found;
}

/** "GET /api/channel/test/:id" and its like, for people who know the API. */
export const actionParts = (action: string): { method: string; route: string } => {
	const [, method = "", route = action] = /^([A-Z]+) (.*)$/.exec(action) ?? [];
	return { method, route };
};

/** Where this UI shows the object; null when it does not. */
export function pageOf(subject: string, id: string): string | null {
	const pages: Record<string, string> = { user: "users", token: "keys", channel: "channels", redemption: "codes" };
	if (subject === "option")
		return "settings";
	return subject in pages && subject !== "token" && /^\d+$/.test(id) ? `${pages[subject]}/${id}` : null;
}
