// data.tsx — deleting old logs, taking the settings out and in
import { useState } from "preact/hooks";
import { del } from "../../api/client";
import { invalidate } from "../../api/resource";
import { optionRows } from "../../data/options";
import { t, tn } from "../../i18n";
import { fromLocalInput, toLocalInput } from "../../lib/time";
import { download } from "../../lib/text";
import { Button } from "../../ui/button";
import { confirm } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { toast } from "../../ui/toast";

export function DataSection({ stored, onImport }: { stored: Record<string, string>; onImport(changes: Record<string, string>): void }) {
	const [before, setBefore] = useState(toLocalInput(Math.floor(Date.now() / 1000) - 90 * 86400));
	const remove = async (): Promise<void> => {
		const at = fromLocalInput(before);
		if (at === null || !await confirm({ title: t("settings.deleteTitle"), text: t("settings.deleteText", { time: before.replace("T", " ") }), yes: t("settings.deleteYes"), bad: true, word: t("settings.deleteWord") }))
			return;
		const n = await del<number>(`log/?target_timestamp=${at}`);
		invalidate("log/");
		toast(tn("settings.deleted", n));
	};
	const take = async (file: File | undefined): Promise<void> => {
		if (!file)
			return;
		const read = JSON.parse(await file.text()) as Record<string, unknown>;
		const known = optionRows.filter((o) => o.kind !== "secret" && typeof read[o.key] === "string" && read[o.key] !== (stored[o.key] ?? ""));
		onImport(Object.fromEntries(known.map((o) => [o.key, read[o.key] as string])));
		toast(tn("settings.imported", known.length));
	};
	return (
		<div class="stack loose">
			<div class="stack tight">
				<h3>{t("settings.oldLogs")}</h3>
				<Field label={t("settings.before")} hint={t("settings.beforeHint")}>{(wires) => <input class="input" type="datetime-local" value={before} {...wires} onInput={(e) => setBefore(e.currentTarget.value)} />}</Field>
				<span><Button kind="bad" onClick={remove}>{t("settings.deleteLogs")}</Button></span>
			</div>
			<div class="stack tight">
				<h3>{t("settings.transfer")}</h3>
				<p class="second">{t("settings.transferText")}</p>
				<div class="row">
					<Button icon="download" onClick={() => download("settings.json", JSON.stringify(stored, null, 2), "application/json")}>{t("settings.exportAll")}</Button>
					<label class="button">{t("settings.import")}<input class="off-screen" type="file" accept="application/json,.json" onChange={(e) => void take(e.currentTarget.files?.[0]).catch(() => toast(t("settings.noJson")))} /></label>
				</div>
			</div>
		</div>
	);
}
