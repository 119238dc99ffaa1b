// call.tsx — step 5: the first call, from the person's own shell or from here; waits for its log row
import { useEffect, useState } from "preact/hooks";
import { get, openV1 } from "../../api/client";
import { useResource } from "../../api/resource";
import { setPrefs, prefs } from "../../lib/prefs";
import type { Channel, Key, LogRow } from "../../api/types";
import { t } from "../../i18n";
import * as f from "../../lib/format";
import { href } from "../../lib/router";
import { EventReader, looksBuffered } from "../../lib/sse";
import { fullKey, splitNames } from "../../lib/text";
import { Button, LinkButton } from "../../ui/button";
import { CodeBlock } from "../../ui/copy";
import { Snippets } from "../../ui/snippets";
import { Banner } from "../../ui/state";

/** Streams a short answer; says whether something on the way held it back. */
async function callHere(key: string, model: string, onText: (text: string) => void): Promise<"fine" | "buffered"> {
	const began = performance.now();
	const answer = await openV1("chat/completions", key, {
		method: "POST", headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: t("snippet.hello") }] }),
	});
	if (!answer.ok || !answer.body) {
		const fault = await answer.json().catch(() => ({})) as { error?: { message?: string } };
		throw new Error(fault.error?.message ?? `HTTP ${answer.status}`);
	}
	const events = new EventReader(), arrivals: { at: number; bytes: number }[] = [];
	let text = "";
	for (const reader = answer.body.getReader(); ;) {
		const { done, value } = await reader.read();
		if (done)
			break;
		arrivals.push({ at: performance.now() - began, bytes: value.length });
		for (const data of events.push(value)) {
			if (data !== "[DONE]")
				text += (JSON.parse(data) as { choices?: { delta?: { content?: string } }[] }).choices?.[0]?.delta?.content ?? "";
		}
		onText(text);
	}
	return looksBuffered(arrivals, performance.now() - began) ? "buffered" : "fine";
}

/** Every five seconds for two minutes, and at once after a call from here; not when there was one before. */
function useFirstRow(known: LogRow | undefined, since: number, poke: number): LogRow | null {
	const [row, setRow] = useState<LogRow | null>(known ?? null);
	useEffect(() => {
		if (row)
			return;
		let tries = 0;
		const look = async (): Promise<void> => {
			if (document.hidden)
				return;
			const rows = await get<LogRow[]>("log/self/?p=0&type=2").catch(() => []);
			const found = rows.find((r) => r.created_at >= since);
			if (found)
				setRow(found);
			else if (++tries >= 24)
				clearInterval(timer);
		};
		const timer = setInterval(() => void look(), poke ? 1500 : 5000);
		return () => clearInterval(timer);
	}, [poke, row]);
	return row;
}

export function CallStep({ apiKey, channel, called, onFinish }: { apiKey: Key; channel: Channel | undefined; called: LogRow | undefined; onFinish(): void }) {
	const [since] = useState(Math.floor(Date.now() / 1000) - 2);
	const [poke, setPoke] = useState(0);
	const [answer, setAnswer] = useState("");
	const [verdict, setVerdict] = useState<"fine" | "buffered" | null>(null);
	const available = useResource<string[]>("user/available_models");
	const row = useFirstRow(called, since, poke);
	const models = splitNames(channel?.models ?? "");
	const model = models.find((m) => /mini|flash|haiku|chat/.test(m)) ?? models[0] ?? available.data?.[0] ?? "gpt-4o-mini";
	const key = fullKey(apiKey.key);
	const run = async (): Promise<void> => {
		setVerdict(await callHere(key, model, setAnswer));
		setPoke(poke + 1);
	};
	const finish = (): void => {
		setPrefs({ seen: [...prefs.value.seen ?? [], "setup"] });
		onFinish();
	};
	return (
		<div class="stack">
			<p>{t("setup.callText")}</p>
			<CodeBlock text={key} />
			<Snippets apiKey={key} model={model} masked={false} />
			<div class="row"><Button kind={row ? undefined : "main"} onClick={run}>{t("setup.runHere")}</Button>{!row && <span class="second" role="status">◌ {t("setup.waiting")}</span>}</div>
			{answer && <Banner tone="ok">{answer}</Banner>}
			{verdict === "buffered" && <Banner tone="warn">{t("setup.buffered")}</Banner>}
			{row && (
				<>
					<Banner tone="ok"><strong>{t("setup.ready")}</strong> {t("setup.logged", { model: row.model_name, cost: f.quota(row.quota, 6), time: f.elapsed(row.elapsed_time) })}{verdict === "fine" && ` ${t("setup.streams")}`}</Banner>
					<div class="row"><LinkButton href={href("playground")} kind="main">{t("nav.playground")}</LinkButton><LinkButton href={href("users")}>{t("setup.invite")}</LinkButton><LinkButton href={href("models")}>{t("setup.prices")}</LinkButton><LinkButton href={href("channels")}>{t("setup.channels")}</LinkButton></div>
				</>
			)}
			<div class="foot"><Button kind={row ? undefined : "plain"} onClick={finish}>{t(row ? "setup.finish" : "setup.later")}</Button></div>
		</div>
	);
}
