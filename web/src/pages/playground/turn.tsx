// turn.tsx — what was said: the person's words and pictures, and one or more answers with their figures
import { language, t, tn } from "../../i18n";
import type { Figures } from "../../lib/chat";
import * as f from "../../lib/format";
import { formatDollars } from "../../lib/money";
import type { TokenPrice } from "../../lib/pricing";
import { href } from "../../lib/router";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy";
import { Prose } from "../../ui/prose";
import { Fault } from "./desk";
import type { Answer, Turn } from "./talk";

/** About: parts that have prices of their own are in the log. */
function costOf(price: TokenPrice | null, x: Figures | null): string {
	return price && x && x.input + x.output > 0 ? `≈ ${formatDollars((x.input * price.input + x.output * price.output) / 1_000_000, language.value)}` : "";
}

function Meta({ answer, price, onRetry }: { answer: Answer; price: TokenPrice | null; onRetry(): void }) {
	const x = answer.figures;
	return (
		<div class="meta">
			{x && <span>{[
				x.first ? t("playground.first", { time: f.elapsed(x.first) }) : "", t("playground.total", { time: f.elapsed(x.total) }),
				x.output && x.total > x.first ? t("playground.speed", { n: f.number(Math.round(x.output / Math.max(0.05, (x.total - x.first) / 1000))) }) : "",
				x.input || x.output ? t("playground.tokens", { in: f.number(x.input), out: f.number(x.output) }) : "", costOf(price, x),
			].filter(Boolean).join(" · ")}</span>}
			{x?.requestId && <a href={href("logs", { range: "1h" })} title={x.requestId}>{t("playground.log")}</a>}
			{answer.stopped && <span>{t("playground.stopped")}</span>}
			{!answer.running && answer.text && <CopyButton text={answer.text} />}
			{!answer.running && <Button small onClick={onRetry}>{t("playground.retry")}</Button>}
		</div>
	);
}

export function TurnView({ turn, price, onRetry, onEdit }: { turn: Turn; price(model: string): TokenPrice | null; onRetry(): void; onEdit(): void }) {
	return (
		<>
			<div class="turn"><span class="who">{t("playground.you")}</span><div>
				{turn.pictures.length > 0 && <div class="row">{turn.pictures.map((uri, i) => <img key={i} class="thumb" src={uri} alt={t("playground.pictureN", { n: i + 1 })} />)}</div>}
				{turn.lost ? <p class="quiet small">{tn("playground.lost", turn.lost)}</p> : null}
				<div class="said">{turn.asked}</div><span class="outdent"><Button small kind="plain" onClick={onEdit}>{t("edit")}</Button></span></div></div>
			<div class={turn.answers.length > 1 ? "answers" : ""}>{turn.answers.map((a, i) => (
				<div class={turn.answers.length > 1 ? "card stack tight" : "turn"} key={i}>
					<span class="who">{a.model}</span>
					<div class="stack tight" aria-live="polite" aria-busy={a.running}>
						{a.running ? <div class="said">{a.text}▌</div> : a.text && <Prose text={a.text} />}
						{a.fault && <Fault fault={a.fault} />}
						<Meta answer={a} price={price(a.model)} onRetry={onRetry} />
					</div>
				</div>
			))}</div>
		</>
	);
}
