// rows.ts — what the audit log has: whose change, of what, of which sort
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

/** "GET /api/channel/test/:id" and its like, for people who know the API. */
export const actionParts = (action: string): { method: string; route: string } => {
	const [, method = "", route = action] = /^([A-Z]+) (.*)$/.exec(action) ?? [];
	return { method, route };
};

/** Where this UI shows the object; null when it does not. */
export function pageOf(subject: string, id: string): string | null {
	const pages: Record<string, string> = { user: "users", channel: "channels", redemption: "codes" };
	if (subject === "option")
		return "settings";
	return subject in pages && /^\d+$/.test(id) ? `${pages[subject]}/${id}` : null;
}
