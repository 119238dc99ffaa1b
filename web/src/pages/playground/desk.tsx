// desk.tsx — what every mode has: the key that pays, a pinned channel, models, code to take away
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useResource } from "../../api/resource";
import { can, currency, role } from "../../api/session";
import { ROLE, type Channel, type Key } from "../../api/types";
import { t } from "../../i18n";
import type { ChatFault } from "../../lib/chat";
import * as f from "../../lib/format";
import { tokenPrice, unitPrices, type Pricing, type TokenPrice } from "../../lib/pricing";
import { href, route } from "../../lib/router";
import type { RequestCall } from "../../lib/snippets";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Snippets } from "../../ui/snippets";
import { Banner, Empty } from "../../ui/state";
import { modelFor, sortedFor, type Kind } from "./modes";
import type { Reply, Request } from "./request";

/** What models cost, where the server tells (capability pricing). */
export function usePrices(): Desk["price"] {
	const pricing = useResource<Pricing>(can("pricing") ? "pricing" : null).data;
	const group = pricing?.group_ratio?.[pricing.group ?? ""] ?? 1;
	return (model) => {
		const row = pricing?.models?.find((r) => r.model === model);
		return { tokens: tokenPrice(row, group, currency.value.perUnit), sold: unitPrices(row, group) };
	};
}

/** "$2.50 in · $10.00 out", or what the model is sold by. */
function priceText(desk: Desk, model: string): string {
	const { tokens, sold } = desk.price(model);
	return [...(tokens ? [t("playground.price", { in: f.price(tokens.input), out: f.price(tokens.output) })] : []), ...sold.map((x) => t(`playground.sold.${x.unit}`, { price: f.price(x.price) }))].join(" · ");
}

export interface Desk {
	keys: Key[];
	key: Key;
	/** with sk-, and the pinned channel behind it */
	secret: string;
	setKey(id: number): void;
	channel: string;
	setChannel(id: string): void;
	models: string[];
	price(model: string): { tokens: TokenPrice | null; sold: ReturnType<typeof unitPrices> };
}

