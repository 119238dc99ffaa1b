// mail-test.tsx — does the mail server take our mail? sends one
import { post } from "../../api/client";
import { me } from "../../api/session";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { FormFault, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { toast } from "../../ui/toast";

export function MailTest({ dirty }: { dirty: boolean }) {
	const form = useForm({ email: me.value?.email ?? "" }, { email: (v) => /^\S+@\S+$/.test(v.trim()) ? "" : t("settings.mailAddress") });
	const send = async (): Promise<void> => {
		if (await form.submit((v) => post("mail/test", { email: v.email.trim() })))
			toast(t("settings.mailSent"));
	};
	return (
		<section class="stack tight"><h3>{t("settings.mailTest")}</h3>
			<TextField form={form} name="email" type="email" label={t("settings.mailTo")} hint={dirty ? t("settings.mailSaveFirst") : undefined} after={<Button busy={form.busy} disabled={dirty} onClick={send}>{t("settings.mailSend")}</Button>} />
			<FormFault form={form} />
		</section>
	);
}
