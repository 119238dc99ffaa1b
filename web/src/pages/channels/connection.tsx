// connection.tsx — the fields that a provider needs: key, address, its own; all from data/providers
import { useResource } from "../../api/resource";
import { can } from "../../api/session";
import { providerOf, type ProviderField } from "../../data/providers";
import { t, tn } from "../../i18n";
import { keyLines, keyLooksOdd, type ChannelFields } from "../../lib/channel";
import { Check, Field, SecretField, TextArea, TextField } from "../../ui/field";
import type { Form } from "../../ui/form";

type EditorForm = Form<ChannelFields>;

function setConfig(form: EditorForm, name: string, value: string): void {
	const config = { ...form.values.config, [name]: value };
	if (name === "vertex_ai_adc") {
		try {
			config.vertex_ai_project_id ||= (JSON.parse(value) as { project_id?: string }).project_id ?? "";
		} catch { /* not complete yet */ }
	}
	form.set("config", config);
}

function OwnField({ form, field, fault }: { form: EditorForm; field: ProviderField; fault?: string | undefined }) {
	const value = form.values.config[field.name] ?? "";
	const missing = fault && field.required && !value ? t("form.required") : undefined;
	return (
		<Field label={t(`editor.field.${field.name}`)} optional={!field.required} fault={missing} hint={t(`editor.fieldHint.${field.name}`)}>{(wires) => field.file ? (
			<>
				<textarea class="input mono" rows={4} spellcheck={false} autocomplete="off" value={value} {...wires} onInput={(e) => setConfig(form, field.name, e.currentTarget.value)} />
				<input type="file" accept="application/json,.json" aria-label={t("editor.chooseFile")}
					onChange={async (e) => { const file = e.currentTarget.files?.[0]; if (file) setConfig(form, field.name, await file.text()); }} />
			</>
		) : (
			<input class="input" type={(field.secret ? "password" : "text") as "text"} autocomplete={field.secret ? "new-password" : "off"} value={value} {...wires}
				onInput={(e) => setConfig(form, field.name, e.currentTarget.value)} />
		)}</Field>
	);
}

function KeyFields({ form, exists }: { form: EditorForm; exists: boolean }) {
	const p = providerOf(form.values.type);
	const v = form.values;
	if (p.keyOf)
		return null;
	const count = keyLines(v.key).length;
	const hint = keyLooksOdd(v) ? t("editor.oddKey", { prefix: p.prefix! }) : p.id === 30 ? t("editor.anyKey") : undefined;
	return (
		<>
			{v.several
				? <TextArea form={form} name="key" mono rows={5} label={t("editor.keys")} hint={count > 0 ? tn("editor.keyCount", count) : t("editor.keysHint")} />
				: p.parts
					? <div class="stack tight" role="group" aria-label={t("editor.key")}>{p.parts.map((part, i) => (
						<Field key={part} label={part} fault={i === 0 ? form.faults.key : undefined}>{(wires) => (
							<input class="input mono" type="password" autocomplete="new-password" placeholder={exists ? t("form.secretKept") : ""} value={v.parts[i] ?? ""} {...wires}
								onInput={(e) => form.set("parts", v.parts.map((x, at) => at === i ? e.currentTarget.value : x))} />
						)}</Field>
					))}</div>
					: <SecretField form={form} name="key" label={t("editor.key")} exists={exists} hint={hint} />}
			{v.several && !exists && can("channel.keys") && <Check label={t("editor.together")} checked={v.together} onChange={(on) => form.set("together", on)} />}
			{!exists && <Check label={t("editor.several")} checked={v.several} onChange={(on) => form.set("several", on)} />}
		</>
	);
}

export function Connection({ form, exists }: { form: EditorForm; exists: boolean }) {
	const p = providerOf(form.values.type);
	return (
		<>
			<TextField form={form} name="name" label={t("editor.name")} />
			<KeyFields form={form} exists={exists} />
			{p.site && !exists && <p class="small"><a href={p.site} target="_blank" rel="noopener noreferrer">{t("editor.getKey", { name: p.name })}</a></p>}
			{p.fields?.map((field) => <OwnField key={field.name} form={form} field={field} fault={form.faults.config} />)}
			{!p.noBase && (
				<TextField form={form} name="base_url" type="url" label={t("editor.base")} optional={!p.baseRequired} placeholder={p.base}
					hint={t(p.id === 50 ? "editor.baseWithV1" : p.id === 3 ? "editor.baseAzure" : p.baseRequired ? "editor.baseRequired" : "editor.baseHint")} />
			)}
			{p.id === 8 && <p class="quiet small">{t("editor.rather50")}</p>}
			{p.id === 3 && <p class="quiet small">{t("editor.azureNote")}</p>}
		</>
	);
}

/** The names that the server knows for a type. */
export function useSuggested(type: number): string[] {
	const models = useResource<Record<string, string[] | null>>("models");
	return models.data?.[String(type)] ?? [];
}
