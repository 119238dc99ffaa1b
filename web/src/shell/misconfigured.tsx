// misconfigured.tsx — /api answered with something else: says what came, and how to mend the server
import { useState } from "preact/hooks";
import { apiUrl } from "../api/client";
import type { ApiError } from "../api/errors";
import { loadStatus } from "../api/session";
import { t } from "../i18n";
import { servers, serverSnippet, type Server } from "../data/servers";
import { Button } from "../ui/button";
import { CodeBlock } from "../ui/copy";
import { Segments } from "../ui/field";

export function Misconfigured({ error }: { error: ApiError }) {
	const [server, setServer] = useState<Server>("nginx");
	return (
		<main class="page narrow-page">
			<h1>{t("notapi.title")}</h1>
			<p>{t("notapi.text", { url: apiUrl("status") })}</p>
			<p class="second">{t("notapi.received", { status: error.status })}</p>
			<CodeBlock text={error.received || t("notapi.empty")} />
			<p>{t("notapi.fix")}</p>
			<Segments label={t("notapi.server")} value={server} onChange={setServer} options={servers} />
			<CodeBlock text={serverSnippet(server)} />
			<div class="row"><Button kind="main" onClick={loadStatus}>{t("retry")}</Button></div>
		</main>
	);
}
