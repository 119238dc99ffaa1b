// time.ts — times as text. The wire has unix seconds; 0 and -1 mean none and never.
const steps: [limit: number, size: number, unit: Intl.RelativeTimeFormatUnit][] = [
	[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"],
];

/** Relative within a day, else a date; with the year only when it is another one. */
export function formatWhen(seconds: number, locale: string, now = Date.now()): string {
	const delta = seconds - Math.floor(now / 1000);
	for (const [limit, size, unit] of steps) {
		if (Math.abs(delta) < limit)
			return new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" })
				.format(Math.trunc(delta / size), unit);
	}
	const date = new Date(seconds * 1000);
	const sameYear = date.getFullYear() === new Date(now).getFullYear();
	return new Intl.DateTimeFormat(locale, sameYear ?
		{ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" } :
		{ year: "numeric", month: "short", day: "numeric" }).format(date);
}

export function formatExact(seconds: number, locale: string): string {
	return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" })
		.format(new Date(seconds * 1000));
}

/** Time of day with seconds; with the day when that is not today. */
export function formatClock(seconds: number, locale: string, now = Date.now()): string {
	const date = new Date(seconds * 1000);
	const today = date.toDateString() === new Date(now).toDateString();
	return new Intl.DateTimeFormat(locale, {
		...(today ? {} : { month: "2-digit", day: "2-digit" }),
		hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
	}).format(date);
}

export function formatSeconds(ms: number, locale: string): string {
	const s = ms / 1000;
	const digits = s < 10 ? 2 : s < 100 ? 1 : 0;
	return `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits })
		.format(s)} s`;
}

/** For <input type=datetime-local>, in the reader's own zone. */
export function toLocalInput(seconds: number): string {
	const date = new Date(seconds * 1000);
	return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromLocalInput(text: string): number | null {
	const ms = new Date(text).getTime();
	return Number.isNaN(ms) ? null : Math.floor(ms / 1000);
}
