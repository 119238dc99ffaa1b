// query.ts — the hash as an address: "#/keys/5?q=ci" is the path ["keys", "5"] and { q: "ci" }
export type Query = Record<string, string>;

export interface Address {
	path: string[];
	query: Query;
}

const decode = (text: string): string => {
	try {
		return decodeURIComponent(text);
	} catch {
		return text; // a stray % is somebody's typing, not a reason to fail
	}
};

export function parseHash(hash: string): Address {
	const text = hash.replace(/^#?\/?/, "");
	const cut = text.indexOf("?");
	const path = cut < 0 ? text : text.slice(0, cut);
	return {
		path: path.split("/").filter(Boolean).map(decode),
		query: cut < 0 ? {} : Object.fromEntries(new URLSearchParams(text.slice(cut + 1))),
	};
}

/** Members that are empty or undefined are left out. */
export function queryString(query: Record<string, string | number | undefined>): string {
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined && value !== "")
			params.set(name, String(value));
	}
	return params.toString();
}

export function hashOf(path: string, query: Record<string, string | number | undefined> = {}): string {
	const text = queryString(query);
	return `#/${path.replace(/^\//, "")}${text ? `?${text}` : ""}`;
}

/** Matches "channels/:id?" against a path; null when it does not fit. */
export function matchPath(pattern: string, path: string[]): Query | null {
	const parts = pattern.split("/").filter(Boolean);
	const found: Query = {};
	if (path.length > parts.length)
		return null;
	for (const [i, part] of parts.entries()) {
		const here = path[i];
		if (part.startsWith(":")) {
			if (here === undefined && !part.endsWith("?"))
				return null;
			if (here !== undefined)
				found[part.replace(/^:|\?$/g, "")] = here;
		} else if (part !== here) {
			return null;
		}
	}
	return found;
}
