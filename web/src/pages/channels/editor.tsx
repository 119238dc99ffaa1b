// editor.tsx — /channels/new and /channels/:id: provider, connection, models, routing, advanced
import { useState } from "preact/hooks";
import { get, post, put } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { can } from "../../api/session";
import type { Channel } from "../../api/types";
import { providerOf } from "../../data/providers";
import { t, tn } from "../../i18n";
import { bodyOf, fieldsOf, initialConfig, keyFault, keyLines, type ChannelFields } from "../../lib/channel";
import { results, testChannel } from "../../lib/channel-test";
import * as f from "../../lib/format";
import { go } from "../../lib/router";
import { jsonObjectFault, parsePairs } from "../../lib/text";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { Field, FormFault, TagField, TextArea, TextField } from "../../ui/field";
import { Fold } from "../../ui/fold";
import { useForm, type Form } from "../../ui/form";
import { LimitsFold } from "../../ui/limits";
import { PairsEditor } from "../../ui/pairs";
import { Banner, Loaded } from "../../ui/state";
import { errorText, toast } from "../../ui/toast";
import { Connection, useSuggested } from "./connection";
import { Events, StoredKeys } from "./keys";
import { ProviderName, ProviderTiles } from "./providers";

const whole = (v: string): string => /^-?\d{1,9}$/.test(v.trim()) ? "" : t("editor.whole");

function useChannelForm(item: Channel | null, copyOf: Channel | null): Form<ChannelFields> {
	const start = fieldsOf(item ?? copyOf);
	return useForm<ChannelFields>({ ...start, name: item || !copyOf ? start.name : `${start.name}-2` }, {
		name: (v) => v.trim() ? "" : t("form.required"),
		key: (_, all) => {
			const fault = keyFault(all, !!item);
			return fault === "parts" ? t("editor.keyParts", { parts: providerOf(all.type).parts?.join("|") ?? "" }) : fault ? t("form.required") : "";
		},
		base_url: (v, all) => !v.trim() ? (providerOf(all.type).baseRequired ? t("form.required") : "") : /^https?:\/\/\S+$/.test(v.trim()) ? "" : t("editor.badBase"),
		config: (v, all) => (providerOf(all.type).fields ?? []).some((x) => x.required && !v[x.name]?.trim()) ? t("form.required") : "",
		models: (v, all) => v.length || providerOf(all.type).noModels ? "" : t("editor.noModels"),
		priority: whole,
		weight: whole,
		rest: (v) => jsonObjectFault(v) ? t("editor.badMapping") : "",
		mapping: (v) => jsonObjectFault(v) ? t("editor.badMapping") : "",
	});
}

/** The newest row of that name: the answer to POST carries no id. */
export async function findCreated(name: string): Promise<Channel | undefined> {
	const rows = await get<Channel[]>(`channel/search?keyword=${encodeURIComponent(name)}`);
	return rows.filter((c) => c.name === name).sort((a, b) => b.id - a.id)[0];
}

function Models({ form, id }: { form: Form<ChannelFields>; id: number | undefined }) {
	const suggested = useSuggested(form.values.type);
	const all = useResource<Record<string, string[] | null>>("models");
	const [diff, setDiff] = useState<string[] | null>(null);
	const names = [...new Set(Object.values(all.data ?? {}).flatMap((x) => x ?? []))].sort();
	const { models, mapping, type, base_url, key } = form.values;
	const unknown = parsePairs(mapping).map(([name]) => name).filter((name) => name && !models.includes(name));
	const fetchNames = async (): Promise<void> => setDiff(await post<string[]>("channel/fetch_models", { ...(id ? { id } : {}), type, base_url, key }));
	return (
		<>
			<div class="row">
				{can("channel.fetch_models") && <Button small onClick={fetchNames}>{t("editor.fetch")}</Button>}
				{suggested.length > 0 && <Button small onClick={() => form.set("models", [...new Set([...models, ...suggested])])}>{tn("editor.suggested", suggested.length)}</Button>}
				{models.length > 0 && <><Button small onClick={() => form.set("models", [...models].sort())}>{t("editor.sort")}</Button>
					<Button small onClick={() => form.set("models", [])}>{t("editor.clear")}</Button><CopyButton text={models.join(",")} /></>}
			</div>
			{diff && (
				<Banner action={<Button small onClick={() => { form.set("models", diff); setDiff(null); }}>{t("editor.takeFetched")}</Button>}>
					{t("editor.diff", { more: diff.filter((n) => !models.includes(n)).length, gone: models.filter((n) => !diff.includes(n)).length })}
				</Banner>
			)}
			<TagField form={form} name="models" label={t("editor.models")} hint={models.length ? tn("editor.modelCount", models.length) : t("editor.modelsHint")} suggest={suggested.length ? suggested : names} />
			{unknown.length > 0 && (
				<Banner tone="warn" action={<Button small onClick={() => form.set("models", [...models, ...unknown])}>{t("editor.addThem")}</Button>}>{t("editor.renameMissing", { names: unknown.join(", ") })}</Banner>
			)}
		</>
	);
}

function Outcome({ id }: { id: number }) {
	const result = results.value[id];
	return result ? (
		<Banner tone={result.ok ? "ok" : "danger"}>{result.ok ? t("editor.testOk", { model: result.model, time: f.elapsed(result.seconds * 1000), text: result.text }) : t("editor.testBad", { text: result.text })}</Banner>
	) : null;
}

