// pairs.tsx — objects as a table, with their JSON behind a second tab
//
//	<TableOrJson text={text} onChange={…}>{() => <MyTable text={text} onChange={…} />}</TableOrJson>
//
// A table keeps what is typed by itself and is made anew when it is shown again.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { jsonObjectFault, pairsText, parsePairs } from "../lib/text";
import { Button, IconButton } from "./button";
import { Segments } from "./field";

export function TableOrJson({ text, onChange, children }: { text: string; onChange(text: string): void; children(): ComponentChildren }) {
	const [json, setJson] = useState(jsonObjectFault(text) !== null);
	const fault = jsonObjectFault(text);
	return (
		<div class="stack tight">
			<Segments label={t("pairs.view")} value={json ? "json" : "table"} onChange={(v) => setJson(v === "json" || fault !== null)}
				options={[{ value: "table", label: t("pairs.table") }, { value: "json", label: "JSON" }]} />
			{json ? (
				<div class="field">
					<textarea class="input mono" rows={6} spellcheck={false} aria-label="JSON" aria-invalid={fault ? true : undefined} value={text} onInput={(e) => onChange(e.currentTarget.value)} />
					{fault
						? <span class="fault" role="alert">{t("pairs.fault", { line: fault.line, column: fault.column })}</span>
						: <span><Button small onClick={() => onChange(text.trim() && JSON.stringify(JSON.parse(text), null, 2))}>{t("pairs.format")}</Button></span>}
				</div>
			) : children()}
		</div>
	);
}

const searchFrom = 20;
const shownMost = 50;

interface PairsProps {
	text: string;
	onChange(text: string): void;
	left: string;
	right: string;
	suggestLeft?: string[];
	suggestRight?: string[];
}

function Pairs({ text, onChange, left, right, suggestLeft, suggestRight }: PairsProps) {
	const [pairs, setPairs] = useState<[string, string][]>(() => parsePairs(text));
	const [find, setFind] = useState("");
	const word = find.trim().toLowerCase();
	const shown = pairs.map((pair, i) => [pair, i] as const).filter(([[name, value]]) => !word || `${name} ${value}`.toLowerCase().includes(word));
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
	return (
		<>
			{pairs.length > searchFrom && <input class="input" type="search" placeholder={t("pairs.find")} aria-label={t("pairs.find")} value={find} onInput={(e) => setFind(e.currentTarget.value)} />}
			{shown.slice(0, shownMost).map(([[name, value], i]) => (
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
			{shown.length > shownMost && <p class="quiet small">{t("pairs.more", { n: shown.length - shownMost })}</p>}
			<span><Button small icon="plus" onClick={() => { setFind(""); setPairs(pairs.length < shownMost ? [...pairs, ["", ""]] : [["", ""], ...pairs]); }}>{t("pairs.add")}</Button></span>
			{suggestLeft && <datalist id="pairs-left">{suggestLeft.map((s) => <option key={s} value={s} />)}</datalist>}
			{suggestRight && <datalist id="pairs-right">{suggestRight.map((s) => <option key={s} value={s} />)}</datalist>}
		</>
	);
}

/** An object of texts in two columns. */
export function PairsEditor(p: PairsProps) {
	return <TableOrJson text={p.text} onChange={p.onChange}>{() => <Pairs {...p} />}</TableOrJson>;
}
