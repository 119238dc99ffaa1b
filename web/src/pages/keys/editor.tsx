// editor.tsx — /keys/new and /keys/:id: name, limit, expiry, models, networks
import { useState } from "preact/hooks";
import { post, put } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { can, currency } from "../../api/session";
import type { Key } from "../../api/types";
import { t } from "../../i18n";
import * as f from "../../lib/format";
import { amountText, parseAmount } from "../../lib/money";
import { fullKey, joinNames, splitNames } from "../../lib/text";
import { fromLocalInput, toLocalInput } from "../../lib/time";
import { Button } from "../../ui/button";
import { CodeBlock, CopyButton } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { amountFault, FormFault, MoneyField, SwitchField, TagField, TextField } from "../../ui/field";
import { Fold } from "../../ui/fold";
import { useForm } from "../../ui/form";
import { LimitsFold } from "../../ui/limits";
import { Snippets } from "../../ui/snippets";
import { Banner, Loaded } from "../../ui/state";
import { toast } from "../../ui/toast";

type Fields = {
	name: string;
	unlimited: boolean;
	limit: string;
	/** a local date and time, empty: never */
	expires: string;
	models: string[];
	subnet: string[];
	/** a local date and time: bodies are kept until then */
	capture: string;
};

const fieldsOf = (key: Key | null): Fields => ({
	name: key?.name ?? "",
	unlimited: key?.unlimited_quota ?? false,
	limit: key ? amountText(key.remain_quota, currency.value) : amountText(5 * currency.value.perUnit, currency.value),
	expires: key && key.expired_time > 0 ? toLocalInput(key.expired_time) : "",
	models: splitNames(key?.models ?? ""),
	subnet: splitNames(key?.subnet ?? ""),
	capture: key?.capture_until && key.capture_until * 1000 > Date.now() ? toLocalInput(key.capture_until) : "",
});

const bodyOf = (v: Fields) => ({
	name: v.name.trim(),
	unlimited_quota: v.unlimited,
	remain_quota: v.unlimited ? 0 : parseAmount(v.limit, currency.value) ?? 0,
	expired_time: v.expires ? fromLocalInput(v.expires) ?? -1 : -1,
	models: joinNames(v.models),
	subnet: joinNames(v.subnet),
	...(can("capture") ? { capture_until: v.capture ? fromLocalInput(v.capture) ?? 0 : 0 } : {}),
});

/** "Can spend up to $5 on any model from anywhere until 22 December." */
function Sentence({ v }: { v: Fields }) {
	const units = parseAmount(v.limit, currency.value);
	const until = v.expires ? fromLocalInput(v.expires) : null;
	return (
		<Banner>{t("keys.sentence", {
			limit: v.unlimited ? t("keys.sentence.unlimited") : t("keys.sentence.limit", { amount: f.quota(units ?? 0) }),
			models: v.models.length ? v.models.slice(0, 3).join(", ") + (v.models.length > 3 ? " …" : "") : t("keys.sentence.anyModel"),
			networks: v.subnet.length ? v.subnet.join(", ") : t("keys.sentence.anywhere"),
			until: until ? t("keys.sentence.until", { time: f.exact(until) }) : t("keys.sentence.forever"),
		})}</Banner>
	);
}

function Created({ made, onClose }: { made: Key; onClose(): void }) {
	const key = fullKey(made.key);
	return (
		<Drawer title={t("keys.created", { name: made.name })} onClose={onClose} wide footer={<Button kind="main" onClick={onClose}>{t("keys.done")}</Button>}>
			<Banner tone="ok">{t("keys.createdHint")}</Banner>
			<CodeBlock text={key} />
			<span><CopyButton text={key} label={t("keys.copyKey")} small={false} kind="main" /></span>
			<h3>{t("keys.try")}</h3>
			<Snippets apiKey={key} model={splitNames(made.models ?? "")[0] ?? ""} masked={false} />
		</Drawer>
	);
}

