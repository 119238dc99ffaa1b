// key.tsx — step 4: a first key with a small limit
import { post } from "../../api/client";
import { invalidate } from "../../api/resource";
import { currency } from "../../api/session";
import type { Key } from "../../api/types";
import { t } from "../../i18n";
import { amountText, parseAmount } from "../../lib/money";
import { Button } from "../../ui/button";
import { amountFault, FormFault, MoneyField, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";

export function KeyStep({ onDone, onSkip }: { onDone(key: Key): void; onSkip(): void }) {
	const form = useForm({ name: t("setup.keyName"), limit: amountText(5 * currency.value.perUnit, currency.value) }, {
		name: (v) => v.trim() ? "" : t("form.required"), limit: (v) => amountFault(v),
	});
	const save = async (e: Event): Promise<void> => {
		e.preventDefault();
		let made: Key | undefined;
		const done = await form.submit(async (v) => {
			made = await post<Key>("token/", { name: v.name.trim(), remain_quota: parseAmount(v.limit, currency.value), expired_time: -1, unlimited_quota: false });
			invalidate("token/");
		});
		if (done && made)
			onDone(made);
	};
	return (
		<form class="stack" onSubmit={save} noValidate>
			<p>{t("setup.keyText")}</p>
			<TextField form={form} name="name" label={t("setup.keyLabel")} />
			<MoneyField form={form} name="limit" label={t("setup.limit")} hint={t("setup.limitHint")} picks={[1, 5, 20]} />
			<FormFault form={form} />
			<div class="foot"><span class="left"><Button kind="plain" onClick={onSkip}>{t("setup.skip")}</Button></span><Button kind="main" submit busy={form.busy}>{t("setup.createKey")}</Button></div>
		</form>
	);
}
