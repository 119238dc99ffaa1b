// keys.tsx — API keys: get one into a program, keep many under control
import { useState } from "preact/hooks";
import { del, put } from "../api/client";
import { invalidate } from "../api/resource";
import { can } from "../api/session";
import type { Key } from "../api/types";
import { t } from "../i18n";
import { apiBaseUrl } from "../lib/addresses";
import * as f from "../lib/format";
import { go, href, route } from "../lib/router";
import { fullKey, maskKey, splitNames } from "../lib/text";
import type { PageProps } from "../shell/routes";
import { Button, LinkButton } from "../ui/button";
import { CopyButton, CopyIcon } from "../ui/copy";
import { confirm } from "../ui/dialog";
import { Filter, ListTable, ListTools, type Column } from "../ui/list";
import { Bar, Empty, PageHead, Pill, type Tone } from "../ui/state";
import { toastUndo } from "../ui/toast";
import { useList } from "../ui/use-list";
import { Connect } from "./keys/connect";
import { KeyEditor } from "./keys/editor";

const soon = 7 * 86400;

/** The wire's status lags behind: a key is marked only when it is used next. */
export function stateOf(key: Key): 1 | 2 | 3 | 4 {
	if (key.status === 2)
		return 2;
	if (key.expired_time > 0 && key.expired_time * 1000 < Date.now())
		return 3;
	return !key.unlimited_quota && key.remain_quota <= 0 ? 4 : key.status as 1 | 3 | 4;
}

const looks: Record<1 | 2 | 3 | 4, { tone: Tone; shape: "●" | "○" | "▲" }> = {
	1: { tone: "", shape: "●" }, 2: { tone: "off", shape: "○" }, 3: { tone: "warn", shape: "▲" }, 4: { tone: "warn", shape: "▲" },
};

function State({ item }: { item: Key }) {
	const state = stateOf(item);
	return <Pill {...looks[state]}>{t(`keys.state.${state}`)}</Pill>;
}

function Left({ item }: { item: Key }) {
	if (item.unlimited_quota)
		return <span class="quiet">{t("keys.noLimit")}</span>;
	const share = item.remain_quota / Math.max(1, item.remain_quota + item.used_quota);
	return (
		<span class="row fixed" style={{ justifyContent: "flex-end" }} title={f.quotaHint(item.remain_quota)}>
			<span style={{ width: "56px" }}><Bar share={share} bad={share < 0.05} label={t("keys.leftShare", { share: f.percent(share) })} /></span>{f.quota(item.remain_quota)}
		</span>
	);
}

function Expires({ item }: { item: Key }) {
	if (item.expired_time <= 0)
		return <span class="quiet">{t("keys.never")}</span>;
	const near = item.expired_time - Date.now() / 1000 < soon;
	return <span class={near ? "warn" : ""} title={f.exact(item.expired_time)}>{f.when(item.expired_time)}{near && " !"}</span>;
}

const columns = (): Column<Key>[] => [
	{ id: "name", title: t("keys.name"), cell: (k) => k.name || `#${k.id}`, phone: "main", fixed: true },
	{
		id: "key", title: t("keys.key"),
		cell: (k) => <span class="row fixed"><code>{maskKey(k.key)}</code>{!can("key.once") && <CopyIcon text={fullKey(k.key)} label={t("keys.copyOf", { name: k.name })} />}</span>,
	},
	{ id: "state", title: t("keys.state"), cell: (k) => <State item={k} />, phone: "side" },
	{ id: "used", title: t("keys.used"), num: true, order: "used_quota", cell: (k) => <span title={f.quotaHint(k.used_quota)}>{f.quota(k.used_quota)}</span> },
	{ id: "left", title: t("keys.left"), num: true, order: "remain_quota", cell: (k) => <Left item={k} />, phone: "fact" },
	{ id: "expires", title: t("keys.expires"), cell: (k) => <Expires item={k} />, phone: "fact" },
	{ id: "models", title: t("keys.models"), extra: true, cell: (k) => <span title={k.models ?? ""}>{splitNames(k.models ?? "").length || t("keys.allModels")}</span> },
	{ id: "created", title: t("keys.createdAt"), extra: true, cell: (k) => <span title={f.exact(k.created_time)}>{f.when(k.created_time)}</span> },
	{ id: "accessed", title: t("keys.accessed"), extra: true, cell: (k) => <span title={f.exact(k.accessed_time)}>{f.when(k.accessed_time)}</span> },
];