function Form({ item, copyOf, onClose }: { item: Key | null; copyOf: Key | null; onClose(): void }) {
	const [made, setMade] = useState<Key | null>(null);
	const available = useResource<string[]>("user/available_models");
	const form = useForm<Fields>(fieldsOf(item ?? copyOf), {
		name: (v) => !v.trim() ? t("form.required") : new TextEncoder().encode(v.trim()).length > 30 ? t("keys.nameLong") : "",
		limit: (v, all) => all.unlimited ? "" : amountFault(v),
		expires: (v) => v && fromLocalInput(v) === null ? t("keys.badDate") : "",
		subnet: (v) => v.find((n) => !/^[\da-fA-F.:]+(\/\d{1,3})?$/.test(n)) ? t("keys.badNetwork") : "",
	});
	const v = form.values;
	const inTime = (seconds: number) => (): void => form.set("expires", toLocalInput(Math.floor(Date.now() / 1000) + seconds));
	const save = async (): Promise<void> => {
		const done = await form.submit(async (values) => {
			if (item)
				await put("token/", { ...bodyOf(values), id: item.id, status: item.status });
			else
				setMade(await post<Key>("token/", bodyOf(values)));
			invalidate("token/");
		});
		if (done && item) {
			toast(t("form.saved"));
			onClose();
		}
	};
	if (made)
		return <Created made={made} onClose={onClose} />;
	return (
		<Drawer title={item ? t("keys.edit", { name: item.name }) : t("keys.new")} onClose={onClose} dirty={form.dirty} onSubmit={save}
			footer={<><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" submit busy={form.busy}>{t(item ? "save" : "keys.create")}</Button></>}>
			<TextField form={form} name="name" label={t("keys.name")} hint={t("keys.nameHint")} />
			<SwitchField form={form} name="unlimited" label={t("keys.unlimited")} hint={t("keys.unlimitedHint")} />
			{!v.unlimited && <MoneyField form={form} name="limit" label={t("keys.limit")} hint={t("keys.limitHint")} picks={[1, 5, 20]} />}
			<TextField form={form} name="expires" type="datetime-local" label={t("keys.expires")} hint={t("keys.expiresHint")} optional />
			<div class="row">
				<Button small onClick={() => form.set("expires", "")}>{t("keys.never")}</Button>
				<Button small onClick={inTime(3600)}>{t("keys.hour")}</Button>
				<Button small onClick={inTime(86400)}>{t("keys.day")}</Button>
				<Button small onClick={inTime(30 * 86400)}>{t("keys.month")}</Button>
			</div>
			<TagField form={form} name="models" label={t("keys.models")} hint={t("keys.modelsHint")} optional suggest={available.data} placeholder={t("keys.allModels")} />
			<TagField form={form} name="subnet" label={t("keys.networks")} hint={t("keys.networksHint")} optional placeholder="203.0.113.0/24" />
			{can("capture") && item && (
				<Fold title={t("keys.capture")}>
					<p class="second small">{t("keys.captureText")}</p>
					<TextField form={form} name="capture" type="datetime-local" label={t("keys.captureUntil")} optional />
					<div class="row"><Button small onClick={() => form.set("capture", "")}>{t("keys.captureOff")}</Button>
						<Button small onClick={() => form.set("capture", toLocalInput(Math.floor(Date.now() / 1000) + 3600))}>{t("keys.captureHour")}</Button></div>
				</Fold>
			)}
			{item && <LimitsFold scope="key" subject={String(item.id)} />}
			<Sentence v={v} />
			<FormFault form={form} />
		</Drawer>
	);
}

export function KeyEditor({ id, copyOf, onClose }: { id: string; copyOf?: string | undefined; onClose(): void }) {
	const wanted = id === "new" ? copyOf : id;
	const key = useResource<Key>(wanted ? `token/${encodeURIComponent(wanted)}` : null);
	if (!wanted)
		return <Form item={null} copyOf={null} onClose={onClose} />;
	return key.data
		? <Form key={id} item={id === "new" ? null : key.data} copyOf={key.data} onClose={onClose} />
		: <Drawer title={t("nav.keys")} onClose={onClose}><Loaded from={key}>{() => null}</Loaded></Drawer>;
}
