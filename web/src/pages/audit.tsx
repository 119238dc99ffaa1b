// audit.tsx — who changed what, and how it was before (capability audit; root)
import { useResource } from "../api/resource";
import { can } from "../api/session";
import { t, type Key } from "../i18n";
import { differences } from "../lib/differences";
import * as f from "../lib/format";
import { route, setQuery } from "../lib/router";
import { fromLocalInput, toLocalInput } from "../lib/time";
import { Button } from "../ui/button";
import { Chip, Filter, ListTable, ListTools, type Column } from "../ui/list";
import { SavedViews } from "../ui/saved-views";
import { Empty, PageHead, Pill, type Tone } from "../ui/state";
import { useList } from "../ui/use-list";
import { Detail } from "./audit/detail";
import { subjectName, subjects } from "./audit/subjects";
import { sortOf, type AuditRow, type Sort } from "./audit/rows";

const ranges: Record<string, number> = { "24h": 86400, "7d": 7 * 86400, "30d": 30 * 86400 };
const looks: Record<Sort, { tone: Tone; shape: "●" | "○" | "▲" | "◆" }> = { made: { tone: "", shape: "●" }, changed: { tone: "info", shape: "▲" }, deleted: { tone: "danger", shape: "◆" }, done: { tone: "off", shape: "○" } };

const short = (text: string): string => text.length > 60 ? `${text.slice(0, 60)}…` : text || t("audit.emptyValue");

/** The names of what changed, one change itself; the drawer has the values. */
function summary(r: AuditRow): string {
	const all = differences(r);
	const [one] = all;
	if (one && all.length === 1)
		return `${r.subject === "option" ? "" : `${one.path.join(" › ")}: `}${one.before !== undefined ? `${short(one.before)} → ` : ""}${short(one.after ?? "")}`;
	const names = [...new Set(all.map((d) => d.path[d.path[0] === "value" && d.path.length > 1 ? 1 : d.path.length - 1]!))];
	return names.length > 6 ? `${names.slice(0, 6).join(", ")} …` : names.join(", ");
}

const columns = (): Column<AuditRow>[] => [
	{ id: "time", title: t("audit.when"), fixed: true, phone: "fact", cell: (r) => <span title={f.exact(r.created_at)}>{f.when(r.created_at)}</span> },
	{ id: "who", title: t("audit.who"), phone: "fact", cell: (r) => r.username || `#${r.user_id}` },
	{ id: "what", title: t("audit.what"), phone: "side", cell: (r) => { const sort = sortOf(r); return <Pill {...looks[sort]} title={r.action}>{t(`audit.${sort}`)}</Pill>; } },
	{ id: "object", title: t("audit.object"), phone: "main", cell: (r) => <>{subjectName(r.subject)} <span class="quiet">{r.subject_id}</span></> },
	{ id: "members", title: t("audit.members"), cell: (r) => { const text = summary(r); return text ? <span title={text}>{text}</span> : <code class="quiet small">{r.action}</code>; } },
	{ id: "address", title: t("audit.address"), extra: true, cell: (r) => r.address || <span class="quiet">–</span> },
];

function Span() {
	const { query } = route.value;
	const custom = query.range === "custom";
	const now = Math.floor(Date.now() / 1000);
	const field = (name: "from" | "to", label: string, otherwise: number) => (
		<input class="input" type="datetime-local" aria-label={label} value={toLocalInput(Number(query[name]) || otherwise)} onChange={(e) => setQuery({ [name]: fromLocalInput(e.currentTarget.value) ?? "", p: "" })} />
	);
	return (
		<>
			<select class="input" aria-label={t("audit.range")} value={query.range ?? ""} onChange={(e) => setQuery({ range: e.currentTarget.value, from: e.currentTarget.value === "custom" ? now - 86400 : "", to: "", p: "" })}>
				<option value="">{t("audit.ever")}</option>
				{Object.keys(ranges).map((r) => <option key={r} value={r}>{t(`audit.range.${r}` as Key)}</option>)}
				<option value="custom">{t("audit.range.custom")}</option>
			</select>
			{custom && <>{field("from", t("audit.from"), now - 86400)}{field("to", t("audit.to"), now)}</>}
		</>
	);
}

