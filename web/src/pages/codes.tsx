// codes.tsx — codes that customers redeem for balance
import { del, put } from "../api/client";
import { invalidate } from "../api/resource";
import { can } from "../api/session";
import type { Code } from "../api/types";
import { t } from "../i18n";
import * as f from "../lib/format";
import { go, href, route } from "../lib/router";
import type { PageProps } from "../shell/routes";
import { Button, LinkButton } from "../ui/button";
import { CopyIcon } from "../ui/copy";
import { confirm } from "../ui/dialog";
import { Filter, ListTable, ListTools, type Column } from "../ui/list";
import { Empty, PageHead, Pill } from "../ui/state";
import { toastUndo } from "../ui/toast";
import { useList } from "../ui/use-list";
import { CodeEditor } from "./codes/editor";

function State({ code }: { code: Code }) {
	if (code.status === 1)
		return <Pill shape="●">{t("codes.state.1")}</Pill>;
	return <Pill tone="off" shape="○">{t(code.status === 3 ? "codes.state.3" : "codes.state.2")}</Pill>;
}

const columns = (): Column<Code>[] => [
	{ id: "name", title: t("codes.name"), fixed: true, phone: "main", cell: (c) => <>{c.name} <span class="quiet">#{c.id}</span></> },
	{ id: "code", title: t("codes.code"), cell: (c) => <span class="row fixed"><code>{c.key.slice(0, 4)}…{c.key.slice(-4)}</code><CopyIcon text={c.key} label={t("codes.copyOf", { name: c.name })} /></span> },
	{ id: "value", title: t("codes.value"), num: true, phone: "fact", cell: (c) => <span title={f.quotaHint(c.quota)}>{f.quota(c.quota)}</span> },
	{ id: "state", title: t("codes.state"), phone: "side", cell: (c) => <State code={c} /> },
	{ id: "created", title: t("codes.created"), phone: "fact", cell: (c) => <span title={f.exact(c.created_time)}>{f.when(c.created_time)}</span> },
	{ id: "user", title: t("codes.user"), cell: (c) => c.status === 3 && c.user_id ? <a href={href(`users/${c.user_id}`)}>#{c.user_id}</a> : <span class="quiet">–</span> },
	{ id: "redeemed", title: t("codes.redeemed"), cell: (c) => <span title={f.exact(c.redeemed_time)}>{f.when(c.redeemed_time)}</span> },
];

async function setStatus(code: Code, status: 1 | 2): Promise<void> {
	await put("redemption/?status_only=true", { id: code.id, status });
	invalidate("redemption/");
}

async function toggle(code: Code): Promise<void> {
	const on = code.status === 1;
	await setStatus(code, on ? 2 : 1);
	toastUndo(t(on ? "codes.disabled" : "codes.enabled", { name: code.name }), () => setStatus(code, on ? 1 : 2));
}

async function remove(code: Code): Promise<void> {
	if (!await confirm({ title: t("codes.deleteTitle", { name: code.name }), text: t("codes.deleteText"), yes: t("codes.delete", { name: code.name }), bad: true }))
		return;
	await del(`redemption/${code.id}/`);
	invalidate("redemption/");
}

export default function Codes({ params }: PageProps) {
	const list = useList<Code>({ name: "codes", path: "redemption/", search: "redemption/search", filters: can("list.filter") || can("code.filter") ? ["status"] : [], passes: (c: Code, x) => !x.status || String(c.status) === x.status });
	const all = columns();
	const open = (c: Code): void => go(`codes/${c.id}`, route.value.query);
	return (
		<>
			<PageHead title={t("nav.codes")}><Button kind="main" icon="plus" onClick={() => go("codes/new", route.value.query)}>{t("codes.new")}</Button></PageHead>
			<ListTools list={list} hint={t("codes.search")} columns={all}>
				{list.filters.status !== undefined && <Filter list={list} name="status" label={t("codes.state")} options={([1, 2, 3] as const).map((s) => ({ value: s, label: t(`codes.state.${s}`) }))} />}
			</ListTools>
			<ListTable list={list} columns={all} rowKey={(c) => c.id} rowName={(c) => c.name} onOpen={open}
				menu={(c) => [
					{ label: t("edit"), run: () => open(c) },
					c.status !== 3 && { label: t(c.status === 1 ? "codes.disable" : "codes.enable"), run: () => toggle(c) },
					{ label: t("delete"), bad: true, line: true, run: () => remove(c) },
				]}
				empty={<Empty text={t("codes.empty")}><LinkButton kind="main" href={href("codes/new")}>{t("codes.new")}</LinkButton></Empty>} />
			{params.id && <CodeEditor id={params.id} onClose={() => go("codes", route.value.query)} />}
		</>
	);
}
