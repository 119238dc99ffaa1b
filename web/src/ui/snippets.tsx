// snippets.tsx — the same call in five languages, one click to copy
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { apiBaseUrl } from "../lib/addresses";
import { snippet, snippetKinds, usualKind } from "../lib/snippets";
import { maskKey } from "../lib/text";
import { CodeBlock } from "./copy";
import { Check, Segments } from "./field";

export function Snippets({ apiKey, model, masked = true }: { apiKey: string; model: string; masked?: boolean }) {
	const [kind, setKind] = useState(usualKind(navigator.platform));
	const [withKey, setWithKey] = useState(!masked);
	const call = { base: apiBaseUrl(), model: model || "gpt-4o-mini", message: t("snippet.hello") };
	const text = snippet(kind, { ...call, key: apiKey });
	return (
		<div class="stack tight">
			<div class="row spread">
				<Segments label={t("snippet.kind")} value={kind} onChange={setKind} options={snippetKinds.map((s) => ({ value: s.kind, label: s.label }))} />
				{masked && <Check label={t("snippet.withKey")} checked={withKey} onChange={setWithKey} />}
			</div>
			<CodeBlock text={text} shown={withKey ? text : snippet(kind, { ...call, key: maskKey(apiKey) })} />
		</div>
	);
}