function EditorForm({ item, copyOf, onClose }: { item: Channel | null; copyOf: Channel | null; onClose(): void }) {
	const form = useChannelForm(item, copyOf);
	const groups = useResource<string[]>("group/");
	const [choosing, setChoosing] = useState(!item);
	const [testFault, setTestFault] = useState("");
	const p = providerOf(form.values.type);
	const setType = (type: number): void => {
		const next = providerOf(type);
		form.change({
			type, config: initialConfig(next), parts: (next.parts ?? []).map(() => ""), several: next.keyOf ? false : form.values.several,
			...(form.values.name === "" || form.values.name === nameFor(form.values.type) ? { name: nameFor(type) } : {}),
		});
	};
	const save = async (): Promise<Channel | null> => {
		let saved: Channel | null = null;
		const done = await form.submit(async (v) => {
			if (item) {
				saved = { ...item, ...await put<Channel>("channel/", { ...bodyOf(v), id: item.id }) };
			} else {
				await post("channel/", bodyOf(v));
				saved = await findCreated(v.name.trim()) ?? null;
			}
			invalidate("channel/", "user/available_models");
		});
		return done ? saved ?? item : null;
	};
	const saveOnly = async (): Promise<void> => {
		if (!await save())
			return;
		const many = form.values.several && !form.values.together ? keyLines(form.values.key).length : 1;
		toast(many > 1 ? tn("editor.savedMany", many) : t("form.saved"));
		onClose();
	};
	const saveAndTest = async (): Promise<void> => {
		setTestFault("");
		const saved = await save();
		if (!saved)
			return;
		if (!item)
			go(`channels/${saved.id}`, {}, true);
		try {
			await testChannel(saved.id);
		} catch (e) {
			setTestFault(errorText(e));
		}
		invalidate("channel/");
	};
	return (
		<Drawer wide title={item ? t("editor.title", { name: item.name }) : t("editor.new")} onClose={onClose} dirty={form.dirty} onSubmit={saveOnly}
			footer={<><Button onClick={onClose}>{t("cancel")}</Button><Button onClick={saveAndTest} disabled={form.busy}>{t("editor.saveTest")}</Button><Button kind="main" submit busy={form.busy}>{t("save")}</Button></>}>
			<section class="stack tight">
				<h3>{t("editor.provider")}</h3>
				{choosing ? <ProviderTiles value={form.values.type} onChange={setType} /> : (
					<div class="row"><strong><ProviderName p={p} /></strong><Button small onClick={() => setChoosing(true)}>{t("editor.change")}</Button></div>
				)}
			</section>
			<section class="stack"><h3>{t("editor.connection")}</h3><Connection form={form} exists={!!item} /></section>
			{!p.noModels && <section class="stack tight"><h3>{t("editor.models")}</h3><Models form={form} id={item?.id} /></section>}
			<section class="stack">
				<h3>{t("editor.routing")}</h3>
				<TagField form={form} name="group" label={t("editor.groups")} hint={t("editor.groupsHint")} suggest={groups.data} />
				<div class="columns">
					<TextField form={form} name="priority" label={t("editor.priority")} hint={t("editor.priorityHint")} />
					<TextField form={form} name="weight" label={t("editor.weight")} hint={t("editor.weightHint")} />
				</div>
				<Field label={t("editor.rename")} hint={t("editor.renameHint")} optional fault={form.faults.mapping}>{() => (
					<PairsEditor text={form.values.mapping} onChange={(text) => form.set("mapping", text)} left={t("editor.asked")} right={t("editor.sent")} suggestLeft={form.values.models} />
				)}</Field>
			</section>
			<details>
				<summary>{t("editor.advanced")}</summary>
				<div class="stack" style={{ paddingTop: "12px" }}>
					<TextArea form={form} name="system_prompt" label={t("editor.prompt")} hint={t("editor.promptHint")} optional />
					<TextArea form={form} name="rest" label={t("editor.config")} hint={t("editor.configHint", { example: '{"strict_params": true}' })} mono rows={4} optional />
				</div>
			</details>
			{item && can("channel.keys") && <Fold title={t("editor.storedKeys")}><StoredKeys id={item.id} /></Fold>}
			{item && <LimitsFold scope="channel" subject={String(item.id)} />}
			{item && can("channel.keys") && <Fold title={t("editor.events")}><Events id={item.id} /></Fold>}
			{testFault && <Banner tone="danger">{testFault}</Banner>}
			{item && <Outcome id={item.id} />}
			<FormFault form={form} />
		</Drawer>
	);
}

const nameFor = (type: number): string => providerOf(type).name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

export function ChannelEditor({ id, copyOf, onClose }: { id: string; copyOf?: string | undefined; onClose(): void }) {
	const wanted = id === "new" ? copyOf : id;
	const channel = useResource<Channel>(wanted ? `channel/${encodeURIComponent(wanted)}` : null);
	if (!wanted)
		return <EditorForm item={null} copyOf={null} onClose={onClose} />;
	return channel.data
		? <EditorForm key={id} item={id === "new" ? null : channel.data} copyOf={channel.data} onClose={onClose} />
		: <Drawer wide title={t("nav.channels")} onClose={onClose}><Loaded from={channel}>{() => null}</Loaded></Drawer>;
}
