// pairs.tsx — an object of texts as a table of two columns, with its JSON behind a second tab
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { jsonObjectFault, pairsText, parsePairs } from "../lib/text";
import { Button, IconButton } from "./button";
import { Segments } from "./field";

export function PairsEditor({ text, onChange, left, right, suggestLeft, suggestRight }: {
	text: string; onChange(text: string): void; left: string; right: string; suggestLeft?: string[]; suggestRight?: string[];
}) {
	const [json, setJson] = useState(jsonObjectFault(text) !== null);
	const [pairs, setPairs] = useState<[string, string][]>(parsePairs(text));
	const change = (next: [string, string][]): void => {
		setPairs(next);
		onChange(pairsText(next));
	};
	const paste = (at: number, pasted: string): boolean => {
		const lines = pasted.split(/\r?\n/).map((l) => l.split(/\t|\s*(?:->|→|=>|,|:)\s*/)).filter((c) => c.length >= 2 && c[0]);
		if (lines.length < 2)
			return false;
		change([...pairs.slice(0, at), ...lines.map((c) => [c[0]!.trim(), c[1]!.trim()] as [string, string]), ...pairs.slice(at + 1)]);
		return true;
	};
	const fault = jsonObjectFault(text);
	return (
		<div class="stack tight">
			<Segments label={t("pairs.view")} value={json ? "json" : "table"} onChange={(v) => { setJson(v === "json"); setPairs(parsePairs(text)); }}
				options={[{ value: "table", label: t("pairs.table") }, { value: "json", label: "JSON" }]} />
			{json ? (
				<div class="field">
					<textarea class="input mono" rows={6} spellcheck={false} aria-label="JSON" aria-invalid={fault ? true : undefined} value={text} onInput={(e) => onChange(e.currentTarget.value)} />
					{fault
						? <span class="fault" role="alert">{t("pairs.fault", { line: fault.line, column: fault.column })}</span>
						: <span><Button small onClick={() => onChange(text.trim() && JSON.stringify(JSON.parse(text), null, 2))}>{t("pairs.format")}</Button></span>}
				</div>
			) : (
				<>
					{pairs.map(([name, value], i) => (
						<div class="row fixed" key={i}>
							<input class="input" aria-label={left} placeholder={left} value={name} list={suggestLeft ? "pairs-left" : undefined}
								onInput={(e) => change(pairs.map((x, at) => at === i ? [e.currentTarget.value, x[1]] : x))}
								onPaste={(e) => { if (paste(i, e.clipboardData?.getData("text") ?? "")) e.preventDefault(); }} />
							<span aria-hidden="true">→</span>
							<input class="input" aria-label={right} placeholder={right} value={value} list={suggestRight ? "pairs-right" : undefined}
								onInput={(e) => change(pairs.map((x, at) => at === i ? [x[0], e.currentTarget.value] : x))} />
							<IconButton icon="close" label={t("remove", { name: name || String(i + 1) })} onClick={() => change(pairs.filter((_, at) => at !== i))} />
						</div>
					))}
					<span><Button small icon="plus" onClick={() => setPairs([...pairs, ["", ""]])}>{t("pairs.add")}</Button></span>
					{suggestLeft && <datalist id="pairs-left">{suggestLeft.map((s) => <option key={s} value={s} />)}</datalist>}
					{suggestRight && <datalist id="pairs-right">{suggestRight.map((s) => <option key={s} value={s} />)}</datalist>}
				</>
			)}
		</div>
	);
}
