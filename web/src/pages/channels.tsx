// channels.tsx — the upstream accounts: what is broken, and the controls for one or many
import { useState } from "preact/hooks";
import { call, del, put } from "../api/client";
import { invalidate, useResource } from "../api/resource";
import { can } from "../api/session";
import type { Channel } from "../api/types";
import { balanceText, providerOf, providers } from "../data/providers";
import { language, t, tn } from "../i18n";
import { allChannels, results, testChannel, testJob } from "../lib/channel-test";
import { copy } from "../lib/copy";
import * as f from "../lib/format";
import { startJob } from "../lib/job";
import { go, href, route, setQuery } from "../lib/router";
import { splitNames } from "../lib/text";
import type { PageProps } from "../shell/routes";
import { Button, LinkButton } from "../ui/button";
import { confirm } from "../ui/dialog";
import { Check } from "../ui/field";
import { InlineNumber } from "../ui/inline-number";
import { Filter, ListTable, ListTools, type Column } from "../ui/list";
import { Menu, type MenuItem } from "../ui/menu";
import { SavedViews } from "../ui/saved-views";
import { Banner, Empty, PageHead, Pill } from "../ui/state";
import { toast, toastUndo } from "../ui/toast";
import { useList } from "../ui/use-list";
import { bandsOf } from "./channels/bands";
import { applyChange, BulkEdit, planChange } from "./channels/bulk";
import { ChannelEditor } from "./channels/editor";
import { ImportChannels } from "./channels/import";
import { ModelTest } from "./channels/model-test";
import { ServerJobs, startOnServer } from "./channels/server-jobs";

const slow = 3000, verySlow = 5000;

function State({ c }: { c: Channel }) {
	if (c.status === 1)
		return <Pill shape="●">{t("channels.on")}</Pill>;
	return c.status === 3 ? <Pill tone="warn" shape="▲">{t("channels.auto")}</Pill> : <Pill tone="off" shape="○">{t("channels.off")}</Pill>;
}

function LastTest({ c }: { c: Channel }) {
	const result = results.value[c.id];
	const at = result ? result.at / 1000 : c.test_time;
	const ms = result ? result.seconds * 1000 : c.response_time;
	if (!at)
		return <span class="quiet">{t("channels.untested")}</span>;
	const failed = result ? !result.ok : ms === 0;
	if (failed)
		return <Pill tone="danger" shape="◆" title={result?.text ?? ""}>{t("channels.failed")}</Pill>;
	return (
		<span title={f.exact(at)}>
			<span class={ms > verySlow ? "danger" : ms > slow ? "warn" : ""}>{f.elapsed(ms)}{ms > slow && " !"}</span> <span class="quiet">{f.when(at)}</span>
		</span>
	);
}

function Balance({ c }: { c: Channel }) {
	const text = balanceText(c.type, c.balance, language.value);
	return text === null || !c.balance_updated_time ? <span class="quiet">–</span>
		: <span class={c.balance < 1 ? "danger" : ""} title={f.exact(c.balance_updated_time)}>{text}</span>;
}

const save = (c: Channel, change: Partial<Channel>) => async (): Promise<void> => {
	await put("channel/", { id: c.id, ...change });
	invalidate("channel/");
};

async function setStatus(c: Channel, status: 1 | 2): Promise<void> {
	const before = c.status === 1 ? 1 : 2;
	await save(c, { status })();
	toastUndo(t(status === 1 ? "channels.enabled" : "channels.disabled", { name: c.name }), save(c, { status: before }));
}

async function setNumber(c: Channel, name: "priority" | "weight", value: number): Promise<void> {
	await save(c, { [name]: value })();
	toastUndo(t(`channels.${name}Set`, { name: c.name, n: value }), save(c, { [name]: c[name] }));
}

