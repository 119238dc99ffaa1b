// filters.tsx — range, type, and what else narrows the log; all of it in the address
import { useState } from "preact/hooks";
import { can, role } from "../../api/session";
import { ROLE, type LogRow } from "../../api/types";
import { t } from "../../i18n";
import { parseFilter } from "../../lib/log-text";
import { route, setQuery } from "../../lib/router";
import { fromLocalInput, toLocalInput } from "../../lib/time";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Chip } from "../../ui/list";

export const ranges = { "15m": 900, "1h": 3600, "24h": 86400, "7d": 7 * 86400, "30d": 30 * 86400 } as const;
const filterNames = ["token_name", "model_name", "username", "channel"] as const;

export const allowedFilters = (): (typeof filterNames)[number][] =>
	filterNames.filter((n) => role.value >= ROLE.admin || n === "token_name" || n === "model_name");

/** "not this": the same names, told apart by not_ before them. */
export const notNames = (): `not_${(typeof filterNames)[number]}`[] => allowedFilters().map((n) => `not_${n}` as const);

/** A server without log.not sends all; then they are left out here, of each page. */
export function leftOut(r: LogRow, query: Record<string, string>): boolean {
	return filterNames.some((n) => query[`not_${n}`] !== undefined && String(r[n]) === query[`not_${n}`]);
}

/** Unix seconds of what the address says; a moving start is cut to the minute, so that it can be cached. */
export function spanOf(query: Record<string, string>): { start: number; end: number } {
	const range = query.range ?? "24h";
	if (range === "custom")
		return { start: Number(query.from) || 0, end: Number(query.to) || 0 };
	const length = ranges[range as keyof typeof ranges] ?? ranges["24h"];
	return { start: Math.floor(Date.now() / 60_000) * 60 - length, end: 0 };
}

function Custom({ onClose }: { onClose(): void }) {
	const { from, to } = route.value.query;
	const now = Math.floor(Date.now() / 1000);
	const form = useForm({ from: toLocalInput(Number(from) || now - 86400), to: toLocalInput(Number(to) || now) });
	const use = (): void => {
		setQuery({ range: "custom", from: fromLocalInput(form.values.from) ?? "", to: fromLocalInput(form.values.to) ?? "", p: "" });
		onClose();
	};
	return (
		<Dialog title={t("logs.custom")} onClose={onClose}>
			<TextField form={form} name="from" type="datetime-local" label={t("logs.from")} />
			<TextField form={form} name="to" type="datetime-local" label={t("logs.to")} />
			<div class="foot"><Button kind="main" onClick={use}>{t("logs.show")}</Button></div>
		</Dialog>
	);
}

function FilterBox() {
	const [text, setText] = useState("");
	const apply = (e: Event): void => {
		e.preventDefault();
		const found = parseFilter(text);
		// a lone word is a model: what people look for most
		setQuery({ ...(Object.keys(found).length || !text.trim() ? found : { model_name: text.trim() }), p: "" });
		setText("");
	};
	return (
		<form class="search" onSubmit={apply}>
			<input class="input" data-search type="search" placeholder={t("logs.filter")} aria-label={t("logs.filter")} title={t("logs.filterHint")} value={text} onInput={(e) => setText(e.currentTarget.value)} />
		</form>
	);
}

export function Filters() {
	const [custom, setCustom] = useState(false);
	const { query } = route.value;
	const chips = allowedFilters().filter((n) => query[n]);
	return (
		<>
			<select class="input" style={{ maxWidth: "none" }} aria-label={t("logs.range")} value={query.range ?? "24h"} onChange={(e) => e.currentTarget.value === "custom" ? setCustom(true) : setQuery({ range: e.currentTarget.value, from: "", to: "", p: "" })}>
				{(Object.keys(ranges) as (keyof typeof ranges)[]).map((r) => <option key={r} value={r}>{t(`logs.range.${r}`)}</option>)}
				<option value="custom">{t("logs.custom")}</option>
			</select>
			<select class="input" aria-label={t("logs.type")} value={query.type ?? "0"} onChange={(e) => setQuery({ type: e.currentTarget.value === "0" ? "" : e.currentTarget.value, p: "" })}>
				{(can("log.detail") ? [0, 1, 2, 3, 4, 5, 6] as const : [0, 1, 2, 3, 4, 5] as const).map((n) => <option key={n} value={String(n)}>{t(`logs.type.${n}`)}</option>)}
			</select>
			<FilterBox />
			{chips.map((n) => <Chip key={n} text={t(`logs.is.${n}`, { value: query[n]! })} name={query[n]!} onRemove={() => setQuery({ [n]: "", p: "" })} />)}
			{notNames().filter((n) => query[n]).map((n) => <Chip key={n} text={t(`logs.${n}`, { value: query[n]! })} onRemove={() => setQuery({ [n]: "", p: "" })} />)}
			{custom && <Custom onClose={() => setCustom(false)} />}
		</>
	);
}
