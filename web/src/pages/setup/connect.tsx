// connect.tsx — step 2: a provider and its key; name and models are filled in
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import type { Channel } from "../../api/types";
import { providerOf } from "../../data/providers";
import { t } from "../../i18n";
import { bodyOf, fieldsOf, initialConfig, keyFault, type ChannelFields } from "../../lib/channel";
import { Button } from "../../ui/button";
import { FormFault, TagField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Connection } from "../channels/connection";
import { ProviderTiles } from "../channels/providers";

const nameFor = (type: number): string => providerOf(type).name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

export function ConnectStep({ onDone, onSkip }: { onDone(made: Channel | undefined): void; onSkip(): void }) {
	const known = useResource<Record<string, string[] | null>>("models");
	const [chosen, setChosen] = useState(false);
	const form = useForm<ChannelFields>({ ...fieldsOf(null), name: nameFor(1) }, {
		name: (v) => v.trim() ? "" : t("form.required"),
		key: (_, all) => {
			const fault = keyFault(all, false);
			return fault === "parts" ? t("editor.keyParts", { parts: providerOf(all.type).parts?.join("|") ?? "" }) : fault ? t("form.required") : "";
		},
		base_url: (v, all) => !v.trim() ? (providerOf(all.type).baseRequired ? t("form.required") : "") : /^https?:\/\/\S+$/.test(v.trim()) ? "" : t("editor.badBase"),
		config: (v, all) => (providerOf(all.type).fields ?? []).some((x) => x.required && !v[x.name]?.trim()) ? t("form.required") : "",
		models: (v, all) => v.length || providerOf(all.type).noModels ? "" : t("editor.noModels"),
	});
	const p = providerOf(form.values.type);
	useEffect(() => {
		if (form.values.models.length === 0 && known.data?.[String(p.id)]?.length && p.id !== 50)
			form.set("models", known.data[String(p.id)]!);
	}, [known.data, p.id]);
	const setType = (type: number): void => {
		const next = providerOf(type);
		setChosen(true);
		form.change({
			type, config: initialConfig(next), parts: (next.parts ?? []).map(() => ""), several: false, key: "", base_url: "", name: nameFor(type),
			models: type === 50 ? [] : known.data?.[String(type)] ?? [],
		});
	};
	const save = async (e: Event): Promise<void> => {
		e.preventDefault();
		let made: Channel | undefined;
		const done = await form.submit(async (v) => {
			await post("channel/", bodyOf(v));
			made = (await get<Channel[]>(`channel/search?keyword=${encodeURIComponent(v.name.trim())}`)).sort((a, b) => b.id - a.id)[0];
			invalidate("channel/", "user/available_models");
		});
		if (done)
			onDone(made);
	};
	return (
		<form class="stack" onSubmit={save} noValidate>
			<p>{t("setup.connectText")}</p>
			<ProviderTiles folds value={chosen ? form.values.type : 0} onChange={setType} />
			{chosen && (
				<>
					<Connection form={form} exists={false} />
					{!p.noModels && <TagField form={form} name="models" label={t("editor.models")} hint={t("setup.modelsHint")} suggest={known.data?.[String(p.id)] ?? []} />}
				</>
			)}
			<FormFault form={form} />
			<div class="foot">
				<span class="left"><Button kind="plain" onClick={onSkip}>{t("setup.noKeyYet")}</Button></span>
				<Button kind="main" submit disabled={!chosen} busy={form.busy}>{t("setup.connect")}</Button>
			</div>
		</form>
	);
}
