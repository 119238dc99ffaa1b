// raw.tsx — any request under /v1 as it is sent, and its answer with everything around it
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import * as f from "../../lib/format";
import { route } from "../../lib/router";
import { download, jsonObjectFault, prettyJson } from "../../lib/text";
import { Button } from "../../ui/button";
import { CodeBlock } from "../../ui/copy";
import { Field } from "../../ui/field";
import { Empty, Pill } from "../../ui/state";
import { Aside, Fault, GetCode, ModelSelect, Runner, sendsOnCtrlEnter, type Desk } from "./desk";
import { modelFor, samples } from "./modes";
import { useRequest, type Reply } from "./request";

const shownMost = 100_000;

const sampleOf = (path: string, model: string): string => {
	const body = samples[path]?.body?.(model);
	return body ? JSON.stringify(body, null, 2) : "";
};

function Save({ reply }: { reply: Reply }) {
	return <Button small icon="download" onClick={() => download(`answer.${reply.type.split(/[/+]/).pop() || "bin"}`, reply.bytes)}>{t("playground.download")}</Button>;
}

function Answered({ reply }: { reply: Reply }) {
	const text = prettyJson(reply.text);
	return (
		<div class="card stack">
			<div class="row wide">
				<Pill tone={reply.ok ? "ok" : "danger"} shape={reply.ok ? "●" : "◆"}>HTTP {reply.status}</Pill>
				<span class="second">{[f.elapsed(reply.time), t("playground.bytes", { n: f.number(reply.bytes.size) }), reply.type].filter(Boolean).join(" · ")}</span><span class="grow" /><Save reply={reply} />
			</div>
			<details><summary>{t("playground.headers")}</summary><pre class="code-plain">{reply.headers}</pre></details>
			{reply.text ? <CodeBlock text={text} shown={text.slice(0, shownMost)} /> : <p class="second">{t(reply.bytes.size ? "playground.binary" : "playground.nothing")}</p>}
			{(reply.cut || text.length > shownMost) && <p class="quiet small">{t("playground.cut")}</p>}
		</div>
	);
}

export function Raw({ desk }: { desk: Desk }) {
	const [path, setPath] = useState("chat/completions");
	const [method, setMethod] = useState("POST");
	const [model, setModel] = useState(modelFor("chat", desk.models, route.value.query.model));
	const [body, setBody] = useState(sampleOf("chat/completions", model));
	const request = useRequest(desk);
	const sends = method === "POST" || method === "PUT";
	const fault = sends ? jsonObjectFault(body) : null;
	const ready = !fault && path.trim() !== "" && !/^\/|^\w+:|\.\./.test(path.trim());
	const untouched = (): boolean => !body.trim() || body === sampleOf(path, model);
	const choosePath = (next: string): void => {
		const sample = samples[next];
		if (sample && untouched()) {
			const fits = modelFor(sample.kind, desk.models, sample.kind === "chat" ? model : "");
			setMethod(sample.method);
			setModel(fits);
			setBody(sampleOf(next, fits));
		}
		setPath(next);
	};
	const chooseModel = (next: string): void => {
		if (untouched())
			setBody(sampleOf(path, next));
		else if (!jsonObjectFault(body) && body.trim())
			setBody(JSON.stringify({ ...JSON.parse(body) as object, model: next }, null, 2));
		setModel(next);
	};
	const run = async (): Promise<void> => {
		if (ready)
			await request.run(path.trim(), { method, ...(sends ? { body } : {}) });
	};
	return (
		<div class="play">
			<section class="stack">
				<form class="card stack" noValidate onSubmit={(e) => { e.preventDefault(); void run(); }} onKeyDown={sendsOnCtrlEnter(() => void run())}>
					<div class="raw-line">
						<Field label={t("playground.method")}>{(wires) => <select class="input" {...wires} value={method} onChange={(e) => setMethod(e.currentTarget.value)}>{["POST", "GET", "PUT", "DELETE"].map((m) => <option key={m}>{m}</option>)}</select>}</Field>
						<Field label={t("playground.path")} fault={path.trim() === "" || ready || fault ? "" : t("playground.pathBad")}>{(wires) => (
							<div class="input-row"><span class="row quiet mono" aria-hidden="true">/v1/</span><input class="input mono" list="raw-paths" autocomplete="off" spellcheck={false} {...wires} value={path} onInput={(e) => choosePath(e.currentTarget.value)} /></div>
						)}</Field>
						<datalist id="raw-paths">{Object.keys(samples).map((p) => <option key={p} value={p} />)}</datalist>
					</div>
					{sends && (
						<Field label={t("playground.body")} fault={fault ? t("pairs.fault", { line: fault.line, column: fault.column }) : ""}>{(wires) => (
							<textarea class="input mono" rows={12} spellcheck={false} {...wires} value={body} onInput={(e) => setBody(e.currentTarget.value)} />
						)}</Field>
					)}
					<Runner request={request} label={t("playground.send")} disabled={!ready} />
				</form>
				<div aria-live="polite" aria-busy={request.busy}>
					{request.busy && <div class="card second">{t("playground.waiting")}</div>}
					{request.fault && !request.reply && <Fault fault={request.fault} />}
					{request.reply && <Answered reply={request.reply} />}
					{!request.busy && !request.reply && !request.fault && <div class="card"><Empty text={t("playground.rawEmpty")} /></div>}
				</div>
			</section>
			<Aside desk={desk} summary={model} choose={<ModelSelect desk={desk} kind={samples[path]?.kind ?? "chat"} value={model} onChange={chooseModel} />}>
				<div class="row"><GetCode desk={desk} model={model} call={{ path: path.trim(), method, ...(sends && !fault && body.trim() ? { body: JSON.parse(body) as unknown } : {}) }} />
					{sends && <Button small disabled={!!fault || !body.trim()} onClick={() => setBody(prettyJson(body))}>{t("pairs.format")}</Button>}</div>
			</Aside>
		</div>
	);
}
