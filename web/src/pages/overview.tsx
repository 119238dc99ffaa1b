// overview.tsx — is everything all right, and what did it cost?
import { useState } from "preact/hooks";
import { useResource } from "../api/resource";
import { can, me, role, status } from "../api/session";
import { LOG, ROLE, type Channel, type DayRow, type Key, type LogRow } from "../api/types";
import { RankedBars, Sparkline, StackedBars, type Series } from "../chart/chart";
import { t, tn } from "../i18n";
import { serverAddress } from "../lib/addresses";
import { homeUrl } from "../api/client";
import * as f from "../lib/format";
import { prefs, setPrefs } from "../lib/prefs";
import { unitPrices, type Pricing } from "../lib/pricing";
import { queryString } from "../lib/query";
import { go, href, route, setQuery } from "../lib/router";
import { Button, LinkButton } from "../ui/button";
import { Segments } from "../ui/field";
import { Empty, Failed, Loaded, PageHead, Stat } from "../ui/state";

type Metric = "Quota" | "RequestCount" | "Tokens";

const valueOf = (r: DayRow, m: Metric): number => m === "Tokens" ? r.PromptTokens + r.CompletionTokens : r[m];
const formats: Record<Metric, (n: number) => string> = { Quota: (n) => f.quota(n), RequestCount: f.number, Tokens: f.compact };

function days(n: number): string[] {
	return Array.from({ length: n }, (_, i) => new Date(Date.now() - (n - 1 - i) * 86_400_000).toISOString().slice(0, 10));
}

interface Finding {
	text: string;
	label: string;
	href: string;
}

/** From data that is loaded already: no call per rule. */
function findings(keys: Key[], channels: Channel[], unpriced: string[]): Finding[] {
	const found: Finding[] = [];
	const now = Date.now() / 1000;
	const auto = channels.filter((c) => c.status === 3);
	if (auto.length)
		found.push({ text: tn("overview.auto", auto.length, { names: auto.slice(0, 3).map((c) => c.name).join(", ") }), label: t("nav.channels"), href: href("channels", { status: 3 }) });
	if (unpriced.length)
		found.push({ text: tn("overview.unpriced", unpriced.length, { names: unpriced.slice(0, 3).join(", ") }), label: t(role.value >= ROLE.root ? "overview.setPrice" : "overview.open"), href: href("models", { unpriced: 1 }) });
	for (const c of channels.filter((x) => x.status === 1 && x.balance_updated_time > 0 && x.balance < 1))
		found.push({ text: t("overview.lowChannel", { name: c.name }), label: t("overview.open"), href: href(`channels/${c.id}`) });
	for (const k of keys.filter((x) => x.status === 1)) {
		if (k.expired_time > now && k.expired_time < now + 7 * 86400)
			found.push({ text: t("overview.keyExpires", { name: k.name, when: f.when(k.expired_time) }), label: t("overview.extend"), href: href(`keys/${k.id}`) });
		else if (!k.unlimited_quota && k.remain_quota < 0.05 * (k.remain_quota + k.used_quota))
			found.push({ text: t("overview.keyLow", { name: k.name, left: f.quota(k.remain_quota) }), label: t("overview.raise"), href: href(`keys/${k.id}`) });
	}
	if (role.value >= ROLE.root && status.value?.server_address && serverAddress() !== homeUrl.replace(/\/$/, ""))
		found.push({ text: t("overview.address", { set: serverAddress() }), label: t("nav.settings"), href: href("settings/site") });
	if (me.value && me.value.quota < 1000)
		found.push({ text: t("overview.lowBalance", { left: f.quota(me.value.quota) }), label: t("nav.wallet"), href: href("wallet") });
	return found;
}

