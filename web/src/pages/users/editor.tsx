// editor.tsx — /users/new and /users/:id: profile, balance, activity, danger
import { useState } from "preact/hooks";
import { post, put } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { currency, me, role } from "../../api/session";
import { ROLE, type User } from "../../api/types";
import { t } from "../../i18n";
import * as f from "../../lib/format";
import { parseAmount } from "../../lib/money";
import { href } from "../../lib/router";
import { Button, LinkButton } from "../../ui/button";
import { confirm, Drawer } from "../../ui/dialog";
import { amountFault, FormFault, MoneyField, SecretField, Segments, SelectField, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Limits, maySetLimits } from "../../ui/limits";
import { Banner, Loaded } from "../../ui/state";
import { toast } from "../../ui/toast";

/** The rank rule: one may act on those below, root on everyone. */
export const mayActOn = (user: User): boolean => role.value > user.role || role.value >= ROLE.root;

const nameFault = (v: string): string => !v.trim() ? t("form.required") : [...v].length > 12 ? t("users.nameLong") : "";
const displayFault = (v: string): string => [...v].length > 20 ? t("users.displayLong") : "";

export async function manage(user: User, action: "enable" | "disable" | "promote" | "demote" | "delete"): Promise<void> {
	await post("user/manage", { username: user.username, action });
	invalidate("user/");
}