const columns = (): Column<Channel>[] => [
	{ id: "name", title: t("channels.name"), order: "name", fixed: true, phone: "main", cell: (c) => <><bdi>{c.name}</bdi> <span class="quiet">#{c.id}</span></> },
	{ id: "provider", title: t("channels.provider"), cell: (c) => providerOf(c.type).name },
	{ id: "state", title: t("channels.state"), phone: "side", order: "status", cell: (c) => <State c={c} /> },
	{ id: "test", title: t("channels.lastTest"), order: "response_time", phone: "fact", cell: (c) => <LastTest c={c} /> },
	{ id: "balance", title: t("channels.balance"), num: true, order: "balance", phone: "fact", cell: (c) => <Balance c={c} /> },
	{ id: "priority", title: t("channels.priority"), num: true, order: "priority", cell: (c) => <InlineNumber value={c.priority} label={t("channels.priorityOf", { name: c.name })} onSave={(n) => setNumber(c, "priority", n)} /> },
	{ id: "weight", title: t("channels.weight"), num: true, order: "weight", cell: (c) => <InlineNumber value={c.weight} label={t("channels.weightOf", { name: c.name })} onSave={(n) => setNumber(c, "weight", n)} /> },
	{ id: "models", title: t("channels.models"), num: true, cell: (c) => <span title={splitNames(c.models).join("\n")}>{splitNames(c.models).length}</span> },
	{ id: "groups", title: t("channels.groups"), extra: true, cell: (c) => splitNames(c.group).join(", ") },
	{ id: "used", title: t("channels.used"), num: true, order: "used_quota", extra: true, cell: (c) => <span title={f.quotaHint(c.used_quota)}>{f.quota(c.used_quota)}</span> },
	{ id: "created", title: t("channels.created"), order: "created_time", extra: true, cell: (c) => <span title={f.exact(c.created_time)}>{f.when(c.created_time)}</span> },
	...(can("channel.tag") ? [{ id: "tag", title: t("channels.tag"), cell: (c: Channel) => c.tag ?? "" }] : []),
];

async function remove(rows: Channel[]): Promise<void> {
	const name = rows.length === 1 ? rows[0]!.name : tn("channels.count", rows.length);
	if (!await confirm({
		title: t("channels.deleteTitle", { name }), text: rows.length > 1 ? rows.map((c) => c.name).join(", ") : t("channels.deleteText"),
		yes: t("channels.delete", { name }), bad: true, ...(rows.length > 1 ? { word: t("channels.deleteWord") } : {}),
	}))
		return;
	if (rows.length === 1) {
		await del(`channel/${rows[0]!.id}/`);
		invalidate("channel/");
		return;
	}
	startJob({
		title: t("channels.deleting"), items: rows, gap: 120, label: (c) => c.name,
		run: async (c) => { await del(`channel/${c.id}/`); }, finished: () => invalidate("channel/"),
	});
}

async function disable(rows: Channel[]): Promise<void> {
	await applyChange(t("channels.disabling"), planChange(rows, () => ({ status: 2 })));
}

/** What failed is named when the job ends; those that the server's own rules have switched off are done. */
async function test(rows: Channel[]): Promise<void> {
	if (rows.length === 0)
		return toast(t("channels.nothing"));
	testJob(rows, (failed) => {
		const on = failed.filter((c) => c.status === 1 && !results.value[c.id]?.action);
		if (on.length > 0)
			void confirm({ title: tn("channels.failedTitle", on.length), text: on.map((c) => c.name).join(", "), yes: tn("channels.disableFailed", on.length) })
				.then((yes) => yes ? disable(on) : undefined);
	});
}

function refreshBalances(rows: Channel[]): void {
	const known = rows.filter((c) => providerOf(c.type).balance);
	if (known.length === 0)
		return toast(t("channels.noBalance"));
	startJob<Channel>({
		title: t("channels.balances"), items: known, label: (c) => c.name,
		run: async (c) => {
			const answer = await call<never>("GET", `channel/update_balance/${c.id}/`) as unknown as { balance: number };
			return balanceText(c.type, answer.balance, language.value) ?? "";
		},
		finished: () => invalidate("channel/"),
	});
}

async function deleteDisabled(): Promise<void> {
	const off = (await allChannels()).filter((c) => c.status !== 1);
	if (off.length === 0)
		return toast(t("channels.nothing"));
	if (!await confirm({ title: tn("channels.deleteOff", off.length), text: off.map((c) => c.name).join(", "), yes: tn("channels.deleteOffYes", off.length), bad: true, word: t("channels.deleteWord") }))
		return;
	await del("channel/disabled");
	invalidate("channel/");
}

/** Why it failed, and what usually helps. */
function below(c: Channel) {
	const result = results.value[c.id];
	if (!result && c.status === 3 && c.disabled_reason)
		return <div class="row"><span class="warn">{t("channels.offBecause", { when: f.when(c.disabled_time ?? 0), reason: c.disabled_reason })}</span></div>;
	return result && !result.ok ? (
		<div class="row"><span class="danger">{result.text}</span>
			<Button small onClick={() => testChannel(c.id)}>{t("channels.test")}</Button>
			<Button small onClick={() => go(`channels/${c.id}`, route.value.query)}>{t("channels.editKey")}</Button>
			{c.status === 1 && <Button small onClick={() => setStatus(c, 2)}>{t("channels.disable")}</Button>}
		</div>
	) : null;
}

const passes = (c: Channel, x: Record<string, string>): boolean =>
	(!x.type || String(c.type) === x.type) && (!x.status || String(c.status) === x.status) &&
	(!x.group || splitNames(c.group).includes(x.group)) && (!x.model || splitNames(c.models).includes(x.model));

const withoutKey = (c: Channel): string => JSON.stringify({ ...c, key: undefined, id: undefined }, null, 2);

export default function Channels({ params }: PageProps) {
	const filters = can("list.filter") || can("channel.filter") ? ["type", "status", "group", "model"] : [];
	const list = useList<Channel>({ name: "channels", path: "channel/", search: "channel/search", filters, passes, sorts: "channel.sort" });
	const groups = useResource<string[]>(filters.length ? "group/" : null);
	const served = useResource<string[]>(filters.length ? "user/available_models" : null);
	const [jobs, setJobs] = useState(false);
	const [importing, setImporting] = useState(false);
	const [models, setModels] = useState<Channel | null>(null);
	const [bulk, setBulk] = useState<Channel[] | null>(null);
	const all = columns();
	const banded = list.sorts && !list.keyword && route.value.query.bands === "1" && list.order === "priority";
	const bands = banded && !list.stale ? bandsOf(list.rows ?? [], list.page === 0, !list.hasNext) : null;
	const close = (): void => go("channels", { ...route.value.query, copy: "" });
	const open = (c: Channel): void => go(`channels/${c.id}`, route.value.query);
	const menu = (c: Channel): MenuItem[] => [
		{ label: t("channels.test"), run: () => testOne(c) },
		{ label: t("channels.testModelsMenu"), run: () => setModels(c) },
		...(providerOf(c.type).balance ? [{ label: t("channels.refreshBalance"), run: () => refreshBalances([c]) }] : []),
		{ label: t("edit"), run: () => open(c) },
		{ label: t("channels.duplicate"), run: () => go("channels/new", { ...route.value.query, copy: c.id }) },
		{ label: t("channels.copyJson"), run: () => copy(withoutKey(c)) },
		{ label: t("channels.logs"), href: href("logs", { channel: c.id }) },
		{ label: t(c.status === 1 ? "channels.disable" : "channels.enable"), run: () => setStatus(c, c.status === 1 ? 2 : 1) },
		{ label: t("delete"), bad: true, line: true, run: () => remove([c]) },
	];
	const testOne = async (c: Channel): Promise<void> => {
		const result = await testChannel(c.id);
		invalidate("channel/?", "channel/search");
		if (result.ok)
			toast(t("channels.testOk", { name: c.name, time: f.elapsed(result.seconds * 1000), text: result.text }));
	};
	const auto = list.rows?.filter((c) => c.status === 3) ?? [];
	return (
		<>
			<PageHead title={t("nav.channels")}>
				<Menu label={t("channels.testMenu")} items={[
					{ label: t("channels.testAll"), run: async () => test(await allChannels()) },
					{ label: t("channels.testOff"), run: async () => test((await allChannels()).filter((c) => c.status !== 1)) },
					{ label: t("channels.testPage"), run: () => test(list.rows ?? []) },
					...(can("jobs") ? [{ label: t("jobs.testServer"), line: true, run: () => startOnServer("test") }, { label: t("jobs.balanceServer"), run: () => startOnServer("balance") }, { label: t("jobs.list"), run: () => setJobs(true) }] : []),
					{ label: t("channels.allBalances"), line: true, run: async () => refreshBalances(await allChannels()) },
					{ label: t("channels.deleteOffMenu"), bad: true, run: deleteDisabled },
				]} />
				<span class="wide-only"><Button onClick={() => setImporting(true)}>{t("channels.import")}</Button></span>
				<Button kind="main" icon="plus" onClick={() => go("channels/new", route.value.query)}>{t("channels.new")}</Button>
			</PageHead>
			{auto.length > 0 && <Banner tone="warn">{tn("channels.autoCount", auto.length, { names: auto.map((c) => c.name).join(", ") })}</Banner>}
			<ListTools list={list} hint={t("channels.search")} columns={all}>
				{filters.length > 0 && (
					<>
						<Filter list={list} name="type" label={t("channels.provider")} options={providers.map((p) => ({ value: p.id, label: p.name }))} />
						<Filter list={list} name="status" label={t("channels.state")} options={[{ value: 1, label: t("channels.on") }, { value: 3, label: t("channels.auto") }, { value: 2, label: t("channels.off") }]} />
						<Filter list={list} name="group" label={t("channels.groups")} options={(groups.data ?? []).map((g) => ({ value: g, label: g }))} />
						<Filter list={list} name="model" label={t("channels.models")} options={[...new Set([...served.data ?? [], ...list.filters.model ? [list.filters.model] : []])].map((m) => ({ value: m, label: m }))} />
						{list.sorts && !list.keyword && <Check label={<span title={t("channels.bandsText")}>{t("channels.bands")}</span>} checked={banded} onChange={(on) => setQuery({ bands: on ? 1 : "", order: on ? "priority" : "", p: "" })} />}
						<SavedViews name="channels" />
					</>
				)}
			</ListTools>
			{banded && <p class="quiet small">{t("channels.bandsText")}</p>}
			<ListTable list={list} columns={all} rowKey={(c) => c.id} band={(_, i) => { const b = bands?.get(i); return b && <>{t(`channels.turn.${b.turn}`)} · {t("channels.priority")} {b.priority}</>; }} rowName={(c) => c.name} onOpen={open} menu={menu} below={below}
				action={(c) => <Button small onClick={() => testOne(c)}>{t("channels.test")}</Button>}
				pickAll={can("channel.batch") && can("list.paging")}
				picked={({ read, clear }) => (
					<>
						<Button small onClick={async () => test(await read())}>{t("channels.test")}</Button>
						<Button small onClick={async () => { await applyChange(t("channels.enabling"), planChange(await read(), () => ({ status: 1 }))); clear(); }}>{t("channels.enable")}</Button>
						<Button small onClick={async () => { await disable(await read()); clear(); }}>{t("channels.disable")}</Button>
						<Button small onClick={async () => setBulk(await read())}>{t("channels.editMany")}</Button>
						<Button small onClick={async () => refreshBalances(await read())}>{t("channels.refreshBalance")}</Button>
						<Button small kind="bad" onClick={async () => { await remove(await read()); clear(); }}>{t("delete")}</Button>
					</>
				)}
				empty={<Empty text={t("channels.empty")}><LinkButton kind="main" href={href("channels/new")}>{t("channels.first")}</LinkButton></Empty>} />
			{params.id && <ChannelEditor id={params.id} copyOf={route.value.query.copy} onClose={close} />}
			{models && <ModelTest channel={models} onClose={() => setModels(null)} />}
			{jobs && <ServerJobs onClose={() => setJobs(false)} />}
			{importing && <ImportChannels onClose={() => setImporting(false)} />}
			{bulk && <BulkEdit channels={bulk} onClose={() => setBulk(null)} />}
		</>
	);
}
