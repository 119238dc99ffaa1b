// chat.tsx — a conversation with one model, or the same question to several
import { useEffect, useRef, useState } from "preact/hooks";
import { role } from "../../api/session";
import { ROLE } from "../../api/types";
import { t } from "../../i18n";
import { apiBaseUrl } from "../../lib/addresses";
import { bodyOf, chat, ChatError, contentOf, type Ask, type Message } from "../../lib/chat";
import { href, route } from "../../lib/router";
import { jsonObjectFault, maskKey } from "../../lib/text";
import { Button, LinkButton } from "../../ui/button";
import { CodeBlock } from "../../ui/copy";
import { Dialog } from "../../ui/dialog";
import { Check, TextArea, TextField } from "../../ui/field";
import { useForm, type Form } from "../../ui/form";
import { Banner, Empty } from "../../ui/state";
import { toast } from "../../ui/toast";
import { Aside, GetCode, ModelSelect, type Desk } from "./desk";
import { modelFor, sortedFor } from "./modes";
import { Attached, PictureButton, usePictures } from "./attach";
import { shortened } from "./pictures";
import { newTurnId, saveTalk, setKept, setTurns, talk, type Answer, type Turn } from "./talk";
import { TurnView } from "./turn";

const most = 3;

type Fields = {
	system: string;
	temperature: string;
	max_tokens: string;
	top_p: string;
	more: string;
};

/** Empty fields are left out; extra JSON is added as it is. */
function extraOf(v: Fields): Record<string, unknown> {
	const numbers = (["temperature", "max_tokens", "top_p"] as const).filter((n) => v[n].trim() !== "" && !Number.isNaN(Number(v[n]))).map((n) => [n, Number(v[n])]);
	return { ...Object.fromEntries(numbers), ...(v.more.trim() && !jsonObjectFault(v.more) ? JSON.parse(v.more) as object : {}) };
}

/** Each model sees its own earlier answers, else the first. */
function history(system: string, before: Turn[], model: string, asked: string, pictures: string[]): Message[] {
	return [
		...(system.trim() ? [{ role: "system" as const, content: system }] : []),
		...before.flatMap((x): Message[] => {
			const said = (x.answers.find((a) => a.model === model && a.text) ?? x.answers.find((a) => a.text))?.text;
			return said ? [{ role: "user", content: contentOf(x.asked, x.pictures) }, { role: "assistant", content: said }] : [];
		}),
		{ role: "user", content: contentOf(asked, pictures) },
	];
}

function Parameters({ form }: { form: Form<Fields> }) {
	return (
		<details>
			<summary>{t("playground.parameters")}</summary>
			<div class="stack" style={{ paddingTop: "12px" }}>
				<TextArea form={form} name="system" label={t("playground.system")} rows={3} optional />
				<TextField form={form} name="temperature" type="number" label={t("playground.temperature")} optional />
				<TextField form={form} name="max_tokens" type="number" label={t("playground.maxTokens")} optional />
				<TextField form={form} name="top_p" type="number" label={t("playground.topP")} optional />
				<TextArea form={form} name="more" label={t("playground.more")} hint={t("playground.moreHint", { example: '{"seed": 7}' })} mono rows={3} optional />
			</div>
		</details>
	);
}

function Keeping() {
	const { kept } = talk.value;
	return (
		<div class="stack tight">
			<Check label={t("playground.keep")} checked={kept} onChange={(on) => { if (!setKept(on)) toast(t("playground.keepFull")); }} />
			<span class="quiet small">{t("playground.keepHint")}</span>
		</div>
	);
}

