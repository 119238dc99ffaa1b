// format.ts — money, numbers and times in the reader's language and the site's currency
import { currency } from "../api/session";
import { language, t } from "../i18n";
import * as money from "./money";
import * as time from "./time";

export const quota = (n: number, decimals?: number): string => money.formatQuota(n, currency.value, language.value, decimals);
export const quotaHint = (n: number): string => money.otherForm(n, currency.value, language.value, t("units"));
export const number = (n: number): string => new Intl.NumberFormat(language.value).format(n);
export const compact = (n: number): string => money.formatCompact(n, language.value);
export const price = (n: number): string => money.formatPrice(n, language.value);
export const percent = (n: number): string =>
	new Intl.NumberFormat(language.value, { style: "percent", maximumFractionDigits: 0 }).format(n);
export const when = (seconds: number): string => seconds > 0 ? time.formatWhen(seconds, language.value) : "–";
export const exact = (seconds: number): string => seconds > 0 ? time.formatExact(seconds, language.value) : "";
export const clock = (seconds: number): string => time.formatClock(seconds, language.value);
export const elapsed = (ms: number): string => time.formatSeconds(ms, language.value);
