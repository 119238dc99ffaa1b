// speech.tsx — words spoken, and speech written down
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n";
import { CopyButton } from "../../ui/copy";
import { Field, Segments, SelectField, TextArea, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Aside, GetCode, ModelSelect, Outcome, parsed, Runner, sendsOnCtrlEnter, useModel, type Desk } from "./desk";
import { useRequest, type Reply } from "./request";

const voices = ["alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"];
const formats = ["mp3", "wav", "opus", "aac", "flac"];
const fileMost = 25 * 1024 * 1024;

function Heard({ reply, name }: { reply: Reply; name: string }) {
	const [url, setUrl] = useState("");
	useEffect(() => {
		const made = URL.createObjectURL(reply.bytes);
		setUrl(made);
		return () => URL.revokeObjectURL(made);
	}, [reply]);
	return url ? <div class="row"><audio controls src={url} aria-label={t("playground.heard")} /><a class="button small" href={url} download={name}>{t("playground.download")}</a></div> : null;
}

function Speak({ desk, turn }: { desk: Desk; turn: ComponentChildren }) {
	const [model, setModel] = useModel(desk, "speech");
	const form = useForm({ input: "", voice: "alloy", format: "mp3", speed: "" }, {
		voice: (v) => v.trim() ? "" : t("form.required"), speed: (v) => !v.trim() || (Number(v) >= 0.25 && Number(v) <= 4) ? "" : t("playground.speedBad"),
	});
	const request = useRequest(desk);
	const v = form.values;
	const body = { model, input: v.input.trim(), voice: v.voice.trim(), response_format: v.format, ...(v.speed.trim() ? { speed: Number(v.speed) } : {}) };
	const run = (): Promise<boolean> | undefined => !v.input.trim() || request.busy ? undefined : form.submit(() => request.run("audio/speech", { body: JSON.stringify(body) }));
	return (
		<div class="play">
			<section class="stack">
				<form class="card stack" noValidate onSubmit={(e) => { e.preventDefault(); void run(); }} onKeyDown={sendsOnCtrlEnter(() => void run())}>
					{turn}
					<TextArea form={form} name="input" label={t("playground.toSay")} rows={5} />
					<Runner request={request} label={t("playground.speak")} disabled={!v.input.trim()} />
				</form>
				<Outcome request={request} empty={t("playground.speakEmpty")}>{request.reply && <Heard reply={request.reply} name={`speech.${v.format}`} />}</Outcome>
			</section>
			<Aside desk={desk} summary={model} choose={<ModelSelect desk={desk} kind="speech" value={model} onChange={setModel} />}>
				<TextField form={form} name="voice" label={t("playground.voice")} list={voices} />
				<SelectField form={form} name="format" label={t("playground.format")} options={formats.map((x) => ({ value: x, label: x }))} />
				<TextField form={form} name="speed" type="number" label={t("playground.speechSpeed")} hint={t("playground.speedHint")} optional />
				<div class="row"><GetCode desk={desk} model={model} call={{ path: "audio/speech", body: { ...body, input: body.input || "…" }, save: `speech.${v.format}` }} /></div>
			</Aside>
		</div>
	);
}

function Listen({ desk, turn }: { desk: Desk; turn: ComponentChildren }) {
	const [model, setModel] = useModel(desk, "listen");
	const [file, setFile] = useState<File | null>(null);
	const form = useForm({ language: "", prompt: "" });
	const request = useRequest(desk);
	const large = (file?.size ?? 0) > fileMost;
	const run = async (): Promise<void> => {
		if (!file || large)
			return;
		const body = new FormData();
		body.append("file", file, file.name);
		body.append("model", model);
		for (const name of ["language", "prompt"] as const) {
			if (form.values[name].trim())
				body.append(name, form.values[name].trim());
		}
		await request.run("audio/transcriptions", { body });
	};
	const text = parsed<{ text?: string }>(request.reply)?.text ?? request.reply?.text ?? "";
	return (
		<div class="play">
			<section class="stack">
				<form class="card stack" noValidate onSubmit={(e) => { e.preventDefault(); void run(); }}>
					{turn}
					<Field label={t("playground.recording")} hint={t("playground.recordingHint")} fault={large ? t("playground.recordingLarge") : ""}>{(wires) => <input class="input" type="file" accept="audio/*,video/mp4,video/webm" {...wires} onChange={(e) => setFile(e.currentTarget.files?.[0] ?? null)} />}</Field>
					<Runner request={request} label={t("playground.write")} disabled={!file || large} />
				</form>
				<Outcome request={request} empty={t("playground.listenEmpty")}><div class="said text">{text}</div><span><CopyButton text={text} /></span></Outcome>
			</section>
			<Aside desk={desk} summary={model} choose={<ModelSelect desk={desk} kind="listen" value={model} onChange={setModel} />}>
				<TextField form={form} name="language" label={t("playground.language")} placeholder="en" optional />
				<TextField form={form} name="prompt" label={t("playground.listenPrompt")} hint={t("playground.listenPromptHint")} optional />
			</Aside>
		</div>
	);
}

export function Speech({ desk }: { desk: Desk }) {
	const [listen, setListen] = useState(false);
	const turn = <Segments label={t("playground.direction")} value={listen ? "listen" : "speak"} onChange={(w) => setListen(w === "listen")} options={[{ value: "speak", label: t("playground.textToSpeech") }, { value: "listen", label: t("playground.speechToText") }]} />;
	return listen ? <Listen desk={desk} turn={turn} /> : <Speak desk={desk} turn={turn} />;
}
