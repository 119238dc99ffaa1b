// sign-in-again.tsx — the session ended: asks over the page, which keeps what was typed
import { endAsking, me, signIn } from "../api/session";
import { t } from "../i18n";
import { go } from "../lib/router";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { FormFault, SecretField } from "../ui/field";
import { useForm } from "../ui/form";

export function SignInAgain() {
	const name = me.value?.username ?? "";
	const form = useForm({ password: "" });
	const give = (): void => {
		endAsking(false);
		go("login");
	};
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		if (await form.submit((v) => signIn(name, v.password)))
			endAsking(true);
	};
	return (
		<Dialog title={t("expired.title")} onClose={give} keep>
			<form class="stack" onSubmit={send} noValidate>
				<p>{t("expired.text", { name })}</p>
				<SecretField form={form} name="password" label={t("password")} autocomplete="current-password" autofocus />
				<FormFault form={form} />
				<div class="foot">
					<Button onClick={give}>{t("expired.other")}</Button>
					<Button kind="main" submit busy={form.busy}>{t("signIn")}</Button>
				</div>
			</form>
		</Dialog>
	);
}
