// second-step.tsx — the code of an authenticator app, or one of the recovery codes
import { signInWithCode, type SecondStep } from "../api/session";
import { t } from "../i18n";
import { Button } from "./button";
import { FormFault, TextField } from "./field";
import { useForm } from "./form";

export function SecondStepForm({ step, onDone, onBack }: { step: SecondStep; onDone(): unknown; onBack?(): void }) {
	const form = useForm({ code: "" }, { code: (v) => v.trim() ? "" : t("form.required") });
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		if (await form.submit((v) => signInWithCode(step, v.code)))
			onDone();
	};
	return (
		<form class="stack" onSubmit={send} noValidate>
			<TextField form={form} name="code" label={t("second.code")} hint={t("second.hint")} autocomplete="one-time-code" autofocus mono />
			<FormFault form={form} />
			<div class="foot">{onBack && <Button onClick={onBack}>{t("second.back")}</Button>}<Button kind="main" submit busy={form.busy}>{t("signIn")}</Button></div>
		</form>
	);
}
