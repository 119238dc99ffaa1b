// snippets.tsx — the same call in five languages, one click to copy
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { apiBaseUrl } from "../lib/addresses";
import { requestSnippet, snippet, snippetKinds, usualKind, type RequestCall } from "../lib/snippets";
import { maskKey } from "../lib/text";
import { CodeBlock } from "./copy";
import { Check, Segments } from "./field";

/** A chat with the model, or the call that is given. */
export function Snippets({ apiKey, model, masked = true, call: other }: { apiKey: string; model: string; masked?: boolean; call?: RequestCall }) {
	const [kind, setKind] = useState(usualKind(navigator.platform));
	const [withKey, setWithKey] = useState(!masked);
	const call = { base: apiBaseUrl(), model: model || "gpt-4o-mini", message: t("snippet.hello") };
	const write = (key: string): string => other ? requestSnippet(kind === "env" ? "curl" : kind, call.base, key, other) : snippet(kind, { ...call, key });
	const text = write(apiKey);
	return (
		<div class="stack tight">
			<div class="row spread">
				<Segments label={t("snippet.kind")} value={kind} onChange={setKind} options={snippetKinds.filter((s) => !other || s.kind !== "env").map((s) => ({ value: s.kind, label: s.label }))} />
				{masked && <Check label={t("snippet.withKey")} checked={withKey} onChange={setWithKey} />}
			</div>
			<CodeBlock text={text} shown={withKey ? text : write(maskKey(apiKey))} />
		</div>
	);
}
