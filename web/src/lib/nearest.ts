// nearest.ts — what somebody may have meant

/** How many letters are to be changed, added or taken away. */
function distance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, i) => i);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++)
			next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
		row = next;
	}
	return row[b.length]!;
}

/** Those whose name is the most like the word, the order kept among equals; a beginning counts as alike. */
export function nearest<T extends { names: string[] }>(word: string, all: T[], count: number): T[] {
	const asked = word.toLowerCase().slice(0, 40);
	const far = (name: string): number => {
		const n = name.toLowerCase();
		return asked && (n.startsWith(asked) || asked.startsWith(n)) ? 0 : distance(asked, n);
	};
	const ranked = all.map((x) => ({ x, far: Math.min(...x.names.map(far)) }));
	return ranked.sort((a, b) => a.far - b.far).slice(0, count).map((r) => r.x);
}
