// register.tsx — a new account; the e-mail code and the human check only where required
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../api/client";
import { signIn, status } from "../api/session";
import { t } from "../i18n";
import { queryString } from "../lib/query";
import { go, href, route } from "../lib/router";
import { Alone } from "../shell/alone";
import { Button } from "../ui/button";
import { FormFault, SecretField, TextField } from "../ui/field";
import { useForm } from "../ui/form";
import { toast } from "../ui/toast";
import { Turnstile } from "../ui/turnstile";

/** Seconds until another mail may be asked for. */
export function useCountdown(): [number, (seconds: number) => void] {
	const [left, setLeft] = useState(0);
	useEffect(() => {
		if (left <= 0)
			return;
		const timer = setTimeout(() => setLeft(left - 1), 1000);
		return () => clearTimeout(timer);
	}, [left]);
	return [left, setLeft];
}

export default function Register() {
	const [turnstile, setTurnstile] = useState("");
	const [left, setLeft] = useCountdown();
	const mail = status.value?.email_verification ?? false;
	const form = useForm({ username: "", password: "", email: "", verification_code: "", aff_code: route.value.query.aff ?? "" }, {
		username: (v) => !v.trim() ? t("form.required") : [...v].length > 12 ? t("home.nameLong") : "",
		password: (v) => v.length < 8 ? t("home.passwordShort") : v.length > 72 ? t("home.passwordLong") : "",
		email: (v) => !mail || /^\S+@\S+$/.test(v) ? "" : t("home.mailWrong"),
		verification_code: (v) => !mail || v.trim() ? "" : t("form.required"),
	});
	const check = status.value?.turnstile_check ? { turnstile } : {};
	const sendCode = async (): Promise<void> => {
		await get(`verification?${queryString({ email: form.values.email.trim(), ...check })}`, { guest: true });
		setLeft(30);
		toast(t("home.codeSent"));
	};
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		const done = await form.submit(async (v) => {
			await post(`user/register?${queryString(check)}`, v, { guest: true });
			await signIn(v.username.trim(), v.password);
		});
		if (done)
			go("overview");
	};
	const length = form.values.password.length;
	if (status.value?.register === false)
		return <Alone title={t("home.register")}><p>{t("home.closed")}</p><a href={href("login")}>{t("signIn")}</a></Alone>;
	return (
		<Alone title={t("home.register")}>
			<form class="stack" onSubmit={send} noValidate>
				<TextField form={form} name="username" label={t("username")} hint={t("home.nameHint")} autocomplete="username" autofocus />
				<SecretField form={form} name="password" label={t("password")}
					hint={t(length === 0 ? "home.passwordHint" : length < 12 ? "home.passwordEnough" : "home.passwordGood")} />
				{mail && (
					<>
						<TextField form={form} name="email" type="email" label={t("home.mail")} autocomplete="email"
							after={<Button disabled={left > 0 || !form.values.email} onClick={sendCode}>{left > 0 ? t("home.again", { n: left }) : t("home.sendCode")}</Button>} />
						<TextField form={form} name="verification_code" label={t("home.code")} autocomplete="one-time-code" />
					</>
				)}
				{route.value.query.aff && <TextField form={form} name="aff_code" label={t("home.invitation")} optional />}
				{status.value?.turnstile_check && <Turnstile onToken={setTurnstile} />}
				<FormFault form={form} />
				<Button kind="main" submit busy={form.busy}>{t("home.register")}</Button>
			</form>
			<p>{t("home.haveAccount")} <a href={href("login")}>{t("signIn")}</a></p>
		</Alone>
	);
}
