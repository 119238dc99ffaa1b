// money.ts — quota units, money and prices
//
// The gateway counts in units; `perUnit` of them are one dollar. A price is per million tokens.
export interface Currency {
	perUnit: number;
	/** Show dollars rather than units. */
	shown: boolean;
}

export const defaultCurrency: Currency = { perUnit: 500_000, shown: true };

export function formatUnits(quota: number, locale: string): string {
	return new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(quota);
}

/** Two decimals from a dollar up, four below, six for what would look like nothing; or as asked. */
export function formatDollars(amount: number, locale: string, decimals?: number): string {
	const size = Math.abs(amount);
	const digits = decimals ?? (size >= 1 || size === 0 ? 2 : size >= 0.0001 ? 4 : 6);
	const text = new Intl.NumberFormat(locale, {
		minimumFractionDigits: digits, maximumFractionDigits: digits,
	}).format(size);
	return `${amount < 0 ? "-" : ""}$${text}`;
}

export function formatQuota(quota: number, c: Currency, locale: string, decimals?: number): string {
	return c.shown ? formatDollars(quota / c.perUnit, locale, decimals) : formatUnits(quota, locale);
}

/** The form that is not shown: for the tooltip. */
export function otherForm(quota: number, c: Currency, locale: string, units: string): string {
	return c.shown ? `${formatUnits(quota, locale)} ${units}` : formatDollars(quota / c.perUnit, locale, 4);
}

/** What a person typed, as units; null when it is no amount. Takes "$1,234.5" and "1234.5". */
export function parseAmount(text: string, c: Currency): number | null {
	const clean = text.trim().replace(/^[$＄]/, "").replace(/[,\s_，]/g, "");
	if (!/^-?(\d+\.?\d*|\.\d+)$/.test(clean))
		return null;
	const units = Number(clean) * (c.shown ? c.perUnit : 1);
	return Number.isSafeInteger(Math.round(units)) ? Math.round(units) : null;
}

/** Units as the text of an input field: dollars with up to six decimals, or plain units. */
export function amountText(quota: number, c: Currency): string {
	return c.shown ? String(Number((quota / c.perUnit).toFixed(6))) : String(quota);
}

/** A ratio of 1 is one unit per token. */
export function priceOfRatio(ratio: number, c: Currency): number {
	return ratio * 1_000_000 / c.perUnit;
}

export function ratioOfPrice(price: number, c: Currency): number {
	return Number((price * c.perUnit / 1_000_000).toPrecision(12));
}

/** Models that have no price fall to this ratio. */
export const unpricedRatio = 30;

export function formatPrice(price: number, locale: string): string {
	const digits = price >= 1 || price === 0 ? 2 : price >= 0.01 ? 3 : 4;
	return `$${new Intl.NumberFormat(locale, {
		minimumFractionDigits: 2, maximumFractionDigits: digits,
	}).format(price)}`;
}

/** 12,408 · 9.84 M; Chinese counts in 万 and 亿. */
export function formatCompact(n: number, locale: string): string {
	return new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 2 }).format(n);
}
