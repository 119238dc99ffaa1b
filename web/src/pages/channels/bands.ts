// bands.ts — rows in order of priority, cut where it changes: what is tried first, then, last
interface Band {
	priority: number;
	/** only: there is no other */
	turn: "first" | "then" | "last" | "only";
}

/** By the index of the row that a band begins with. start, end: this page has the list's first or last row. */
export function bandsOf(rows: { priority: number }[], start: boolean, end: boolean): Map<number, Band> {
	const begins = rows.map((_, i) => i).filter((i) => i === 0 || rows[i]!.priority !== rows[i - 1]!.priority);
	return new Map(begins.map((i, n) => {
		const first = start && n === 0, last = end && n === begins.length - 1;
		return [i, { priority: rows[i]!.priority, turn: first && last ? "only" : first ? "first" : last ? "last" : "then" }];
	}));
}
