// embeddings.tsx — texts as vectors, and how near they are to each other
import { useState } from "preact/hooks";
import { t, tn } from "../../i18n";
import * as f from "../../lib/format";
import { CopyIcon } from "../../ui/copy";
import { TextArea, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Aside, GetCode, ModelSelect, Outcome, parsed, Runner, sendsOnCtrlEnter, useModel, type Desk } from "./desk";
import { cosine } from "./modes";
import { useRequest } from "./request";

const most = 64;
const columnsMost = 12;

interface Vectors {
	data?: { index?: number; embedding?: unknown }[];
	usage?: { prompt_tokens?: number; total_tokens?: number };
}

const vectorsOf = (found: Vectors | null): number[][] => [...found?.data ?? []].sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
	.map((x) => Array.isArray(x.embedding) ? x.embedding as number[] : []);

function Nearness({ texts, vectors }: { texts: string[]; vectors: number[][] }) {
	const shown = vectors.slice(0, columnsMost);
	return (
		<div class="table-box"><table class="table"><caption class="off-screen">{t("playground.nearness")}</caption>
			<thead><tr><th>{t("playground.text")}</th><th class="num">{t("playground.dimensions")}</th>{shown.map((_, i) => <th key={i} class="num">{i + 1}</th>)}<th><span class="off-screen">{t("copy")}</span></th></tr></thead>
			<tbody>{vectors.map((v, i) => (
				<tr key={i}><td title={texts[i]}>{i + 1}. {texts[i]}</td><td class="num">{f.number(v.length)}</td>
					{shown.map((w, at) => <td key={at} class={at === i ? "num quiet" : "num"}>{cosine(v, w).toFixed(3)}</td>)}
					<td><CopyIcon text={JSON.stringify(v)} label={t("playground.copyVector", { n: i + 1 })} /></td></tr>
			))}</tbody></table></div>
	);
}

export function Embeddings({ desk }: { desk: Desk }) {
	const [model, setModel] = useModel(desk, "embeddings");
	const form = useForm({ input: "", dimensions: "" }, {
		input: (v) => linesOf(v).length > most ? t("playground.textsMost", { n: most }) : "",
		dimensions: (v) => !v.trim() || /^\d{1,5}$/.test(v.trim()) ? "" : t("limits.whole"),
	});
	const [asked, setAsked] = useState<string[]>([]);
	const request = useRequest(desk);
	const texts = linesOf(form.values.input);
	const body = { model, input: texts, encoding_format: "float", ...(form.values.dimensions.trim() ? { dimensions: Number(form.values.dimensions) } : {}) };
	const run = (): Promise<boolean> | undefined => texts.length === 0 || request.busy ? undefined : form.submit(async () => {
		setAsked(texts);
		await request.run("embeddings", { body: JSON.stringify(body) });
	});
	const found = parsed<Vectors>(request.reply);
	const vectors = vectorsOf(found);
	return (
		<div class="play">
			<section class="stack">
				<form class="card stack" noValidate onSubmit={(e) => { e.preventDefault(); void run(); }} onKeyDown={sendsOnCtrlEnter(() => void run())}>
					<TextArea form={form} name="input" label={t("playground.texts")} hint={t("playground.textsHint")} rows={6} />
					<Runner request={request} label={t("playground.embed")} disabled={texts.length === 0} />
				</form>
				<Outcome request={request} empty={t("playground.embedEmpty")} facts={[tn("playground.vectors", vectors.length), found?.usage?.prompt_tokens ? t("playground.tokensIn", { n: f.number(found.usage.prompt_tokens) }) : ""]}>
					<p class="second">{t("playground.nearness")}</p>{vectors.length > 0 && <Nearness texts={asked} vectors={vectors} />}</Outcome>
			</section>
			<Aside desk={desk} summary={model} choose={<ModelSelect desk={desk} kind="embeddings" value={model} onChange={setModel} />}>
				<TextField form={form} name="dimensions" type="number" label={t("playground.dimensions")} hint={t("playground.dimensionsHint")} optional />
				<div class="row"><GetCode desk={desk} model={model} call={{ path: "embeddings", body: { ...body, input: texts.length ? texts : ["…"] } }} /></div>
			</Aside>
		</div>
	);
}

const linesOf = (text: string): string[] => text.split("\n").map((l) => l.trim()).filter(Boolean);