function Attention({ keys, channels }: { keys: Key[]; channels: Channel[] }) {
	const pricing = useResource<Pricing>(role.value >= ROLE.admin && can("pricing") ? "pricing" : null);
	const list = findings(keys, channels, (pricing.data?.models ?? []).filter((r) => r.model_ratio === undefined && unitPrices(r).length === 0).map((r) => r.model));
	return list.length ? (
		<section class="card stack tight" aria-labelledby="attention">
			<h2 id="attention" class="warn">▲ {tn("overview.attention", list.length)}</h2>
			<ul class="stack tight">{list.map((x) => <li key={x.text} class="row spread"><span>{x.text}</span><a href={x.href}>{x.label}</a></li>)}</ul>
		</section>
	) : null;
}

/** Until its points are done or it is closed. */
function Checklist({ keys, channels, used }: { keys: Key[]; channels: Channel[] | null; used: boolean }) {
	const points = [
		...(channels ? [
			{ done: channels.length > 0, label: t("overview.todo.channel"), href: href("channels/new") },
			{ done: used || channels.some((c) => c.response_time > 0), label: t("overview.todo.test"), href: href("channels") },
		] : []),
		{ done: keys.length > 0, label: t("overview.todo.key"), href: href("keys/new") },
		{ done: used, label: t("overview.todo.call"), href: href("playground") },
	];
	if (points.every((p) => p.done) || prefs.value.seen?.includes("checklist"))
		return null;
	return (
		<section class="card stack tight" aria-labelledby="start">
			<div class="head"><h2 id="start">{t("overview.start")}</h2>
				{role.value >= ROLE.root && <LinkButton small href={href("setup")}>{t("overview.wizard")}</LinkButton>}
				<Button small kind="plain" onClick={() => setPrefs({ seen: [...prefs.value.seen ?? [], "checklist"] })}>{t("overview.dismiss")}</Button></div>
			<ol class="stack tight">{points.map((p) => <li key={p.label} class={p.done ? "quiet" : ""}>{p.done ? "✓" : "○"} {p.done ? p.label : <a href={p.href}>{p.label}</a>}</li>)}</ol>
		</section>
	);
}

const healths = ["ok", "auto", "failed", "slow", "off"] as const;
type Health = (typeof healths)[number];

function healthOf(c: Channel): Health {
	if (c.status !== 1)
		return c.status === 3 ? "auto" : "off";
	return c.test_time > 0 && c.response_time === 0 ? "failed" : c.response_time > 3000 ? "slow" : "ok";
}

const marks = { auto: { shape: "▲", tone: "warn" }, off: { shape: "○", tone: "quiet" }, failed: { shape: "◆", tone: "danger" } };

/** One cell per channel: shape and colour. */
function Ribbon({ channels, total }: { channels: Channel[]; total: number | undefined }) {
	const look = (c: Channel): { shape: string; tone: string; text: string } => {
		const health = healthOf(c);
		if (health === "ok" || health === "slow")
			return { shape: "■", tone: "", text: c.response_time ? f.elapsed(c.response_time) : t("overview.untested") };
		return { ...marks[health], text: t(`overview.${health}State`) };
	};
	const counts = healths.map((h) => [h, channels.filter((c) => healthOf(c) === h).length] as const).filter(([, n]) => n > 0).map(([h, n]) => t(`overview.${h}Count`, { n: f.number(n) }));
	return (
		<section class="card stack tight" aria-labelledby="health">
			<h2 id="health">{t("overview.health")} <span class="quiet small">{[total !== undefined && total > channels.length ? t("overview.firstOf", { n: channels.length, total }) : tn("overview.channels", channels.length), ...counts].join(" · ")}</span></h2>
			<div class="row" style={{ gap: "4px" }}>{channels.map((c) => {
				const l = look(c);
				return <a key={c.id} class={`cell ${l.tone}`} href={href(`channels/${c.id}`)} title={`${c.name}: ${l.text}`} aria-label={`${c.name}: ${l.text}`}>{l.shape}</a>;
			})}</div>
		</section>
	);
}

/** Against the period before, where there was anything. */
function Change({ now, before }: { now: number; before: number | null }) {
	if (!before)
		return null;
	const share = now / before - 1;
	return <span class="small second">{share >= 0 ? "▲" : "▼"} {t("overview.than", { share: f.percent(Math.abs(share)) })}</span>;
}

