// playground.tsx — tries models through the real gateway with a real key
import { useEffect, useRef, useState } from "preact/hooks";
import { useResource } from "../api/resource";
import { can, role } from "../api/session";
import { ROLE, type Channel, type Key } from "../api/types";
import { t } from "../i18n";
import { bodyOf, chat, ChatError, type Ask, type Message } from "../lib/chat";
import { apiBaseUrl } from "../lib/addresses";
import { href, route } from "../lib/router";
import { fullKey, jsonObjectFault, maskKey, splitNames } from "../lib/text";
import { Button, LinkButton } from "../ui/button";
import { CodeBlock } from "../ui/copy";
import { Dialog } from "../ui/dialog";
import { Check, Field, Segments, TextArea, TextField } from "../ui/field";
import { useForm } from "../ui/form";
import { Snippets } from "../ui/snippets";
import { Banner, Empty, Loaded, PageHead } from "../ui/state";
import { TurnView, type Answer, type Turn } from "./playground/turn";

const most = 3;

/** The wire's status lags behind: a key is marked only when it is used next. */
const isUsable = (k: Key): boolean => k.status === 1 && (k.unlimited_quota || k.remain_quota > 0) && (k.expired_time <= 0 || k.expired_time * 1000 > Date.now());

let nextId = 1;

/** Empty fields are left out; extra JSON is added as it is. */
function extraOf(v: { temperature: string; max_tokens: string; top_p: string; more: string }): Record<string, unknown> {
	const numbers = (["temperature", "max_tokens", "top_p"] as const).filter((n) => v[n].trim() !== "" && !Number.isNaN(Number(v[n]))).map((n) => [n, Number(v[n])]);
	return { ...Object.fromEntries(numbers), ...(v.more.trim() && !jsonObjectFault(v.more) ? JSON.parse(v.more) as object : {}) };
}

function ModelChoice({ models, chosen, compare, onChange }: { models: string[]; chosen: string[]; compare: boolean; onChange(names: string[]): void }) {
	return (
		<div class="stack tight">{Array.from({ length: compare ? most : 1 }, (_, i) => (
			<Field key={i} label={compare ? t("playground.modelN", { n: i + 1 }) : t("playground.model")}>{(wires) => (
				<select class="input" {...wires} value={chosen[i] ?? ""} onChange={(e) => onChange(Object.assign([...chosen], { [i]: e.currentTarget.value }))}>
					{compare && i > 1 && <option value="">–</option>}
					{models.map((m) => <option key={m} value={m}>{m}</option>)}
				</select>
			)}</Field>
		))}</div>
	);
}

