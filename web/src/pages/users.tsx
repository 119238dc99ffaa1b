// users.tsx — who may use the gateway, and with how much
import { can } from "../api/session";
import { ROLE, type User } from "../api/types";
import { t } from "../i18n";
import * as f from "../lib/format";
import { go, href, route } from "../lib/router";
import type { PageProps } from "../shell/routes";
import { Button, LinkButton } from "../ui/button";
import { Filter, ListTable, ListTools, type Column } from "../ui/list";
import { Empty, PageHead, Pill } from "../ui/state";
import { toastUndo } from "../ui/toast";
import { useList } from "../ui/use-list";
import { manage, mayActOn, UserEditor } from "./users/editor";

const roleName = (role: number): string => t(role >= ROLE.root ? "users.role.root" : role >= ROLE.admin ? "users.role.admin" : "users.role.user");

async function toggle(user: User): Promise<void> {
	const on = user.status === 1;
	await manage(user, on ? "disable" : "enable");
	toastUndo(t(on ? "users.disabled" : "users.enabled", { name: user.username }), () => manage(user, on ? "enable" : "disable"));
}

const columns = (): Column<User>[] => [
	{ id: "name", title: t("username"), fixed: true, phone: "main", cell: (u) => <><bdi>{u.username}</bdi> <span class="quiet">#{u.id}</span></> },
	{ id: "display", title: t("users.display"), cell: (u) => u.display_name },
	{ id: "role", title: t("users.role"), cell: (u) => roleName(u.role) },
	{ id: "group", title: t("users.group"), cell: (u) => u.group },
	{ id: "state", title: t("users.state"), phone: "side", cell: (u) => u.status === 1 ? <Pill shape="●">{t("users.on")}</Pill> : <Pill tone="off" shape="○">{t("users.off")}</Pill> },
	{ id: "balance", title: t("users.balance"), num: true, order: "quota", phone: "fact", cell: (u) => <span title={f.quotaHint(u.quota)}>{f.quota(u.quota)}</span> },
	{ id: "used", title: t("users.used"), num: true, order: "used_quota", phone: "fact", cell: (u) => <span title={f.quotaHint(u.used_quota)}>{f.quota(u.used_quota)}</span> },
	{ id: "requests", title: t("users.requests"), num: true, order: "request_count", cell: (u) => f.number(u.request_count) },
	{ id: "mail", title: t("users.mail"), extra: true, cell: (u) => u.email },
];

export default function Users({ params }: PageProps) {
	const list = useList<User>({ name: "users", path: "user/", search: "user/search", filters: can("list.filter") ? ["role", "status"] : [], orders: ["quota", "used_quota", "request_count"] });
	const all = columns();
	const close = (): void => go("users", route.value.query);
	return (
		<>
			<PageHead title={t("nav.users")}><Button kind="main" icon="plus" onClick={() => go("users/new", route.value.query)}>{t("users.new")}</Button></PageHead>
			<ListTools list={list} hint={t("users.search")} columns={all}>
				{can("list.filter") && <Filter list={list} name="role" label={t("users.role")} options={[ROLE.user, ROLE.admin, ROLE.root].map((r) => ({ value: r, label: roleName(r) }))} />}
				{can("list.filter") && <Filter list={list} name="status" label={t("users.state")} options={[{ value: 1, label: t("users.on") }, { value: 2, label: t("users.off") }]} />}
			</ListTools>
			<ListTable list={list} columns={all} rowKey={(u) => u.id} rowName={(u) => u.username} onOpen={(u) => go(`users/${u.id}`, route.value.query)}
				menu={(u) => [
					{ label: t("edit"), run: () => go(`users/${u.id}`, route.value.query) },
					{ label: t("users.activity"), href: href("logs", { username: u.username, range: "7d" }) },
					mayActOn(u) && u.role < ROLE.root && { label: t(u.status === 1 ? "users.disable" : "users.enable"), run: () => toggle(u) },
				]}
				empty={<Empty text={t("users.empty")}><LinkButton kind="main" href={href("users/new")}>{t("users.new")}</LinkButton></Empty>} />
			{params.id && <UserEditor id={params.id} onClose={close} />}
		</>
	);
}