function NewUser({ onClose }: { onClose(): void }) {
	const form = useForm({ username: "", display_name: "", password: "" }, {
		username: nameFault, display_name: displayFault, password: (v) => v.length < 8 ? t("users.passwordShort") : "",
	});
	const save = async (): Promise<void> => {
		if (!await form.submit((v) => post("user/", { ...v, username: v.username.trim(), display_name: v.display_name.trim() || v.username.trim() })))
			return;
		invalidate("user/");
		toast(t("users.created", { name: form.values.username }));
		onClose();
	};
	return (
		<Drawer title={t("users.new")} onClose={onClose} dirty={form.dirty} onSubmit={save} footer={<><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" submit busy={form.busy}>{t("users.create")}</Button></>}>
			<TextField form={form} name="username" label={t("username")} hint={t("users.nameHint")} />
			<TextField form={form} name="display_name" label={t("users.display")} optional />
			<SecretField form={form} name="password" label={t("password")} hint={t("users.passwordHint")} />
			<FormFault form={form} />
		</Drawer>
	);
}

function Profile({ user, onClose }: { user: User; onClose(): void }) {
	const groups = useResource<string[]>("group/");
	const form = useForm({ username: user.username, display_name: user.display_name, password: "", email: user.email, group: user.group }, {
		username: (v) => v === user.username ? "" : nameFault(v), display_name: displayFault,
		password: (v) => v && v.length < 8 ? t("users.passwordShort") : "",
	});
	const save = async (e: Event): Promise<void> => {
		e.preventDefault();
		const done = await form.submit((v) => put("user/", { id: user.id, username: v.username.trim(), display_name: v.display_name.trim(), email: v.email.trim(), group: v.group, ...(v.password ? { password: v.password } : {}) }));
		if (!done)
			return;
		invalidate("user/");
		toast(t("form.saved"));
		onClose();
	};
	const names = [...new Set([user.group, ...groups.data ?? []])];
	const linked = (["github_id", "wechat_id", "lark_id", "oidc_id"] as const).filter((n) => user[n]);
	return (
		<form class="stack" onSubmit={save} noValidate>
			<TextField form={form} name="username" label={t("username")} />
			<TextField form={form} name="display_name" label={t("users.display")} optional />
			<SelectField form={form} name="group" label={t("users.group")} hint={t("users.groupHint")} options={names.map((g) => ({ value: g, label: g }))} />
			<TextField form={form} name="email" type="email" label={t("users.mail")} optional />
			<SecretField form={form} name="password" label={t("users.newPassword")} exists optional />
			{linked.length > 0 && <dl class="facts">{linked.map((n) => <><dt>{t(`users.${n}`)}</dt><dd>{user[n]}</dd></>)}</dl>}
			<FormFault form={form} />
			<div class="foot"><Button kind="main" submit busy={form.busy}>{t("save")}</Button></div>
		</form>
	);
}

function Balance({ user, onClose }: { user: User; onClose(): void }) {
	const [mode, setMode] = useState<"add" | "set">("add");
	const form = useForm({ amount: "", remark: "" }, { amount: (v) => amountFault(v, mode === "add" ? 1 : 0) });
	const units = parseAmount(form.values.amount, currency.value);
	const after = units === null ? null : mode === "add" ? user.quota + units : units;
	const save = async (e: Event): Promise<void> => {
		e.preventDefault();
		const done = await form.submit((v) => mode === "add"
			? post("topup", { user_id: user.id, quota: units, remark: v.remark.trim() })
			: put("user/", { id: user.id, username: user.username, quota: units }));
		if (!done)
			return;
		invalidate("user/");
		toast(t("form.saved"));
		onClose();
	};
	return (
		<form class="stack" onSubmit={save} noValidate>
			<dl class="facts">
				<dt>{t("users.balance")}</dt><dd title={f.quotaHint(user.quota)}>{f.quota(user.quota)}</dd>
				<dt>{t("users.used")}</dt><dd title={f.quotaHint(user.used_quota)}>{f.quota(user.used_quota)}</dd>
			</dl>
			<span><Segments label={t("users.balance")} value={mode} onChange={setMode} options={[{ value: "add", label: t("users.add") }, { value: "set", label: t("users.set") }]} /></span>
			<MoneyField form={form} name="amount" label={t(mode === "add" ? "users.addAmount" : "users.setAmount")} picks={[5, 20, 100]} />
			{mode === "add" && <TextField form={form} name="remark" label={t("users.remark")} hint={t("users.remarkHint")} optional />}
			{after !== null && <Banner>{t("users.beforeAfter", { before: f.quota(user.quota), after: f.quota(after) })}</Banner>}
			<FormFault form={form} />
			<div class="foot"><Button kind="main" submit busy={form.busy}>{t("save")}</Button></div>
		</form>
	);
}

function Danger({ user, onClose }: { user: User; onClose(): void }) {
	const act = (action: Parameters<typeof manage>[1], ask?: { title: string; text: string; yes: string }) => async (): Promise<void> => {
		if (ask && !await confirm({ ...ask, bad: action === "delete" }))
			return;
		await manage(user, action);
		toast(t("form.saved"));
		onClose();
	};
	const name = user.username;
	return (
		<div class="stack">
			<p class="second">{t(user.role >= ROLE.admin ? "users.adminMay" : "users.userMay")}</p>
			<div class="row">
				{role.value >= ROLE.root && user.role < ROLE.admin && <Button onClick={act("promote", { title: t("users.promoteTitle", { name }), text: t("users.adminMay"), yes: t("users.promote") })}>{t("users.promote")}</Button>}
				{user.role === ROLE.admin && <Button onClick={act("demote")}>{t("users.demote")}</Button>}
				<Button onClick={act(user.status === 1 ? "disable" : "enable")}>{t(user.status === 1 ? "users.disable" : "users.enable")}</Button>
				<Button kind="bad" onClick={act("delete", { title: t("users.deleteTitle", { name }), text: t("users.deleteText"), yes: t("users.delete", { name }) })}>{t("delete")}</Button>
			</div>
		</div>
	);
}

type Tab = "profile" | "balance" | "limits" | "danger";

function EditUser({ user, onClose }: { user: User; onClose(): void }) {
	const [tab, setTab] = useState<Tab>("profile");
	const limits: Tab[] = maySetLimits() ? ["limits"] : [];
	const tabs: Tab[] = user.role >= ROLE.root ? ["profile", "balance", ...limits] : ["profile", "balance", ...limits, "danger"];
	return (
		<Drawer title={user.display_name || user.username} onClose={onClose} footer={<LinkButton href={href("logs", { username: user.username, range: "7d" })}>{t("users.activity")}</LinkButton>}>
			{!mayActOn(user) || user.id === me.value?.id && role.value < ROLE.root
				? <Banner>{t("users.mayNot")}</Banner>
				: (
					<>
						<span><Segments label={t("users.section")} value={tab} onChange={setTab} options={tabs.map((x) => ({ value: x, label: t(`users.tab.${x}`) }))} /></span>
						{tab === "profile" && <Profile user={user} onClose={onClose} />}
						{tab === "balance" && <Balance user={user} onClose={onClose} />}
						{tab === "limits" && <Limits scope="user" subject={String(user.id)} />}
						{tab === "danger" && <Danger user={user} onClose={onClose} />}
					</>
				)}
		</Drawer>
	);
}

export function UserEditor({ id, onClose }: { id: string; onClose(): void }) {
	const user = useResource<User>(id === "new" ? null : `user/${encodeURIComponent(id)}`);
	if (id === "new")
		return <NewUser onClose={onClose} />;
	return user.data ? <EditUser user={user.data} onClose={onClose} /> : <Drawer title={t("nav.users")} onClose={onClose}><Loaded from={user}>{() => null}</Loaded></Drawer>;
}