/** The middle one of the latest hundred requests. */
function FirstToken({ site }: { site: boolean }) {
	const rows = useResource<LogRow[]>(`${site ? "log/" : "log/self/"}?${queryString({ p: 0, page_size: 100, type: LOG.usage })}`);
	const times = (rows.data ?? []).map((r) => r.first_token_ms ?? 0).filter((ms) => ms > 0).sort((a, b) => a - b);
	if (times.length === 0)
		return null;
	return (
		<a class="card plain-link" href={href("logs", { range: "7d", scope: site ? "" : "me" })}>
			<Stat label={t("overview.firstToken")} value={f.elapsed(times[Math.floor(times.length / 2)]!)}><span class="small second">{tn("overview.ofLatest", times.length)}</span></Stat>
		</a>
	);
}

function Figures({ rows, labels, before, site }: { rows: DayRow[]; labels: string[]; before: DayRow[] | null; site: boolean }) {
	const perDay = (m: Metric): number[] => labels.map((d) => rows.filter((r) => r.Day === d).reduce((a, r) => a + valueOf(r, m), 0));
	const sumOf = (of: DayRow[], m: Metric): number => of.reduce((a, r) => a + valueOf(r, m), 0);
	const sum = (m: Metric): number => sumOf(rows, m);
	return (
		<div class="columns figures">{(["Quota", "RequestCount", "Tokens"] as const).map((m) => (
			<a key={m} class="card plain-link" href={href("logs", { range: "7d", scope: role.value >= ROLE.admin && !site ? "me" : "" })}>
				<Stat label={t(`overview.${m}`)} value={formats[m](sum(m))} {...(m === "Quota" ? { hint: f.quotaHint(sum(m)) } : {})}><Sparkline values={perDay(m)} label={t("overview.perDay")} /><Change now={sum(m)} before={before && sumOf(before, m)} /></Stat>
			</a>
		))}{can("log.detail") && <FirstToken site={site} />}</div>
	);
}

type By = "model" | "key" | "channel" | "user";

/** The log's filter for one of the names. */
const filterOf = (by: By, name: string, rows: DayRow[]): Record<string, string | number> => ({
	range: "7d",
	...(by === "model" ? { model_name: name } : by === "key" ? { token_name: name } : by === "user" ? { username: name } : { channel: rows.find((r) => r.ModelName === name)?.Id ?? "" }),
});

function ranking(rows: DayRow[], by: By, metric: Metric): { name: string; value: number; href: string }[] {
	const sums = new Map<string, number>();
	for (const r of rows)
		sums.set(r.ModelName, (sums.get(r.ModelName) ?? 0) + valueOf(r, metric));
	return [...sums].map(([name, value]) => ({ name, value, href: href("logs", filterOf(by, name, rows)) })).sort((a, b) => b.value - a.value).slice(0, 8);
}

/** The keys beside the models: who used them. */
function TopSecond({ path, metric, since }: { path: string; metric: Metric; since: string }) {
	const keys = useResource<DayRow[]>(path);
	const ranked = ranking((keys.data ?? []).filter((r) => r.Day >= since), "key", metric);
	return ranked.length ? <section class="card stack"><h2>{t("overview.top.key")}</h2><RankedBars rows={ranked} format={formats[metric]} /></section> : null;
}

