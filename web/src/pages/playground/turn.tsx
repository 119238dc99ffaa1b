// turn.tsx — what was said: the person's words, and one or more answers with their figures
import { t } from "../../i18n";
import type { ChatFault, Figures } from "../../lib/chat";
import * as f from "../../lib/format";
import { href } from "../../lib/router";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy";
import { Prose } from "../../ui/prose";
import { Banner } from "../../ui/state";

export interface Answer {
	model: string;
	text: string;
	running: boolean;
	figures: Figures | null;
	fault: ChatFault | null;
	stopped: boolean;
}

export interface Turn {
	id: number;
	asked: string;
	answers: Answer[];
}

/** What usually helps, and where. */
function help(fault: ChatFault): { text: string; to: string } | null {
	if (/no channel/i.test(fault.message) || fault.status === 503)
		return { text: t("playground.help.channel"), to: "channels" };
	if (/quota|balance/i.test(`${fault.code} ${fault.message}`))
		return { text: t("playground.help.quota"), to: "wallet" };
	if (fault.status === 401 || fault.status === 403)
		return { text: t("playground.help.key"), to: "keys" };
	return null;
}

function Fault({ fault }: { fault: ChatFault }) {
	const h = help(fault);
	return (
		<Banner tone="danger"><p>{fault.message}</p>{h && <p><a href={href(h.to)}>{h.text}</a></p>}
			<details><summary>{t("playground.whole")}</summary><pre class="code-plain">{fault.raw}</pre></details></Banner>
	);
}

function Meta({ answer, onRetry }: { answer: Answer; onRetry(): void }) {
	const x = answer.figures;
	return (
		<div class="meta">
			{x && <span>{[
				x.first ? t("playground.first", { time: f.elapsed(x.first) }) : "", t("playground.total", { time: f.elapsed(x.total) }),
				x.output && x.total > x.first ? t("playground.speed", { n: f.number(Math.round(x.output / Math.max(0.05, (x.total - x.first) / 1000))) }) : "",
				x.input || x.output ? t("playground.tokens", { in: f.number(x.input), out: f.number(x.output) }) : "",
			].filter(Boolean).join(" · ")}</span>}
			{x?.requestId && <a href={href("logs", { range: "1h" })} title={x.requestId}>{t("playground.log")}</a>}
			{answer.stopped && <span>{t("playground.stopped")}</span>}
			{!answer.running && answer.text && <CopyButton text={answer.text} />}
			{!answer.running && <Button small onClick={onRetry}>{t("playground.retry")}</Button>}
		</div>
	);
}

export function TurnView({ turn, onRetry, onEdit }: { turn: Turn; onRetry(): void; onEdit(): void }) {
	return (
		<>
			<div class="turn"><span class="who">{t("playground.you")}</span><div><div class="said">{turn.asked}</div><span class="outdent"><Button small kind="plain" onClick={onEdit}>{t("edit")}</Button></span></div></div>
			<div class={turn.answers.length > 1 ? "answers" : ""}>{turn.answers.map((a, i) => (
				<div class={turn.answers.length > 1 ? "card stack tight" : "turn"} key={i}>
					<span class="who">{a.model}</span>
					<div class="stack tight" aria-live="polite" aria-busy={a.running}>
						{a.running ? <div class="said">{a.text}▌</div> : a.text && <Prose text={a.text} />}
						{a.fault && <Fault fault={a.fault} />}
						<Meta answer={a} onRetry={onRetry} />
					</div>
				</div>
			))}</div>
		</>
	);
}
