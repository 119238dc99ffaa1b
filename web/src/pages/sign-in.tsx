// sign-in.tsx — /login: user and password, and the other ways that the operator opened
import { useState } from "preact/hooks";
import { get } from "../api/client";
import { firstRun, loadMe, role, signIn, status } from "../api/session";
import { ROLE } from "../api/types";
import { t } from "../i18n";
import { parseHash } from "../lib/query";
import { go, href, route } from "../lib/router";
import { leaveFor, signInSites } from "../lib/sign-in-sites";
import { Alone } from "../shell/alone";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { FormFault, SecretField, TextField } from "../ui/field";
import { useForm } from "../ui/form";
import { Banner } from "../ui/state";

/** A gateway without any channel has not been set up yet. */
async function isFresh(): Promise<boolean> {
	if (firstRun.value)
		return true;
	return role.value >= ROLE.root && (await get<unknown[]>("channel/?p=0").catch(() => [null])).length === 0;
}

/** Back to the page that asked; only ever within this UI. */
async function goOn(): Promise<void> {
	const next = parseHash(route.value.query.next ?? "");
	const path = next.path.map(encodeURIComponent).join("/");
	if ((path === "" || path === "overview") && await isFresh())
		go("setup");
	else
		go(path || "overview", next.query);
}

function WeChat({ onClose }: { onClose(): void }) {
	const form = useForm({ code: "" }, { code: (v) => v.trim() ? "" : t("form.required") });
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		const ok = await form.submit(async (v) => {
			await get(`oauth/wechat?code=${encodeURIComponent(v.code.trim())}`, { guest: true });
			await loadMe();
		});
		if (ok)
			await goOn();
	};
	return (
		<Dialog title={t("home.wechat")} onClose={onClose}>
			<form class="stack" onSubmit={send} noValidate>
				{status.value?.wechat_qrcode && <img src={status.value.wechat_qrcode} alt={t("home.wechatCode")} width={200} height={200} />}
				<p>{t("home.wechatHint")}</p>
				<TextField form={form} name="code" label={t("home.code")} />
				<FormFault form={form} />
				<div class="foot"><Button kind="main" submit busy={form.busy}>{t("signIn")}</Button></div>
			</form>
		</Dialog>
	);
}

function Others() {
	const [weChat, setWeChat] = useState(false);
	const sites = signInSites.filter((s) => s.on());
	if (sites.length === 0 && !status.value?.wechat_login)
		return null;
	return (
		<div class="stack tight">
			{sites.map((s) => <Button key={s.id} onClick={() => leaveFor(s)}>{t("home.with", { name: s.name })}</Button>)}
			{status.value?.wechat_login && <Button onClick={() => setWeChat(true)}>{t("home.with", { name: t("home.wechatName") })}</Button>}
			{weChat && <WeChat onClose={() => setWeChat(false)} />}
		</div>
	);
}

export default function SignIn() {
	const form = useForm({ username: "", password: "" }, {
		username: (v) => v.trim() ? "" : t("form.required"),
		password: (v) => v ? "" : t("form.required"),
	});
	const byPassword = status.value?.password_login !== false;
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		if (await form.submit((v) => signIn(v.username.trim(), v.password)))
			await goOn();
		else if (form.values.username && form.values.password)
			document.querySelector<HTMLInputElement>('input[name="password"]')?.select();
	};
	return (
		<Alone title={t("signIn")}>
			{route.value.query.expired && <Banner>{t("home.expired")}</Banner>}
			{!byPassword && <Others />}
			<form class="stack" onSubmit={send} noValidate>
				<TextField form={form} name="username" label={t("home.userOrMail")} autocomplete="username" autofocus />
				<SecretField form={form} name="password" label={t("password")} autocomplete="current-password" />
				<FormFault form={form} />
				<Button kind={byPassword ? "main" : undefined} submit busy={form.busy}>{t("signIn")}</Button>
			</form>
			{byPassword && <Others />}
			<div class="row spread">
				{status.value?.register !== false && <a href={href("register")}>{t("home.register")}</a>}
				<a href={href("reset")}>{t("home.forgot")}</a>
			</div>
		</Alone>
	);
}