async function setStatus(key: Key, status: 1 | 2): Promise<void> {
	// what must change first is asked for where it can be changed
	if (status === 1 && stateOf(key) > 2)
		return go(`keys/${key.id}`);
	await put("token/?status_only=true", { id: key.id, status });
	invalidate("token/");
	toastUndo(t(status === 1 ? "keys.enabled" : "keys.disabled", { name: key.name }), () => setStatus({ ...key, status }, status === 1 ? 2 : 1));
}

async function remove(keys: Key[]): Promise<void> {
	const name = keys.length === 1 ? keys[0]!.name : String(keys.length);
	const many = keys.length > 1;
	if (!await confirm({
		title: t("keys.deleteTitle", { name }), text: t("keys.deleteText"), yes: t("keys.delete", { name }), bad: true,
		...(many ? { word: t("keys.deleteWord") } : {}),
	}))
		return;
	for (const key of keys)
		await del(`token/${key.id}/`);
	invalidate("token/");
}

export default function Keys({ params }: PageProps) {
	const list = useList<Key>({ name: "keys", path: "token/", search: "token/search", filters: can("list.filter") ? ["status"] : [], orders: ["used_quota", "remain_quota"] });
	const [connect, setConnect] = useState<Key | null>(null);
	const close = (): void => go("keys", { ...route.value.query, copy: "" });
	const all = columns();
	return (
		<>
			<PageHead title={t("nav.keys")}><Button kind="main" icon="plus" onClick={() => go("keys/new", route.value.query)}>{t("keys.new")}</Button></PageHead>
			<div class="card row"><span class="second">{t("keys.base")}</span><code class="grow">{apiBaseUrl()}</code><CopyButton text={apiBaseUrl()} /></div>
			<ListTools list={list} hint={t("keys.search")} columns={all}>
				{can("list.filter") && <Filter list={list} name="status" label={t("keys.state")} options={[1, 2, 3, 4].map((s) => ({ value: s, label: t(`keys.state.${s as 1}`) }))} />}
			</ListTools>
			<ListTable list={list} columns={all} rowKey={(k) => k.id} rowName={(k) => k.name} onOpen={(k) => go(`keys/${k.id}`, route.value.query)}
				action={(k) => <Button small onClick={() => setConnect(k)}>{t("keys.connect")}</Button>}
				menu={(k) => [
					{ label: t("keys.connect"), run: () => setConnect(k) },
					{ label: t("keys.usage"), href: href("logs", { token_name: k.name }) },
					{ label: t("edit"), run: () => go(`keys/${k.id}`, route.value.query) },
					{ label: t("keys.duplicate"), run: () => go("keys/new", { ...route.value.query, copy: k.id }) },
					{ label: t(k.status === 2 || stateOf(k) > 2 ? "keys.enable" : "keys.disable"), run: () => setStatus(k, k.status === 2 || stateOf(k) > 2 ? 1 : 2) },
					{ label: t("delete"), bad: true, line: true, run: () => remove([k]) },
				]}
				picked={({ read, clear }) => (
					<>
						<Button small onClick={async () => { for (const k of await read()) await put("token/?status_only=true", { id: k.id, status: 2 }); invalidate("token/"); clear(); }}>{t("keys.disable")}</Button>
						<Button small kind="bad" onClick={async () => { await remove(await read()); clear(); }}>{t("delete")}</Button>
					</>
				)}
				empty={<Empty text={t("keys.empty")}><LinkButton kind="main" href={href("keys/new")}>{t("keys.first")}</LinkButton></Empty>} />
			{params.id && <KeyEditor id={params.id} copyOf={route.value.query.copy} onClose={close} />}
			{connect && <Connect item={connect} onClose={() => setConnect(null)} />}
		</>
	);
}
