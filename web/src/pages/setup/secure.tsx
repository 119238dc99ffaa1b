// secure.tsx — step 1: a password of one's own; the site's name and address, folded
import { put } from "../../api/client";
import { firstRun, loadMe, loadStatus, me, systemName } from "../../api/session";
import { t } from "../../i18n";
import { serverAddress } from "../../lib/addresses";
import { prefs, setPrefs } from "../../lib/prefs";
import { Button } from "../../ui/button";
import { FormFault, SecretField, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";

/** mayKeep: the password was made for this installation, so it need not be changed. */
export function Secure({ mayKeep, onDone }: { mayKeep: boolean; onDone(): void }) {
	const form = useForm({ password: "", username: me.value!.username, system: systemName.value, address: serverAddress() }, {
		password: (v) => v === "" && mayKeep ? "" : v.length < 8 ? t("setup.short") : v === "123456" ? t("setup.sameOld") : "",
		username: (v) => v.trim() && [...v].length <= 12 ? "" : t("setup.nameRule"),
		address: (v) => v === "" || /^https?:\/\/\S+$/.test(v) ? "" : t("setup.addressRule"),
	});
	const save = async (e: Event): Promise<void> => {
		e.preventDefault();
		const done = await form.submit(async (v) => {
			if (v.password || v.username !== me.value!.username)
				await put("user/self", { username: v.username.trim(), display_name: me.value!.display_name, ...(v.password ? { password: v.password } : {}) });
			if (v.system.trim() && v.system !== systemName.value)
				await put("option/", { key: "SystemName", value: v.system.trim() });
			await put("option/", { key: "ServerAddress", value: v.address.trim().replace(/\/$/, "") });
			firstRun.value = false;
			setPrefs({ seen: [...prefs.value.seen ?? [], "setup.password"] });
			await Promise.all([loadMe(), loadStatus()]);
		});
		if (done)
			onDone();
	};
	const length = form.values.password.length;
	return (
		<form class="stack" onSubmit={save} noValidate>
			<p>{t("setup.secureText")}</p>
			<SecretField form={form} name="password" label={t("setup.newPassword")} autofocus optional={mayKeep}
				hint={t(length === 0 ? mayKeep ? "setup.keepHint" : "setup.passwordHint" : length < 12 ? "setup.enough" : "setup.good")} />
			<details>
				<summary>{t("setup.more")}</summary>
				<div class="stack" style={{ paddingTop: "12px" }}>
					<TextField form={form} name="username" label={t("username")} />
					<TextField form={form} name="system" label={t("setup.system")} hint={t("setup.systemHint")} />
					<TextField form={form} name="address" label={t("setup.address")} hint={t("setup.addressHint")} />
				</div>
			</details>
			<FormFault form={form} />
			<div class="foot"><Button kind="main" submit busy={form.busy}>{t("setup.next")}</Button></div>
		</form>
	);
}
