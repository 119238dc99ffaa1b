// detail.tsx — one row of the log: what happened, which way it went, what it cost and why
import { useResource } from "../../api/resource";
import { can, currency, role } from "../../api/session";
import { LOG, ROLE, type LogRow } from "../../api/types";
import { t } from "../../i18n";
import * as f from "../../lib/format";
import { ratiosOf } from "../../lib/log-text";
import { href, setQuery } from "../../lib/router";
import { inWords } from "../../lib/said";
import { prettyJson } from "../../lib/text";
import { Button, LinkButton } from "../../ui/button";
import { CodeBlock, CopyIcon } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { Fold } from "../../ui/fold";
import { Skeleton } from "../../ui/state";

function Cost({ row }: { row: LogRow }) {
	const r = row.model_ratio ? { model: row.model_ratio, completion: row.completion_ratio ?? 1, group: row.group_ratio ?? 1 } : ratiosOf(row.content);
	if (!r || row.type !== LOG.usage)
		return null;
	const inUnits = currency.value.perUnit ? `${f.number(row.prompt_tokens)} × ${r.model} + ${f.number(row.completion_tokens)} × ${r.model} × ${r.completion}` : "";
	return (
		<>
			<dt>{t("logs.cost")}</dt>
			<dd>({inUnits}) × {t("logs.groupRatio")} {r.group} = {f.number(row.quota)} {t("units")} = {f.quota(row.quota, 6)}</dd>
		</>
	);
}

function Route({ row }: { row: LogRow }) {
	if (role.value < ROLE.admin)
		return null;
	return (
		<>
			<dt>{t("logs.route")}</dt>
			<dd>{row.tries?.length
				? <ol>{row.tries.map((x, i) => <li key={i}><a href={href(`channels/${x.channel}`)}>#{x.channel}</a> {x.status} · {f.elapsed(x.ms)}{x.error && <span class="danger"> {x.error}</span>}</li>)}</ol>
				: row.channel ? <><a href={href(`channels/${row.channel}`)}>#{row.channel}</a>{(row.attempts ?? 1) > 1 && ` · ${t("logs.attempts", { n: row.attempts! })}`}{row.http_status ? ` · HTTP ${row.http_status}` : ""}{row.finish && row.finish !== "complete" ? ` · ${row.finish}` : ""}</> : "–"}</dd>
		</>
	);
}

/** In the reader's words, and as it was written. */
function Text({ row }: { row: LogRow }) {
	const words = inWords(row.content);
	return row.content ? (
		<>
			<dt>{t(row.type === LOG.error ? "logs.error" : "logs.text")}</dt><dd class={row.type === LOG.error ? "danger" : ""} style={{ whiteSpace: "pre-wrap" }}>{words}</dd>
			{words !== row.content && <><dt>{t("logs.asWritten")}</dt><dd class="quiet small" lang="en" style={{ whiteSpace: "pre-wrap" }}>{row.content}</dd></>}
		</>
	) : null;
}

interface Capture {
	request: string;
	request_total: number;
	response: string;
	response_total: number;
}

/** What was kept while the key asked for it; most requests have none. */
function Bodies({ id }: { id: string }) {
	const kept = useResource<Capture>(`log/${encodeURIComponent(id)}/capture`);
	if (!kept.data)
		return kept.error ? <p class="second">{t("logs.noBodies")}</p> : <Skeleton lines={2} />;
	const part = (name: "request" | "response") => (
		<section class="stack tight"><h3>{t(`logs.body.${name}`)}</h3><CodeBlock text={prettyJson(kept.data![name])} />
			{kept.data![`${name}_total`] > kept.data![name].length && <p class="quiet small">{t("logs.bodyCut", { n: f.number(kept.data![`${name}_total`]) })}</p>}</section>
	);
	return <>{part("request")}{part("response")}</>;
}

export function Detail({ row, onClose }: { row: LogRow; onClose(): void }) {
	const only = (name: string, value: string) => (): void => setQuery({ [name]: value, open: "", p: "" });
	const speed = row.elapsed_time > 0 && row.completion_tokens > 0 ? row.completion_tokens / (row.elapsed_time / 1000) : 0;
	return (
		<Drawer title={`${t(`logs.type.${row.type as 1}`)} · ${f.exact(row.created_at)}`} onClose={onClose} footer={(
			<div class="row">
				{row.token_name && <Button onClick={only("token_name", row.token_name)}>{t("logs.onlyKey")}</Button>}
				{row.model_name && <Button onClick={only("model_name", row.model_name)}>{t("logs.onlyModel")}</Button>}
				{row.model_name && row.type === LOG.usage && <LinkButton href={href("playground", { model: row.model_name })}>{t("logs.again")}</LinkButton>}
			</div>
		)}>
			<dl class="facts">
				{row.request_id && <><dt>{t("logs.request")}</dt><dd class="row"><code>{row.request_id}</code><CopyIcon text={row.request_id} label={t("logs.copyRequest")} /></dd></>}
				{row.username && <><dt>{t("logs.user")}</dt><dd>{row.username}</dd></>}
				{row.token_name && <><dt>{t("logs.key")}</dt><dd>{row.token_name}</dd></>}
				{row.model_name && <><dt>{t("logs.model")}</dt><dd>{row.model_name}{row.origin_model && row.origin_model !== row.model_name && <span class="quiet"> ← {row.origin_model}</span>}</dd></>}
				{row.elapsed_time > 0 && (
					<><dt>{t("logs.time")}</dt><dd>{[
						t(row.is_stream ? "logs.stream" : "logs.whole"),
						(row.first_token_ms ?? 0) > 0 ? t("logs.firstToken", { time: f.elapsed(row.first_token_ms!) }) : "",
						t("logs.total", { time: f.elapsed(row.elapsed_time) }), speed ? t("logs.speed", { n: f.number(Math.round(speed)) }) : "",
					].filter(Boolean).join(" · ")}</dd></>
				)}
				{row.type === LOG.usage && (
					<><dt>{t("logs.tokens")}</dt><dd>{t("logs.inOut", { in: f.number(row.prompt_tokens), out: f.number(row.completion_tokens) })}{row.cached_tokens ? ` · ${t("logs.cached", { n: f.number(row.cached_tokens) })}` : ""}</dd></>
				)}
				<Route row={row} />
				<Cost row={row} />
				{row.system_prompt_reset && <><dt>{t("logs.prompt")}</dt><dd>{t("logs.promptReset")}</dd></>}
				{row.client_address && <><dt>{t("logs.address")}</dt><dd>{row.client_address}</dd></>}
				{row.error && <><dt>{t("logs.error")}</dt><dd class="danger">{row.error}</dd></>}
				<Text row={row} />
			</dl>
			{row.request_id && can("capture") && (row.type === LOG.usage || row.type === LOG.error) && <Fold title={t("logs.bodies")}><Bodies id={row.request_id} /></Fold>}
		</Drawer>
	);
}
