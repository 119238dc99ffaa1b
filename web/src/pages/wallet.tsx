// wallet.tsx — the balance, how long it lasts, how to add to it
import { post } from "../api/client";
import { invalidate, useResource } from "../api/resource";
import { loadMe, me, status } from "../api/session";
import { LOG, type DayRow, type LogRow } from "../api/types";
import { t, tn } from "../i18n";
import * as f from "../lib/format";
import { queryString } from "../lib/query";
import { href } from "../lib/router";
import { inWords } from "../lib/said";
import { Button, LinkButton } from "../ui/button";
import { FormFault, TextField } from "../ui/field";
import { useForm } from "../ui/form";
import { Loaded, PageHead } from "../ui/state";
import { toast } from "../ui/toast";

/** The code inside of whatever was pasted: one-api's are 32 hex digits. */
const codeIn = (text: string): string => /[0-9a-f]{32}/i.exec(text)?.[0] ?? text.trim();

/** randomUUID wants https; this does not. */
function transactionId(): string {
	const b = crypto.getRandomValues(new Uint8Array(16));
	b[6] = b[6]! & 0x0f | 0x40;
	b[8] = b[8]! & 0x3f | 0x80;
	const hex = [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
	return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function buyLink(link: string): string {
	const query = queryString({ username: me.value!.username, user_id: me.value!.id, transaction_id: transactionId() });
	return `${link}${link.includes("?") ? "&" : "?"}${query}`;
}

function Lasts() {
	const days = useResource<DayRow[]>("user/dashboard");
	const week = (days.data ?? []).reduce((a, r) => a + r.Quota, 0);
	const left = Math.floor(me.value!.quota / (week / 7));
	return week > 0 && left >= 0 && left < 3650 ? <span class="second">{tn("wallet.lasts", left)}</span> : null; // beyond that it says nothing
}

function Redeem() {
	const form = useForm({ code: "" }, { code: (v) => codeIn(v) ? "" : t("form.required") });
	const send = async (e: Event): Promise<void> => {
		e.preventDefault();
		let added = 0;
		if (!await form.submit(async (v) => { added = await post<number>("user/topup", { key: codeIn(v.code) }); }))
			return;
		await loadMe();
		form.reset({ code: "" });
		invalidate("log/self");
		toast(t("wallet.added", { amount: f.quota(added), balance: f.quota(me.value!.quota) }));
	};
	return (
		<form class="card stack" onSubmit={send} noValidate>
			<h2>{t("wallet.redeem")}</h2>
			<TextField form={form} name="code" label={t("wallet.code")} hint={t("wallet.codeHint")} mono after={<Button kind="main" submit busy={form.busy}>{t("wallet.redeemButton")}</Button>} />
			<FormFault form={form} />
			{status.value?.top_up_link && <span><LinkButton outside icon="link" href={buyLink(status.value.top_up_link)}>{t("wallet.buy")}</LinkButton></span>}
		</form>
	);
}

export default function Wallet() {
	const history = useResource<LogRow[]>(`log/self/?p=0&type=${LOG.topup}`);
	return (
		<>
			<PageHead title={t("nav.wallet")} />
			<section class="card stack tight"><span class="second">{t("balance")}</span><span class="great" title={f.quotaHint(me.value!.quota)}>{f.quota(me.value!.quota)}</span>
				<div class="row wide"><Lasts /><span class="second">{t("wallet.used", { amount: f.quota(me.value!.used_quota) })}</span></div></section>
			<Redeem />
			<section class="card stack tight"><h2>{t("wallet.history")}</h2>
				<Loaded from={history} lines={3}>{(rows) => rows.length === 0 ? <p class="second">{t("wallet.none")}</p> : (
					<ul class="stack tight">{rows.map((r) => <li key={r.id || r.created_at} class="row spread"><span>{inWords(r.content)}</span><span class="quiet" title={f.exact(r.created_at)}>{f.when(r.created_at)}</span></li>)}</ul>
				)}</Loaded></section>
			<section class="card row spread"><span>{t("wallet.invite")}</span><LinkButton href={href("account/invitations")}>{t("wallet.inviteLink")}</LinkButton></section>
		</>
	);
}