function Chat({ keys, available }: { keys: Key[]; available: string[] }) {
	const { query } = route.value;
	const usable = keys.filter(isUsable);
	const [keyId, setKeyId] = useState(usable[0]?.id ?? 0);
	const key = usable.find((k) => k.id === keyId) ?? usable[0];
	const limited = splitNames(key?.models ?? "");
	const models = limited.length ? limited : available;
	const [compare, setCompare] = useState(false);
	const [names, setNames] = useState<string[]>([query.model && models.includes(query.model) ? query.model : models[0] ?? "", models[1] ?? models[0] ?? ""]);
	const [channel, setChannel] = useState(query.channel ?? "");
	const [stream, setStream] = useState(true);
	const [turns, setTurns] = useState<Turn[]>([]);
	const [text, setText] = useState("");
	const [dialog, setDialog] = useState<"code" | "raw" | null>(null);
	const form = useForm({ system: "", temperature: "", max_tokens: "", top_p: "", more: "" }, { more: (v) => jsonObjectFault(v) ? t("playground.badJson") : "" });
	const stop = useRef<AbortController | null>(null);
	const end = useRef<HTMLDivElement>(null);
	const running = turns.some((x) => x.answers.some((a) => a.running));
	useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [turns]);
	useEffect(() => () => stop.current?.abort(), []);
	const chosen = [...new Set((compare ? names.slice(0, most) : names.slice(0, 1)).filter(Boolean))];

	/** Each model sees its own earlier answers, else the first. */
	const history = (before: Turn[], model: string, asked: string): Message[] => [
		...(form.values.system.trim() ? [{ role: "system" as const, content: form.values.system }] : []),
		...before.flatMap((x): Message[] => {
			const said = (x.answers.find((a) => a.model === model && a.text) ?? x.answers.find((a) => a.text))?.text;
			return said ? [{ role: "user", content: x.asked }, { role: "assistant", content: said }] : [];
		}),
		{ role: "user", content: asked },
	];
	const askOf = (before: Turn[], model: string, asked: string): Ask => ({ key: fullKey(key!.key), channel, model, stream, messages: history(before, model, asked), extra: extraOf(form.values) });

	const send = async (asked: string, before: Turn[]): Promise<void> => {
		const id = nextId++;
		const answers = chosen.map((model): Answer => ({ model, text: "", running: true, figures: null, fault: null, stopped: false }));
		setTurns([...before, { id, asked, answers }]);
		stop.current = new AbortController();
		const set = (i: number, part: Partial<Answer>): void => setTurns((all) => all.map((x) => x.id !== id ? x : { ...x, answers: x.answers.map((a, at) => at === i ? { ...a, ...part } : a) }));
		await Promise.all(chosen.map(async (model, i) => {
			try {
				set(i, { figures: await chat(askOf(before, model, asked), stop.current!.signal, (said) => set(i, { text: said })), running: false });
			} catch (e) {
				const stopped = stop.current!.signal.aborted;
				set(i, { running: false, stopped, fault: stopped ? null : e instanceof ChatError ? e.fault : { status: 0, code: "", message: String(e), raw: "" } });
			}
		}));
	};
	const submit = (): void => {
		const asked = text.trim();
		if (!asked || running || !chosen.length)
			return;
		setText("");
		void send(asked, turns);
	};
	const last = turns[turns.length - 1]?.answers.find((a) => a.figures?.pieces)?.figures;
	const raw = JSON.stringify(bodyOf(askOf(turns, chosen[0] ?? "", text || "…")), null, 2);
	return (
		<div class="play">
			<section class="stack">
				<div class="card turns">
					{turns.length === 0 && <Empty text={t("playground.hello")} />}
					{turns.map((x, i) => <TurnView key={x.id} turn={x} onRetry={() => void send(x.asked, turns.slice(0, i))} onEdit={() => { setText(x.asked); setTurns(turns.slice(0, i)); }} />)}
					<div ref={end} />
				</div>
				{last?.buffered && <Banner tone="warn" action={<LinkButton small href={href(role.value >= ROLE.admin ? "diagnostics" : "playground")}>{t("nav.diagnostics")}</LinkButton>}>{t("playground.buffered")}</Banner>}
				<form class="stack tight" onSubmit={(e) => { e.preventDefault(); submit(); }}>
					<textarea class="input" rows={3} aria-label={t("playground.message")} placeholder={t("playground.placeholder")} value={text} onInput={(e) => setText(e.currentTarget.value)}
						onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); submit(); } }} />
					<div class="foot"><span class="left quiet small">{t("playground.enter")}</span>
						{turns.length > 0 && !running && <Button onClick={() => setTurns([])}>{t("playground.clear")}</Button>}
						{running ? <Button kind="bad" icon="stop" onClick={() => stop.current?.abort()}>{t("playground.stop")}</Button> : <Button kind="main" submit disabled={!text.trim()}>{t("playground.send")}</Button>}</div>
				</form>
			</section>
			<aside class="card" aria-label={t("playground.parameters")}><details class="folds-narrow" open={innerWidth > 900}><summary>{[chosen.join(", "), key?.name].filter(Boolean).join(" · ")}</summary><div class="stack">
				<Segments label={t("playground.mode")} value={compare ? "compare" : "chat"} onChange={(m) => setCompare(m === "compare")} options={[{ value: "chat", label: t("playground.chat") }, { value: "compare", label: t("playground.compare") }]} />
				<Field label={t("playground.key")}>{(wires) => <select class="input" {...wires} value={String(key?.id ?? "")} onChange={(e) => setKeyId(Number(e.currentTarget.value))}>{usable.map((k) => <option key={k.id} value={String(k.id)}>{k.name}</option>)}</select>}</Field>
				<ModelChoice models={models} chosen={names} compare={compare} onChange={setNames} />
				{role.value >= ROLE.admin && <Pinned value={channel} onChange={setChannel} />}
				<Check label={t("playground.stream")} checked={stream} onChange={setStream} />
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
				{last && !last.buffered && last.pieces > 2 && <span class="small ok">● {t("playground.streams", { n: last.pieces })}</span>}
				<div class="row"><Button small onClick={() => setDialog("code")}>{t("playground.code")}</Button><Button small onClick={() => setDialog("raw")}>{t("playground.raw")}</Button></div>
			</div></details></aside>
			{dialog === "code" && key && <Dialog wide title={t("playground.code")} onClose={() => setDialog(null)}><Snippets apiKey={fullKey(key.key)} model={chosen[0] ?? ""} /></Dialog>}
			{dialog === "raw" && key && <Dialog wide title={t("playground.raw")} onClose={() => setDialog(null)}><CodeBlock text={`POST ${apiBaseUrl()}/chat/completions\nAuthorization: Bearer ${maskKey(key.key)}\n\n${raw}`} /></Dialog>}
		</div>
	);
}

function Pinned({ value, onChange }: { value: string; onChange(id: string): void }) {
	const channels = useResource<Channel[]>(can("list.paging") ? "channel/?p=0&page_size=100" : "channel/?p=0");
	const rows = channels.data ?? [];
	return (
		<Field label={t("playground.channel")}>{(wires) => (
			<select class="input" {...wires} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
				<option value="">{t("playground.any")}</option>
				{value && !rows.some((c) => String(c.id) === value) && <option value={value}>#{value}</option>}
				{rows.map((c) => <option key={c.id} value={String(c.id)}>{c.name} #{c.id}</option>)}
			</select>
		)}</Field>
	);
}

export default function Playground() {
	const keys = useResource<Key[]>("token/?p=0");
	const models = useResource<string[]>("user/available_models");
	return (
		<>
			<PageHead title={t("nav.playground")} />
			<Loaded from={keys}>{(k) => <Loaded from={models}>{(m) => !k.some(isUsable)
				? <div class="card"><Empty text={t("playground.noKey")}><LinkButton kind="main" href={href("keys/new")}>{t("playground.makeKey")}</LinkButton></Empty></div>
				: m.length === 0 ? <div class="card"><Empty text={t(role.value >= ROLE.admin ? "playground.noModelsAdmin" : "playground.noModels")}>{role.value >= ROLE.admin && <LinkButton kind="main" href={href("channels/new")}>{t("playground.addChannel")}</LinkButton>}</Empty></div>
				: <Chat keys={k} available={m} />}</Loaded>}</Loaded>
		</>
	);
}