function Pinned({ desk }: { desk: Desk }) {
	const channels = useResource<Channel[]>(can("list.paging") ? "channel/?p=0&page_size=100" : "channel/?p=0");
	const rows = channels.data ?? [];
	const { channel } = desk;
	return (
		<Field label={t("playground.channel")}>{(wires) => (
			<select class="input" {...wires} value={channel} onChange={(e) => desk.setChannel(e.currentTarget.value)}>
				<option value="">{t("playground.any")}</option>
				{channel && !rows.some((c) => String(c.id) === channel) && <option value={channel}>#{channel}</option>}
				{rows.map((c) => <option key={c.id} value={String(c.id)}>{c.name} #{c.id}</option>)}
			</select>
		)}</Field>
	);
}

/** What was chosen, or the address says; a key that may not use it has another. */
export function useModel(desk: Desk, kind: Kind): [string, (name: string) => void] {
	const [asked, set] = useState(route.value.query.model ?? "");
	return [modelFor(kind, desk.models, asked), set];
}

export function ModelSelect({ desk, kind, value, onChange, label, empty }: { desk: Desk; kind: Kind; value: string; onChange(name: string): void; label?: string; empty?: boolean }) {
	return (
		<Field label={label ?? t("playground.model")} hint={priceText(desk, value)}>{(wires) => (
			<select class="input" {...wires} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
				{empty && <option value="">–</option>}
				{sortedFor(kind, desk.models).map((m) => <option key={m} value={m}>{m}</option>)}
			</select>
		)}</Field>
	);
}

/** Key, what the mode chooses, channel, the rest of the mode; folded on narrow windows. */
export function Aside({ desk, summary, choose, children }: { desk: Desk; summary: string; choose?: ComponentChildren; children?: ComponentChildren }) {
	return (
		<aside class="card" aria-label={t("playground.parameters")}><details class="folds-narrow" open={innerWidth > 900}><summary>{[summary, desk.key.name].filter(Boolean).join(" · ")}</summary><div class="stack">
			<Field label={t("playground.key")}>{(wires) => <select class="input" {...wires} value={String(desk.key.id)} onChange={(e) => desk.setKey(Number(e.currentTarget.value))}>{desk.keys.map((k) => <option key={k.id} value={String(k.id)}>{k.name}</option>)}</select>}</Field>
			{choose}
			{role.value >= ROLE.admin && <Pinned desk={desk} />}
			{children}
		</div></details></aside>
	);
}

/** The same request in other programs' words. */
export function GetCode({ desk, model, call }: { desk: Desk; model: string; call?: RequestCall }) {
	const [open, setOpen] = useState(false);
	return (
		<>
			<Button small onClick={() => setOpen(true)}>{t("playground.code")}</Button>
			{open && <Dialog wide title={t("playground.code")} onClose={() => setOpen(false)}><Snippets apiKey={desk.secret} model={model} {...(call ? { call } : {})} /></Dialog>}
		</>
	);
}

/** What usually helps, and where. */
function help(fault: ChatFault): { text: string; to: string } | null {
	if (/has no price/i.test(fault.message))
		return { text: t("playground.help.price"), to: "models" };
	if (/no channel/i.test(fault.message) || fault.status === 503)
		return { text: t("playground.help.channel"), to: role.value >= ROLE.admin ? "channels" : "models" };
	if (/quota|balance/i.test(`${fault.code} ${fault.message}`))
		return { text: t("playground.help.quota"), to: "wallet" };
	if (fault.status === 401 || fault.status === 403)
		return { text: t("playground.help.key"), to: "keys" };
	return null;
}

export function Fault({ fault }: { fault: ChatFault }) {
	const h = help(fault);
	return (
		<Banner tone="danger"><p>{fault.message}</p>{h && <p><a href={href(h.to)}>{h.text}</a></p>}
			{fault.raw && <details><summary>{t("playground.whole")}</summary><pre class="code-plain">{fault.raw.slice(0, 20_000)}</pre></details>}</Banner>
	);
}

/** Under a form: runs it, or stops what runs. */
export function Runner({ request, label, disabled }: { request: Request; label: string; disabled: boolean }) {
	return (
		<div class="foot"><span class="left quiet small wide-only">{t("playground.ctrlEnter")}</span>
			{request.busy ? <Button kind="bad" icon="stop" onClick={request.stop}>{t("playground.stop")}</Button> : <Button kind="main" submit disabled={disabled}>{label}</Button>}</div>
	);
}

/** Ctrl+Enter sends from a field of several lines. */
export const sendsOnCtrlEnter = (send: () => void) => (e: KeyboardEvent): void => {
	if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !e.isComposing) {
		e.preventDefault();
		send();
	}
};

/** Time, tokens and the way to the log; or what went wrong. empty: what stands there before anything was asked. */
export function Outcome({ request, empty, facts, children }: { request: Request; empty: string; facts?: string[]; children?: ComponentChildren }) {
	const { reply, fault, busy } = request;
	if (!busy && !reply && !fault)
		return <div class="card"><Empty text={empty} /></div>;
	return (
		<div class="card"><div class="stack" aria-live="polite" aria-busy={busy}>
			{busy && <p class="second">{t("playground.waiting")}</p>}
			{fault && <Fault fault={fault} />}
			{reply?.ok && children}
			{reply && <Facts reply={reply} facts={facts ?? []} />}
		</div></div>
	);
}

function Facts({ reply, facts }: { reply: Reply; facts: string[] }) {
	return (
		<p class="small quiet row">{[t("playground.total", { time: f.elapsed(reply.time) }), ...facts].filter(Boolean).join(" · ")}
			{reply.requestId && <a href={href("logs", { range: "1h" })} title={reply.requestId}>{t("playground.log")}</a>}</p>
	);
}

export const parsed = <T,>(reply: Reply | null): T | null => {
	try {
		return reply?.ok ? JSON.parse(reply.text) as T : null;
	} catch {
		return null;
	}
};
