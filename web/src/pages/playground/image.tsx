// image.tsx — pictures out of words
import { useState } from "preact/hooks";
import { t, tn } from "../../i18n";
import * as f from "../../lib/format";
import { Button, LinkButton } from "../../ui/button";
import { SelectField, TextArea, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Aside, GetCode, ModelSelect, Outcome, parsed, Runner, sendsOnCtrlEnter, useModel, type Desk } from "./desk";
import { pictureType } from "./modes";
import { useRequest } from "./request";

interface Pictures {
	data?: { b64_json?: string; url?: string; revised_prompt?: string }[];
	usage?: { input_tokens?: number; output_tokens?: number };
}

type Picture = NonNullable<Pictures["data"]>[number];

const sizes = ["auto", "1024x1024", "1024x1536", "1536x1024", "1024x1792", "1792x1024", "512x512", "256x256"];
const qualities = ["", "auto", "low", "medium", "high", "standard", "hd"];

/** An address belongs to another site: nothing is asked of it before the person says so. */
function Shown({ picture, prompt, n }: { picture: Picture; prompt: string; n: number }) {
	const [load, setLoad] = useState(false);
	const own = picture.b64_json ? `data:${pictureType(picture.b64_json)};base64,${picture.b64_json}` : "";
	const url = /^https:\/\//.test(picture.url ?? "") ? picture.url! : "";
	const source = own || (load ? url : "");
	return (
		<figure class="stack tight">
			{source ? <img class="picture" src={source} alt={prompt} />
				: <div class="picture-place">{url ? <><p class="second small">{t("playground.elsewhere", { host: new URL(url).host })}</p><Button small onClick={() => setLoad(true)}>{t("playground.showPicture")}</Button></> : <p class="second">{t("playground.noPicture")}</p>}</div>}
			<figcaption class="row small">
				{own && <a class="button small" href={own} download={`picture-${n}.${pictureType(picture.b64_json!).slice(6)}`}>{t("playground.download")}</a>}
				{url && <LinkButton small href={url} outside>{t("playground.openPicture")}</LinkButton>}
				{picture.revised_prompt && <span class="quiet">{picture.revised_prompt}</span>}
			</figcaption>
		</figure>
	);
}

export function Images({ desk }: { desk: Desk }) {
	const [model, setModel] = useModel(desk, "image");
	const [asked, setAsked] = useState("");
	const form = useForm({ prompt: "", size: "", quality: "", n: 1 as number }, { size: (v) => !v.trim() || /^(auto|\d{2,5}x\d{2,5})$/.test(v.trim()) ? "" : t("playground.sizeBad") });
	const request = useRequest(desk);
	const v = form.values;
	const body = {
		model, prompt: v.prompt.trim(), n: v.n, ...(v.size.trim() ? { size: v.size.trim() } : {}), ...(v.quality ? { quality: v.quality } : {}),
		// these answer with an address unless told otherwise; others refuse the member
		...(/^dall-e/.test(model) ? { response_format: "b64_json" } : {}),
	};
	const run = (): Promise<boolean> | undefined => !v.prompt.trim() || request.busy ? undefined : form.submit(async () => {
		setAsked(v.prompt.trim());
		await request.run("images/generations", { body: JSON.stringify(body) });
	});
	const found = parsed<Pictures>(request.reply);
	const { input_tokens: input, output_tokens: output } = found?.usage ?? {};
	return (
		<div class="play">
			<section class="stack">
				<form class="card stack" noValidate onSubmit={(e) => { e.preventDefault(); void run(); }} onKeyDown={sendsOnCtrlEnter(() => void run())}>
					<TextArea form={form} name="prompt" label={t("playground.prompt")} rows={4} placeholder={t("playground.promptExample")} />
					<Runner request={request} label={t("playground.draw")} disabled={!v.prompt.trim()} />
				</form>
				<Outcome request={request} empty={t("playground.drawEmpty")} facts={[tn("playground.pictures", found?.data?.length ?? 0), input || output ? t("playground.tokens", { in: f.number(input ?? 0), out: f.number(output ?? 0) }) : ""]}>
					<div class="pictures">{(found?.data ?? []).map((p, i) => <Shown key={i} picture={p} prompt={asked} n={i + 1} />)}</div></Outcome>
			</section>
			<Aside desk={desk} summary={model} choose={<ModelSelect desk={desk} kind="image" value={model} onChange={setModel} />}>
				<TextField form={form} name="size" label={t("playground.size")} list={sizes} placeholder="1024x1024" optional />
				<SelectField form={form} name="quality" label={t("playground.quality")} optional options={qualities.map((q) => ({ value: q, label: q || t("playground.asModel") }))} />
				<SelectField form={form} name="n" label={t("playground.howMany")} options={[1, 2, 3, 4].map((n) => ({ value: n, label: String(n) }))} />
				<div class="row"><GetCode desk={desk} model={model} call={{ path: "images/generations", body: { ...body, prompt: body.prompt || "…" } }} /></div>
			</Aside>
		</div>
	);
}
