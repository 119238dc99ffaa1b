// editor.tsx — /codes/new makes codes and hands them out once; /codes/:id changes one
import { useState } from "preact/hooks";
import { post, put } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { currency } from "../../api/session";
import type { Code } from "../../api/types";
import { t, tn } from "../../i18n";
import * as f from "../../lib/format";
import { startJob } from "../../lib/job";
import { amountText, parseAmount } from "../../lib/money";
import { download, toCsv } from "../../lib/text";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { amountFault, FormFault, MoneyField, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Banner, Loaded } from "../../ui/state";
import { toast } from "../../ui/toast";

const batch = 100; // the server's most

const nameFault = (v: string): string => !v.trim() ? t("form.required") : new TextEncoder().encode(v.trim()).length > 20 ? t("codes.nameLong") : "";

function Made({ codes, name, quota, onClose }: { codes: string[]; name: string; quota: number; onClose(): void }) {
	const csv = (): string => toCsv(["code", "name", "value"], codes.map((c) => [c, name, f.quota(quota)]));
	return (
		<Drawer title={tn("codes.made", codes.length)} onClose={onClose} footer={<Button kind="main" onClick={onClose}>{t("codes.done")}</Button>}>
			<div class="row">
				<CopyButton text={codes.join("\n")} label={t("codes.copyAll")} small={false} />
				<Button icon="download" onClick={() => download(`${name}.txt`, codes.join("\n"))}>.txt</Button>
				<Button icon="download" onClick={() => download(`${name}.csv`, csv(), "text/csv")}>.csv</Button>
				<Button onClick={() => print()}>{t("codes.print")}</Button>
			</div>
			<ul class="tiles cards">{codes.map((c) => <li key={c} class="card"><strong>{f.quota(quota)}</strong><br /><code>{c}</code></li>)}</ul>
		</Drawer>
	);
}

function NewCodes({ onClose }: { onClose(): void }) {
	const [made, setMade] = useState<string[] | null>(null);
	const form = useForm({ name: "", value: amountText(10 * currency.value.perUnit, currency.value), count: "10" }, {
		name: nameFault, value: (v) => amountFault(v, 1),
		count: (v) => /^\d+$/.test(v.trim()) && Number(v) >= 1 && Number(v) <= 10_000 ? "" : t("codes.countRule"),
	});
	const quota = parseAmount(form.values.value, currency.value) ?? 0;
	const make = (count: number): Promise<string[]> => post<string[]>("redemption/", { name: form.values.name.trim(), quota, count });
	const many = async (count: number): Promise<string[]> => {
		const all: string[] = [];
		const sizes = Array.from({ length: Math.ceil(count / batch) }, (_, i) => Math.min(batch, count - i * batch));
		await startJob({ title: t("codes.making"), items: sizes, label: (n) => String(n), run: async (n) => { all.push(...await make(n)); } }).done;
		return all;
	};
	const save = async (): Promise<void> => {
		await form.submit(async (v) => {
			const count = Number(v.count);
			setMade(count <= batch ? await make(count) : await many(count));
			invalidate("redemption/");
		});
	};
	if (made)
		return <Made codes={made} name={form.values.name.trim()} quota={quota} onClose={onClose} />;
	return (
		<Drawer title={t("codes.new")} onClose={onClose} dirty={form.dirty} onSubmit={save} footer={<><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" submit busy={form.busy}>{t("codes.create")}</Button></>}>
			<TextField form={form} name="name" label={t("codes.name")} hint={t("codes.nameHint")} />
			<MoneyField form={form} name="value" label={t("codes.value")} picks={[5, 10, 50]} />
			<TextField form={form} name="count" label={t("codes.count")} hint={t("codes.countHint")} />
			<Banner>{t("codes.sum", { amount: f.quota(quota * (Number(form.values.count) || 0)) })}</Banner>
			<FormFault form={form} />
		</Drawer>
	);
}

function EditCode({ code, onClose }: { code: Code; onClose(): void }) {
	const form = useForm({ name: code.name, value: amountText(code.quota, currency.value) }, { name: nameFault, value: (v) => amountFault(v, 1) });
	const save = async (): Promise<void> => {
		if (!await form.submit((v) => put("redemption/", { id: code.id, name: v.name.trim(), quota: parseAmount(v.value, currency.value) })))
			return;
		invalidate("redemption/");
		toast(t("form.saved"));
		onClose();
	};
	return (
		<Drawer title={code.name} onClose={onClose} dirty={form.dirty} onSubmit={save} footer={<><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" submit busy={form.busy}>{t("save")}</Button></>}>
			<div class="row"><code>{code.key}</code><CopyButton text={code.key} /></div>
			<TextField form={form} name="name" label={t("codes.name")} />
			<MoneyField form={form} name="value" label={t("codes.value")} disabled={code.status === 3} />
			<dl class="facts"><dt>{t("codes.created")}</dt><dd>{f.exact(code.created_time)}</dd>{code.redeemed_time > 0 && <><dt>{t("codes.redeemed")}</dt><dd>{f.exact(code.redeemed_time)}</dd></>}</dl>
			<FormFault form={form} />
		</Drawer>
	);
}

export function CodeEditor({ id, onClose }: { id: string; onClose(): void }) {
	const code = useResource<Code>(id === "new" ? null : `redemption/${encodeURIComponent(id)}`);
	if (id === "new")
		return <NewCodes onClose={onClose} />;
	return code.data ? <EditCode code={code.data} onClose={onClose} /> : <Drawer title={t("nav.codes")} onClose={onClose}><Loaded from={code}>{() => null}</Loaded></Drawer>;
}