export function Chat({ desk, compare }: { desk: Desk; compare: boolean }) {
	const { models } = desk;
	const first = modelFor("chat", models, route.value.query.model);
	const [picked, setNames] = useState<string[]>([first, sortedFor("chat", models).find((m) => m !== first) ?? first]);
	const names = picked.map((n) => n && modelFor("chat", models, n)); // a key that may not use one has another
	const [stream, setStream] = useState(true);
	const [text, setText] = useState("");
	const [raw, setRaw] = useState(false);
	const added = usePictures();
	const form = useForm<Fields>({ system: "", temperature: "", max_tokens: "", top_p: "", more: "" }, { more: (v) => jsonObjectFault(v) ? t("playground.badJson") : "" });
	const stop = useRef<AbortController | null>(null);
	const end = useRef<HTMLDivElement>(null);
	const { turns } = talk.value;
	const running = turns.some((x) => x.answers.some((a) => a.running));
	useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [turns]);
	useEffect(() => { if (!running) saveTalk(); }, [turns, running]);
	useEffect(() => () => stop.current?.abort(), []);
	const chosen = [...new Set((compare ? names.slice(0, most) : names.slice(0, 1)).filter((n) => models.includes(n)))];
	const askOf = (before: Turn[], model: string, asked: string, pictures: string[]): Ask =>
		({ key: desk.secret, model, stream, messages: history(form.values.system, before, model, asked, pictures), extra: extraOf(form.values) });

	const send = async (asked: string, pictures: string[], before: Turn[]): Promise<void> => {
		const id = newTurnId();
		const answers = chosen.map((model): Answer => ({ model, text: "", running: true, figures: null, fault: null, stopped: false }));
		setTurns(() => [...before, { id, asked, pictures, answers }]);
		const mine = stop.current = new AbortController();
		const set = (i: number, part: Partial<Answer>): void => setTurns((all) => all.map((x) => x.id !== id ? x : { ...x, answers: x.answers.map((a, at) => at === i ? { ...a, ...part } : a) }));
		await Promise.all(chosen.map(async (model, i) => {
			try {
				set(i, { figures: await chat(askOf(before, model, asked, pictures), mine.signal, (said) => set(i, { text: said })), running: false });
			} catch (e) {
				const stopped = mine.signal.aborted;
				set(i, { running: false, stopped, fault: stopped ? null : e instanceof ChatError ? e.fault : { status: 0, code: "", message: String(e), raw: "" } });
			}
		}));
	};
	const ready = (text.trim() !== "" || added.pictures.length > 0) && !running && chosen.length > 0;
	const submit = (): void => {
		if (!ready)
			return;
		void send(text.trim(), added.pictures, turns);
		setText("");
		added.set([]);
	};
	const edit = (x: Turn, i: number): void => {
		setText(x.asked);
		added.set(x.pictures);
		setTurns((all) => all.slice(0, i));
	};
	const last = turns[turns.length - 1]?.answers.find((a) => a.figures?.pieces)?.figures;
	const body = raw ? shortened(JSON.stringify(bodyOf(askOf(turns, chosen[0] ?? "", text || "…", added.pictures)), null, 2)) : "";
	return (
		<div class="play">
			<section class="stack" {...added.dropping}>
				<div class="card turns">
					{turns.length === 0 && <Empty text={t("playground.hello")} />}
					{turns.map((x, i) => <TurnView key={x.id} turn={x} price={(m) => desk.price(m).tokens} onRetry={() => void send(x.asked, x.pictures, turns.slice(0, i))} onEdit={() => edit(x, i)} />)}
					<div ref={end} />
				</div>
				{last?.buffered && <Banner tone="warn" action={role.value >= ROLE.admin && <LinkButton small href={href("diagnostics")}>{t("nav.diagnostics")}</LinkButton>}>{t("playground.buffered")}</Banner>}
				<form class="stack tight" onSubmit={(e) => { e.preventDefault(); submit(); }}>
					<Attached of={added} />
					<textarea class="input" rows={3} aria-label={t("playground.message")} placeholder={t("playground.placeholder")} value={text} onInput={(e) => setText(e.currentTarget.value)} onPaste={added.pasted}
						onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); submit(); } }} />
					<div class="foot"><span class="left row"><PictureButton to={added} /><span class="quiet small wide-only">{t("playground.enter")}</span></span>
						{turns.length > 0 && !running && <Button onClick={() => setTurns(() => [])}>{t("playground.clear")}</Button>}
						{running ? <Button kind="bad" icon="stop" onClick={() => stop.current?.abort()}>{t("playground.stop")}</Button> : <Button kind="main" submit disabled={!ready}>{t("playground.send")}</Button>}</div>
				</form>
			</section>
			<Aside desk={desk} summary={chosen.join(", ")} choose={Array.from({ length: compare ? most : 1 }, (_, i) => (
				<ModelSelect key={i} desk={desk} kind="chat" empty={compare && i > 1} label={compare ? t("playground.modelN", { n: i + 1 }) : t("playground.model")} value={names[i] ?? ""} onChange={(n) => setNames(Object.assign([...names], { [i]: n }))} />
			))}>
				<Check label={t("playground.stream")} checked={stream} onChange={setStream} />
				<Parameters form={form} />
				{last && !last.buffered && last.pieces > 2 && <span class="small ok">● {t("playground.streams", { n: last.pieces })}</span>}
				<Keeping />
				<div class="row"><GetCode desk={desk} model={chosen[0] ?? ""} /><Button small onClick={() => setRaw(true)}>{t("playground.viewRaw")}</Button></div>
			</Aside>
			{raw && <Dialog wide title={t("playground.viewRaw")} onClose={() => setRaw(false)}><CodeBlock text={`POST ${apiBaseUrl()}/chat/completions\nAuthorization: Bearer ${maskKey(desk.secret)}\n\n${body}`} /></Dialog>}
		</div>
	);
}
