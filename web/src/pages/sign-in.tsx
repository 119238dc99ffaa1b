// sign-in.tsx — /login: user and password, and the other ways that the operator opened
import { useState } from "preact/hooks";
import { get } from "../api/client";
import { firstRun, loadMe, role, secondStepOf, signIn, status, type SecondStep } from "../api/session";
import { ROLE } from "../api/types";
import { t } from "../i18n";
import { ownAddress } from "../lib/addresses";
import { parseHash } from "../lib/query";
import { go, href, route } from "../lib/router";
import { leaveFor, signInSites } from "../lib/sign-in-sites";
import { Alone } from "../shell/alone";
import { Turnstile } from "../ui/turnstile";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { FormFault, SecretField, TextField } from "../ui/field";
import { useForm } from "../ui/form";
import { SecondStepForm } from "../ui/second-step";
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
		go(path, next.query); // the empty path leads to the start page
}

function WeChat({ onClose, onStep }: { onClose(): void; onStep(step: SecondStep): void }) {
	const form = useForm({ code: "" }, { code: (v) => v.trim() ? "" : t("form.required") });
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		let step: SecondStep | null = null;
		const ok = await form.submit(async (v) => {
			await get(`oauth/wechat?code=${encodeURIComponent(v.code.trim())}`, { guest: true }).catch((x: unknown) => { step = secondStepOf(x); });
			if (!step)
				await loadMe();
		});
		if (ok && step)
			onStep(step);
		else if (ok)
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

function Others({ onStep }: { onStep(step: SecondStep): void }) {
	const [weChat, setWeChat] = useState(false);
	const sites = signInSites.filter((s) => s.on());
	if (sites.length === 0 && !status.value?.wechat_login)
		return null;
	return (
		<div class="stack tight">
			{sites.map((s) => <Button key={s.id} onClick={() => leaveFor(s)}>{t("home.with", { name: s.name })}</Button>)}
			{status.value?.wechat_login && <Button onClick={() => setWeChat(true)}>{t("home.with", { name: t("home.wechatName") })}</Button>}
			{weChat && <WeChat onClose={() => setWeChat(false)} onStep={onStep} />}
		</div>
	);
}

export default function SignIn() {
	const form = useForm({ username: "", password: "" }, {
		username: (v) => v.trim() ? "" : t("form.required"),
		password: (v) => v ? "" : t("form.required"),
	});
	const [step, setStep] = useState<SecondStep | null>(null);
	const [turnstile, setTurnstile] = useState("");
	const byPassword = status.value?.password_login !== false;
	const checked = !!status.value?.turnstile_login;
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		let next: SecondStep | null = null;
		if (await form.submit(async (v) => { next = await signIn(v.username.trim(), v.password, turnstile); }))
			return next ? setStep(next) : await goOn();
		if (form.values.username && form.values.password)
			document.querySelector<HTMLInputElement>('input[name="password"]')?.select();
	};
	if (step)
		return <Alone title={t("signIn")}><SecondStepForm step={step} onDone={goOn} onBack={() => setStep(null)} /></Alone>;
	return (
		<Alone title={t("signIn")}>
			{route.value.query.expired && <Banner>{t("home.expired")}</Banner>}
			{!byPassword && <Others onStep={setStep} />}
			<form class="stack" onSubmit={send} noValidate>
				<TextField form={form} name="username" label={t("home.userOrMail")} autocomplete="username" autofocus />
				<SecretField form={form} name="password" label={t("password")} autocomplete="current-password" />
				{checked && <Turnstile onToken={setTurnstile} />}
				<FormFault form={form} />
				<Button disabled={checked && !turnstile} kind={byPassword ? "main" : undefined} submit busy={form.busy}>{t("signIn")}</Button>
			</form>
			{byPassword && <Others onStep={setStep} />}
			<div class="row spread">
				{status.value?.register !== false && <a href={href("register")}>{t("home.register")}</a>}
				<a href={href("reset")}>{t("home.forgot")}</a>
			</div>
			{byPassword && !ownAddress() && <p class="second small">{t("home.firstTime", { name: "root", file: "root-password" })}</p>}
		</Alone>
	);
}
