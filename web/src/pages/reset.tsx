// reset.tsx — /reset asks for the mail, /user/reset?email=&token= makes the new password
import { useState } from "preact/hooks";
import { get, post } from "../api/client";
import { status } from "../api/session";
import { t } from "../i18n";
import { queryString } from "../lib/query";
import { href, route } from "../lib/router";
import { maskKey } from "../lib/text";
import { Alone } from "../shell/alone";
import { Button, LinkButton } from "../ui/button";
import { CopyButton } from "../ui/copy";
import { FormFault, TextField } from "../ui/field";
import { useForm } from "../ui/form";
import { Banner } from "../ui/state";
import { Turnstile } from "../ui/turnstile";

function Ask() {
	const [sent, setSent] = useState(false);
	const [turnstile, setTurnstile] = useState("");
	const form = useForm({ email: "" }, { email: (v) => /^\S+@\S+$/.test(v.trim()) ? "" : t("home.mailWrong") });
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		const query = { email: form.values.email.trim(), ...(status.value?.turnstile_check ? { turnstile } : {}) };
		setSent(await form.submit(() => get(`reset_password?${queryString(query)}`, { guest: true })));
	};
	return sent ? <Banner tone="ok">{t("home.resetSent")}</Banner> : (
		<form class="stack" onSubmit={send} noValidate>
			<TextField form={form} name="email" type="email" label={t("home.mail")} autocomplete="email" autofocus />
			{status.value?.turnstile_check && <Turnstile onToken={setTurnstile} />}
			<FormFault form={form} />
			<Button kind="main" submit busy={form.busy}>{t("home.resetAsk")}</Button>
		</form>
	);
}

function Confirm({ email, token }: { email: string; token: string }) {
	const [password, setPassword] = useState("");
	const [shown, setShown] = useState(false);
	const form = useForm({});
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		await form.submit(async () => setPassword(await post<string>("user/reset", { email, token }, { guest: true })));
	};
	return password ? (
		<>
			<Banner tone="ok">{t("home.resetDone")}</Banner>
			<div class="row"><code>{shown ? password : maskKey(password).replace("sk-", "").replace(/./g, "•")}</code>
				<Button small onClick={() => setShown(!shown)}>{t(shown ? "form.hide" : "form.show")}</Button><CopyButton text={password} /></div>
			<LinkButton kind="main" href={href("login")}>{t("signIn")}</LinkButton>
		</>
	) : (
		<form class="stack" onSubmit={send}>
			<p>{t("home.resetFor", { email })}</p>
			<FormFault form={form} />
			<Button kind="main" submit busy={form.busy}>{t("home.resetMake")}</Button>
		</form>
	);
}

export default function Reset() {
	const { email, token } = route.value.query;
	return (
		<Alone title={t("home.reset")}>
			{email && token ? <Confirm email={email} token={token} /> : <><Ask /><p class="second small">{t("home.firstTime", { name: "root", file: "root-password" })}</p></>}
			<a href={href("login")}>{t("home.back")}</a>
		</Alone>
	);
}
