// import.tsx — many channels out of pasted lines or JSON: a preview, then a job
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { providerOf, providers } from "../../data/providers";
import { t, tn } from "../../i18n";
import { readImport } from "../../lib/channel-import";
import { startJob } from "../../lib/job";
import { maskKey } from "../../lib/text";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { SelectField, TagField, TextArea, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Banner } from "../../ui/state";
import { useSuggested } from "./connection";

const shown = 8;

export function ImportChannels({ onClose }: { onClose(): void }) {
	const form = useForm({ text: "", type: 1 as number, base_url: "", models: [] as string[], group: ["default"], priority: "0" });
	const v = form.values;
	const suggested = useSuggested(v.type);
	const groups = useResource<string[]>("group/");
	const [left, setLeft] = useState(false);
	const read = readImport(v.text, { ...v, priority: Number(v.priority) || 0 });
	const ready = read.channels.filter((c) => c.models && (!providerOf(c.type!).baseRequired || c.base_url));
	const run = (): void => {
		setLeft(true);
		if (ready.length === 0)
			return;
		startJob({
			title: t("import.title"), items: ready, gap: 120, label: (c) => c.name!,
			run: async (c) => { await post("channel/", c); }, finished: () => invalidate("channel/", "user/available_models"),
		});
		onClose();
	};
	return (
		<Dialog title={t("import.title")} wide keep onClose={onClose}>
			<TextArea form={form} name="text" label={t("import.lines")} hint={t("import.hint")} rows={6} mono />
			{read.bad && <Banner tone="danger">{t("import.bad")}</Banner>}
			{read.keyless > 0 && <Banner tone="warn">{t("import.noKey", { n: read.keyless })}</Banner>}
			<div class="columns">
				<SelectField form={form} name="type" label={t("channels.provider")} options={providers.map((p) => ({ value: p.id, label: p.name }))} />
				<TextField form={form} name="base_url" type="url" label={t("editor.base")} optional={!providerOf(v.type).baseRequired} placeholder={providerOf(v.type).base} />
			</div>
			<TagField form={form} name="models" label={t("editor.models")} suggest={suggested} />
			<div class="row">{suggested.length > 0 && <Button small onClick={() => form.set("models", [...new Set([...v.models, ...suggested])])}>{tn("editor.suggested", suggested.length)}</Button>}</div>
			<div class="columns">
				<TagField form={form} name="group" label={t("channels.groups")} suggest={groups.data} />
				<TextField form={form} name="priority" type="number" label={t("channels.priority")} />
			</div>
			{read.channels.length > 0 && (
				<div class="stack tight" role="status">
					<strong>{tn("import.found", read.channels.length)}</strong>
					<ul class="small">{read.channels.slice(0, shown).map((c, i) => <li key={i}>{c.name} · {providerOf(c.type!).name} · <code>{maskKey(String(c.key))}</code></li>)}{read.channels.length > shown && <li>…</li>}</ul>
				</div>
			)}
			{left && ready.length === 0 && <Banner tone="danger">{t("editor.noModels")}</Banner>}
			<div class="foot"><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" disabled={read.channels.length === 0} onClick={run}>{tn("import.run", ready.length || read.channels.length)}</Button></div>
		</Dialog>
	);
}
