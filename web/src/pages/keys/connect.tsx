// connect.tsx — gets a key into a program: snippets, chat apps, a test
import { useState } from "preact/hooks";
import { openV1 } from "../../api/client";
import { useResource } from "../../api/resource";
import { status } from "../../api/session";
import type { Key } from "../../api/types";
import { chatApps, chatLink, ownApps } from "../../data/chat-apps";
import { t } from "../../i18n";
import { apiBaseUrl, serverAddress } from "../../lib/addresses";
import * as f from "../../lib/format";
import { fullKey, maskKey, splitNames } from "../../lib/text";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy";
import { Dialog } from "../../ui/dialog";
import { Snippets } from "../../ui/snippets";
import { Banner } from "../../ui/state";

interface Result {
	ok: boolean;
	text: string;
}

interface Reply {
	choices?: { message?: { content?: string } }[];
	error?: { message?: string };
}

async function tryKey(key: string, model: string): Promise<Result> {
	const began = performance.now();
	try {
		const answer = await openV1("chat/completions", key, {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ model, max_tokens: 16, messages: [{ role: "user", content: t("snippet.hello") }] }),
		});
		const reply = await answer.json() as Reply;
		return answer.ok
			? { ok: true, text: t("keys.testOk", { model, time: f.elapsed(performance.now() - began), text: reply.choices?.[0]?.message?.content ?? "" }) }
			: { ok: false, text: reply.error?.message ?? `HTTP ${answer.status}` };
	} catch (e) {
		return { ok: false, text: String(e) };
	}
}

export function Connect({ item, onClose }: { item: Key; onClose(): void }) {
	const models = useResource<string[]>("user/available_models");
	const allowed = splitNames(item.models ?? "");
	const names = allowed.length ? allowed : models.data ?? [];
	const [chosen, setChosen] = useState("");
	const [result, setResult] = useState<Result | null>(null);
	const model = chosen || (names.find((n) => /mini|flash|chat/.test(n)) ?? names[0] ?? "");
	const key = fullKey(item.key);
	return (
		<Dialog title={t("keys.connectTitle", { name: item.name })} wide onClose={onClose}>
			<dl class="facts">
				<dt>{t("keys.base")}</dt><dd class="row"><code>{apiBaseUrl()}</code><CopyButton text={apiBaseUrl()} /></dd>
				<dt>{t("keys.key")}</dt><dd class="row"><code>{maskKey(key)}</code><CopyButton text={key} /></dd>
				<dt><label for="connect-model">{t("keys.model")}</label></dt>
				<dd><select id="connect-model" class="input" value={model} onChange={(e) => setChosen(e.currentTarget.value)}>{names.map((n) => <option key={n} value={n}>{n}</option>)}</select></dd>
			</dl>
			<Snippets apiKey={key} model={model} />
			<section class="stack tight">
				<h3>{t("keys.apps")}</h3>
				<p class="quiet small">{t("keys.appsWarn")}</p>
				<div class="row">{[...chatApps, ...ownApps(status.value?.chat_apps)].map((app) => {
					const link = chatLink(app, key, serverAddress(), status.value?.chat_link ?? "");
					return link && <a key={app.name} class="button" href={link} target="_blank" rel="noopener noreferrer" title={link.replaceAll(key, maskKey(key))}>{app.name}</a>;
				})}</div>
			</section>
			<section class="stack tight">
				<div class="row"><Button disabled={!model} onClick={async () => setResult(await tryKey(key, model))}>{t("keys.test")}</Button><span class="quiet small">{t("keys.testHint")}</span></div>
				{result && <Banner tone={result.ok ? "ok" : "danger"}>{result.text}</Banner>}
			</section>
		</Dialog>
	);
}