/** second: where the ranking of keys is read, beside that of models. */
function Usage({ rows, labels, by, second }: { rows: DayRow[]; labels: string[]; by: By; second: string | null }) {
	const [metric, setMetric] = useState<Metric>("Quota");
	const models = [...new Set(rows.map((r) => r.ModelName))];
	const series: Series[] = models.map((name) => ({ name, values: labels.map((d) => rows.filter((r) => r.Day === d && r.ModelName === name).reduce((a, r) => a + valueOf(r, metric), 0)) }));
	const ranked = ranking(rows, by, metric);
	return (
		<>
			<section class="card stack">
				<div class="row spread"><Segments label={t("overview.metric")} value={metric} onChange={setMetric} options={(["Quota", "RequestCount", "Tokens"] as const).map((m) => ({ value: m, label: t(`overview.${m}`) }))} />
					{can("dash.range") && <Segments label={t("overview.by")} value={by} onChange={(x) => setQuery({ by: x === "model" ? "" : x })} options={bys().map((x) => ({ value: x, label: t(`overview.by.${x}`) }))} />}</div>
				<StackedBars title={t(`overview.chart.${by}`)} labels={labels.map((d) => d.slice(5))} series={series} format={formats[metric]} onPick={(name) => go("logs", filterOf(by, name, rows))} />
			</section>
			<div class="columns"><section class="card stack"><h2>{t(`overview.top.${by}`)}</h2><RankedBars rows={ranked} format={formats[metric]} /></section>
				{second && <TopSecond path={second} metric={metric} since={labels[0]!} />}</div>
		</>
	);
}

const bys = (): By[] => role.value >= ROLE.admin ? ["model", "key", "channel", "user"] : ["model", "key"];

const periods = { "24h": 1, "7d": 7, "30d": 30 } as const;

export default function Overview() {
	const admin = role.value >= ROLE.admin;
	const { period = "7d", scope = "me" } = route.value.query;
	const by = bys().find((x) => x === route.value.query.by) ?? "model";
	const site = admin && scope === "site";
	const length = can("dash.range") ? periods[period as keyof typeof periods] ?? 7 : 7;
	const labels = days(length);
	const rangeOf = (what: By): string => `user/dashboard?${queryString({ start: Math.floor(Date.parse(labels[0]!) / 1000) - length * 86_400, end: Math.floor(Date.now() / 86_400_000 + 1) * 86_400, step: "day", by: what, scope: admin ? scope : undefined })}`;
	const dashboard = useResource<DayRow[]>(can("dash.range") ? rangeOf(by) : "user/dashboard");
	const keys = useResource<Key[]>("token/?p=0");
	const channels = useResource<Channel[]>(admin ? (can("list.paging") ? "channel/?p=0&page_size=100" : "channel/?p=0") : null);
	// twice the period in one call: the first half is what it is compared with
	const rows = (dashboard.data ?? []).filter((r) => r.Day >= labels[0]!);
	const before = can("dash.range") ? (dashboard.data ?? []).filter((r) => r.Day < labels[0]!) : null;
	return (
		<>
			<PageHead title={t("nav.overview")}>
				{can("dash.range") && admin && <Segments label={t("overview.scope")} value={scope} onChange={(s) => setQuery({ scope: s })} options={[{ value: "me", label: t("overview.me") }, { value: "site", label: t("overview.site") }]} />}
				{can("dash.range")
					? <Segments label={t("overview.period")} value={period} onChange={(p) => setQuery({ period: p })} options={(["24h", "7d", "30d"] as const).map((p) => ({ value: p, label: t(`overview.period.${p}`) }))} />
					: <span class="second">{t("overview.period.7d")}</span>}
			</PageHead>
			{keys.data && dashboard.data && (!admin || channels.data) && <Checklist keys={keys.data} channels={admin ? channels.data ?? [] : null} used={rows.length > 0} />}
			{keys.data && <Attention keys={keys.data} channels={channels.data ?? []} />}
			<Loaded from={dashboard}>{() => rows.length ? <><Figures rows={rows} labels={labels} before={before} site={site} /><Usage rows={rows} labels={labels} by={by} second={can("dash.range") && by === "model" ? rangeOf("key") : null} /></> : (
				<div class="card"><Empty text={t("overview.empty")}><LinkButton kind="main" href={href("playground")}>{t("nav.playground")}</LinkButton><LinkButton href={href("keys")}>{t("nav.keys")}</LinkButton></Empty></div>
			)}</Loaded>
			{admin && channels.error && !channels.data && <section class="card" aria-label={t("overview.health")}><Failed error={channels.error} retry={channels.reload} /></section>}
			{admin && channels.data && channels.data.length > 0 && <Ribbon channels={channels.data} total={channels.total} />}
			<p class="quiet small">{t("overview.utc")}</p>
		</>
	);
}
