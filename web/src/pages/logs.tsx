// logs.tsx — find the one request; see the pattern; export the month
import { useEffect, useState } from "preact/hooks";
import { useResource } from "../api/resource";
import { can, role } from "../api/session";
import { LOG, ROLE, type LogRow } from "../api/types";
import { StackedBars } from "../chart/chart";
import { t, tn } from "../i18n";
import * as f from "../lib/format";
import { queryString } from "../lib/query";
import { route, setQuery } from "../lib/router";
import { inWords } from "../lib/said";
import { Button } from "../ui/button";
import { Segments, Switch } from "../ui/field";
import type { MenuItem } from "../ui/menu";
import { ListTable, ListTools, type Column } from "../ui/list";
import { Empty, PageHead, Pill } from "../ui/state";
import { SavedViews } from "../ui/saved-views";
import { useList, type List } from "../ui/use-list";
import { Detail } from "./logs/detail";
import { exportLog } from "./logs/export";
import { allowedFilters, Filters, leftOut, notNames, spanOf } from "./logs/filters";

const isUsage = (r: LogRow): boolean => r.type === LOG.usage;

const columns = (admin: boolean): Column<LogRow>[] => [
	{ id: "time", title: t("logs.when"), fixed: true, phone: "fact", cell: (r) => <span title={f.exact(r.created_at)}>{f.clock(r.created_at)}</span> },
	...(admin ? [{ id: "user", title: t("logs.user"), cell: (r: LogRow) => r.username || <span class="quiet">–</span> }] : []),
	{ id: "key", title: t("logs.key"), phone: "fact", cell: (r) => r.token_name || <span class="quiet">–</span> },
	{
		id: "model", title: t("logs.modelOrText"), phone: "main",
		cell: (r) => {
			if (isUsage(r))
				return r.model_name;
			const words = inWords(r.content);
			return r.type === LOG.error ? <>{r.model_name || r.origin_model} <Pill tone="danger" shape="◆" title={words}>{r.http_status || t("logs.type.6")}</Pill></>
				: <><Pill tone="info">{t(`logs.type.${r.type as 1}`)}</Pill> <span title={words}>{words || r.model_name}</span></>;
		},
	},
	...(admin ? [{ id: "route", title: t("logs.route"), cell: (r: LogRow) => r.tries?.length ? r.tries.map((x) => `#${x.channel}`).join(" → ") : r.channel ? <>#{r.channel}{(r.attempts ?? 1) > 1 && <span class="warn" title={t("logs.attempts", { n: r.attempts! })}> ×{r.attempts}</span>}</> : <span class="quiet">–</span> }] : []),
	{ id: "in", title: t("logs.in"), num: true, cell: (r) => isUsage(r) ? f.number(r.prompt_tokens) : <span class="quiet">–</span> },
	{ id: "out", title: t("logs.out"), num: true, cell: (r) => isUsage(r) ? f.number(r.completion_tokens) : <span class="quiet">–</span> },
	...(can("log.detail") ? [{ id: "first", title: t("logs.first"), num: true, cell: (r: LogRow) => (r.first_token_ms ?? 0) > 0 ? f.elapsed(r.first_token_ms!) : <span class="quiet">–</span> }] : []),
	{ id: "elapsed", title: t("logs.time"), num: true, cell: (r) => r.elapsed_time ? <>{f.elapsed(r.elapsed_time)}{r.is_stream && <span class="quiet" title={t("logs.stream")}> ≈</span>}</> : <span class="quiet">–</span> },
	{ id: "cost", title: t("logs.cost"), num: true, phone: "side", cell: (r) => r.quota ? <span title={f.quotaHint(r.quota)}>{f.quota(r.quota)}</span> : <span class="quiet">–</span> },
];

/** What the row says, to narrow the log to it or to leave it out. */
function onlyOrNot(r: LogRow, admin: boolean): MenuItem[] {
	const names = [["model_name", r.model_name], ["token_name", r.token_name], ...(admin ? [["username", r.username], ["channel", r.channel ? String(r.channel) : ""]] as const : [])] as const;
	const known = names.filter(([, value]) => value);
	return [
		...known.map(([name, value]) => ({ label: t(`logs.is.${name}`, { value }), run: () => setQuery({ [name]: value, [`not_${name}`]: "", p: "" }) })),
		...known.map(([name, value], i) => ({ label: t(`logs.not_${name}`, { value }), line: i === 0, run: () => setQuery({ [`not_${name}`]: value, [name]: "", p: "" }) })),
	];
}

/** Opt-in, page one only, a visible tab only. */
function useLive(list: List<LogRow>): [boolean, (on: boolean) => void] {
	const [live, setLive] = useState(false);
	const on = live && list.page === 0;
	useEffect(() => {
		if (!on)
			return;
		const timer = setInterval(() => { if (!document.hidden) void list.reload(); }, 5000);
		return () => clearInterval(timer);
	}, [on, list.page]);
	return [on, setLive];
}

/** Comes after the rows and may fail without harm. */
function Sums({ path, query }: { path: string; query: string }) {
	const stat = useResource<{ quota: number; requests?: number; tokens?: number }>(`${path}?${query}`);
	if (!stat.data)
		return <span class="quiet">{stat.error ? "" : "…"}</span>;
	const { quota, requests, tokens } = stat.data;
	return (
		<span role="status">{requests !== undefined && <>{tn("logs.requests", requests)} · </>}<strong title={f.quotaHint(quota)}>{f.quota(quota)}</strong>{tokens !== undefined && <> · {t("logs.tokenSum", { n: f.compact(tokens) })}</>}</span>
	);
}

type Metric = "quota" | "requests" | "tokens" | "time";

/** The rows on screen over time. */
function Pattern({ rows }: { rows: LogRow[] }) {
	const [metric, setMetric] = useState<Metric>("quota");
	const usage = rows.filter(isUsage);
	if (usage.length === 0)
		return <div class="card"><Empty text={t("logs.noUsage")} /></div>;
	const from = Math.min(...usage.map((r) => r.created_at)), to = Math.max(...usage.map((r) => r.created_at));
	const parts = 12, step = Math.max(1, (to - from + 1) / parts);
	const value: Record<Metric, (r: LogRow) => number> = { quota: (r) => r.quota, requests: () => 1, tokens: (r) => r.prompt_tokens + r.completion_tokens, time: (r) => r.elapsed_time };
	const format: Record<Metric, (n: number) => string> = { quota: (n) => f.quota(n), requests: f.number, tokens: f.compact, time: f.elapsed };
	const models = [...new Set(usage.map((r) => r.model_name))];
	const series = models.map((name) => {
		const values = Array<number>(parts).fill(0);
		for (const r of usage) {
			if (r.model_name === name)
				values[Math.min(parts - 1, Math.floor((r.created_at - from) / step))]! += value[metric](r);
		}
		return { name, values };
	});
	const labels = Array.from({ length: parts }, (_, i) => f.clock(Math.round(from + i * step)).slice(-8));
	return (
		<div class="card stack">
			<Segments label={t("logs.metric")} value={metric} onChange={setMetric} options={(["quota", "requests", "tokens", "time"] as const).map((m) => ({ value: m, label: t(`logs.metric.${m}`) }))} />
			<StackedBars title={t("logs.chartTitle", { n: usage.length })} labels={labels} series={series} format={format[metric]} onPick={(model) => setQuery({ model_name: model, p: "" })} />
		</div>
	);
}

export default function Logs() {
	const admin = role.value >= ROLE.admin && route.value.query.scope !== "me";
	const { query } = route.value;
	const span = spanOf(query);
	const filter = {
		type: query.type, start_timestamp: span.start || undefined, end_timestamp: span.end || undefined,
		...Object.fromEntries(allowedFilters().map((n) => [n, query[n]])),
		...(can("log.not") ? Object.fromEntries(notNames().map((n) => [n, query[n]])) : {}),
	};
	const path = admin ? "log/" : "log/self/";
	const whole = useList<LogRow>({ name: "logs", path, params: filter });
	const rest = whole.rows?.filter((r) => !leftOut(r, query));
	const hidden = whole.stale ? 0 : (whole.rows?.length ?? 0) - (rest?.length ?? 0);
	const list = { ...whole, rows: rest };
	const [live, setLive] = useLive(list);
	const [view, setView] = useState<"table" | "chart">("table");
	const all = columns(admin);
	const opened = query.open ? list.rows?.find((r) => `${r.id || r.request_id}` === query.open) : undefined;
	const statQuery = queryString({ ...filter, type: undefined });
	return (
		<>
			<PageHead title={t("nav.logs")}><Button icon="download" onClick={() => exportLog(path, filter)}>{t("logs.export")}</Button></PageHead>
			<ListTools list={list} columns={view === "table" ? all : []}><Filters /><SavedViews name="logs" /></ListTools>
			<div class="row spread">
				<Sums path={admin ? "log/stat" : "log/self/stat"} query={statQuery} />
				<div class="row wide">
					{role.value >= ROLE.admin && <Segments label={t("logs.scope")} value={admin ? "site" : "me"} onChange={(v) => setQuery({ scope: v === "me" ? "me" : "", p: "" })} options={[{ value: "site", label: t("logs.site") }, { value: "me", label: t("logs.mine") }]} />}
					<Segments label={t("chart.view")} value={view} onChange={setView} options={[{ value: "table", label: t("chart.table") }, { value: "chart", label: t("chart.chart") }]} />
					<Switch label={t("logs.live")} checked={live} onChange={setLive} />
				</div>
			</div>
			{hidden > 0 && <p class="quiet small">{tn("logs.hidden", hidden)}</p>}
			{view === "chart" && list.rows ? <Pattern rows={list.rows} /> : (
				<>
					<ListTable list={list} columns={all} rowKey={(r) => r.id || `${r.request_id}${r.created_at}${r.type}`} rowName={(r) => r.request_id}
						menu={(r) => onlyOrNot(r, admin)}
						onOpen={(r) => setQuery({ open: String(r.id || r.request_id) })}
						empty={<Empty text={t("logs.empty")}>{(query.range ?? "24h") !== "30d" && <Button onClick={() => setQuery({ range: query.range === "7d" ? "30d" : "7d", p: "" })}>{t(query.range === "7d" ? "logs.widen30" : "logs.widen")}</Button>}
							{([...allowedFilters(), ...notNames()].some((n) => query[n]) || query.type) && <Button onClick={() => setQuery({ type: "", ...Object.fromEntries([...allowedFilters(), ...notNames()].map((n) => [n, ""])) })}>{t("list.clear")}</Button>}</Empty>} />
				</>
			)}
			{opened && <Detail row={opened} onClose={() => setQuery({ open: "" })} />}
		</>
	);
}
