// sign-in-again.tsx — the session ended: asks over the page, which keeps what was typed
import { useState } from "preact/hooks";
import { endAsking, me, signIn, type SecondStep } from "../api/session";
import { t } from "../i18n";
import { go } from "../lib/router";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { FormFault, SecretField } from "../ui/field";
import { useForm } from "../ui/form";
import { SecondStepForm } from "../ui/second-step";

export function SignInAgain() {
	const name = me.value?.username ?? "";
	const form = useForm({ password: "" });
	const [step, setStep] = useState<SecondStep | null>(null);
	const give = (): void => {
		endAsking(false);
		go("login");
	};
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		let next: SecondStep | null = null;
		if (!await form.submit(async (v) => { next = await signIn(name, v.password); }))
			return;
		if (next)
			setStep(next);
		else
			endAsking(true);
	};
	return (
		<Dialog title={t("expired.title")} onClose={give} keep>
			{step ? <SecondStepForm step={step} onDone={() => endAsking(true)} onBack={() => setStep(null)} /> : <form class="stack" onSubmit={send} noValidate>
				<p>{t("expired.text", { name })}</p>
				<SecretField form={form} name="password" label={t("password")} autocomplete="current-password" autofocus />
				<FormFault form={form} />
				<div class="foot">
					<Button onClick={give}>{t("expired.other")}</Button>
					<Button kind="main" submit busy={form.busy}>{t("signIn")}</Button>
				</div>
			</form>}
		</Dialog>
	);
}
