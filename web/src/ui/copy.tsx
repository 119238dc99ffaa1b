// copy.tsx — CopyButton, Copyable, CodeBlock, and the dialog for browsers that refuse
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { copy, copyByHand } from "../lib/copy";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Icon } from "./icons";

export function CopyButton({ text, label, small = true, kind }: { text: string | (() => string); label?: string; small?: boolean; kind?: "main" | undefined }) {
	const [done, setDone] = useState(false);
	const run = async (e: MouseEvent): Promise<void> => {
		e.stopPropagation();
		if (!await copy(typeof text === "string" ? text : text()))
			return;
		setDone(true);
		setTimeout(() => setDone(false), 1500);
	};
	return <Button small={small} class="copy" kind={kind} icon={done ? "check" : "copy"} onClick={run}>{done ? t("copied") : label ?? t("copy")}</Button>;
}

/** The sign beside a value. */
export function CopyIcon({ text, label }: { text: string; label: string }) {
	const [done, setDone] = useState(false);
	return (
		<Button kind="plain" class="icon" small title={done ? t("copied") : label} aria-label={done ? t("copied") : label} onClick={async (e) => {
			e.stopPropagation();
			if (await copy(text)) {
				setDone(true);
				setTimeout(() => setDone(false), 1500);
			}
		}}><Icon name={done ? "check" : "copy"} size={14} /></Button>
	);
}

export function CodeBlock({ text, shown, children }: { text: string; shown?: string; children?: ComponentChildren }) {
	return (
		<div class="code">
			<pre tabIndex={0} role="region" aria-label={t("code")}>{shown ?? text}</pre>
			<CopyButton text={text} />{children}
		</div>
	);
}

export function CopyByHand() {
	if (copyByHand.value === null)
		return null;
	return (
		<Dialog title={t("copy.byHand")} onClose={() => { copyByHand.value = null; }}>
			<textarea class="input mono" rows={4} readOnly autofocus value={copyByHand.value} aria-label={t("copy.byHand")} onFocus={(e) => e.currentTarget.select()} />
		</Dialog>
	);
}