/** A moving start is cut to the minute, so that it can be cached. */
function spanOf(query: Record<string, string>): { start_timestamp?: number; end_timestamp?: number } {
	if (query.range === "custom")
		return { ...(query.from ? { start_timestamp: Number(query.from) } : {}), ...(query.to ? { end_timestamp: Number(query.to) } : {}) };
	const length = ranges[query.range ?? ""];
	return length ? { start_timestamp: Math.floor(Date.now() / 60_000) * 60 - length } : {};
}

export default function Audit() {
	const { query } = route.value;
	const span = spanOf(query);
	const list = useList<AuditRow>({ name: "audit", path: "audit", filters: ["subject", "subject_id", "user_id"], params: span });
	const all = columns();
	const opened = query.open ? list.rows?.find((r) => String(r.id) === query.open) : undefined;
	const who = list.rows?.find((r) => String(r.user_id) === query.user_id)?.username;
	if (!can("audit"))
		return <><PageHead title={t("nav.audit")} /><div class="card"><Empty text={t("audit.none")} /></div></>;
	return (
		<>
			<PageHead title={t("nav.audit")} />
			<ListTools list={list} columns={all}>
				<Span />
				<Filter list={list} name="subject" label={t("audit.object")} options={subjects.map((s) => ({ value: s, label: t(`audit.subject.${s}`) }))} />
				<Administrators value={query.user_id ?? ""} />
				{query.subject_id && <Chip text={t("audit.isObject", { id: query.subject_id })} onRemove={() => setQuery({ subject_id: "", p: "" })} />}
				{query.user_id && <Chip text={t("audit.isWho", { name: who ?? `#${query.user_id}` })} onRemove={() => setQuery({ user_id: "", p: "" })} />}
				<SavedViews name="audit" />
			</ListTools>
			<ListTable list={list} columns={all} rowKey={(r) => r.id} rowName={(r) => `${r.username} ${r.subject_id}`} onOpen={(r) => setQuery({ open: r.id })}
				menu={(r) => [
					{ label: t("audit.open"), run: () => setQuery({ open: r.id }) },
					r.user_id > 0 && { label: t("audit.onlyWho", { name: r.username }), run: () => setQuery({ user_id: r.user_id, p: "" }) },
					r.subject_id !== "" && { label: t("audit.onlyObject"), run: () => setQuery({ subject: r.subject, subject_id: r.subject_id, p: "" }) },
				]}
				empty={<Empty text={t(query.range ? "audit.emptyRange" : "audit.empty")}>{query.range && <Button onClick={() => setQuery({ range: "", from: "", to: "", p: "" })}>{t("audit.ever")}</Button>}</Empty>} />
			{opened && <Detail row={opened} onClose={() => setQuery({ open: "" })} />}
		</>
	);
}

interface Person {
	id: number;
	username: string;
	role: number;
}

/** Those of the first users who may change things; others are found by a row of theirs. */
function Administrators({ value }: { value: string }) {
	const users = useResource<Person[]>(`user/?p=0${can("list.paging") ? "&page_size=100" : ""}`);
	const able = (users.data ?? []).filter((u) => u.role >= 10);
	return able.length > 1 ? (
		<select class="input" aria-label={t("audit.who")} value={able.some((u) => String(u.id) === value) ? value : ""} onChange={(e) => setQuery({ user_id: e.currentTarget.value, p: "" })}>
			<option value="">{t("audit.who")}</option>
			{able.map((u) => <option key={u.id} value={String(u.id)}>{u.username}</option>)}
		</select>
	) : null;
}
