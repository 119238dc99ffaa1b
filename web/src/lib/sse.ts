// sse.ts — server-sent events out of a byte stream, and whether somebody on the way held them back
export class EventReader {
	private rest = "";
	private decoder = new TextDecoder();

	/** The `data` of each event that this piece completes. Pieces may be cut anywhere. */
	push(piece: Uint8Array): string[] {
		this.rest += this.decoder.decode(piece, { stream: true });
		const events: string[] = [];
		for (;;) {
			const end = /\r\n\r\n|\n\n|\r\r(?!$)/.exec(this.rest);
			if (!end)
				return events;
			const data = this.rest.slice(0, end.index).split(/\r\n|\n|\r/)
				.filter((line) => line.startsWith("data:"))
				.map((line) => line.slice(5).replace(/^ /, ""));
			if (data.length)
				events.push(data.join("\n"));
			this.rest = this.rest.slice(end.index + end[0].length);
		}
	}
}

/** Nearly all of a stream of some length in its last tenth: a web server holds it back. */
export function looksBuffered(arrivals: { at: number; bytes: number }[], totalMs: number): boolean {
	const all = arrivals.reduce((sum, a) => sum + a.bytes, 0);
	if (totalMs < 1500 || all === 0)
		return false;
	const late = arrivals.filter((a) => a.at >= totalMs * 0.9).reduce((sum, a) => sum + a.bytes, 0);
	return late / all > 0.9;
}
