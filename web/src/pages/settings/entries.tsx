// entries.tsx — an option that is an object of objects: one fold for each name, added and removed
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/button";

const searchFrom = 10;
const shownMost = 50;

interface EntriesProps<T> {
	rows: T[];
	onChange(rows: T[]): void;
	name(row: T): string;
	summary(row: T): string;
	fresh(): T;
	add: string;
	/** names that occur twice */
	twice: Set<string>;
	children(row: T, set: (part: Partial<T>) => void): ComponentChildren;
}

export function Entries<T>({ rows, onChange, name, summary, fresh, add, twice, children }: EntriesProps<T>) {
	const [find, setFind] = useState("");
	const [opened, setOpened] = useState(-1);
	const word = find.trim().toLowerCase();
	const shown = rows.map((row, i) => ({ row, i })).filter(({ row, i }) => i === opened || !word || name(row).toLowerCase().includes(word));
	return (
		<div class="stack tight">
			{rows.length > searchFrom && <input class="input" type="search" placeholder={t("pairs.find")} aria-label={t("pairs.find")} value={find} onInput={(e) => setFind(e.currentTarget.value)} />}
			{shown.slice(0, shownMost).map(({ row, i }) => (
				<details class="entry" key={i} open={i === opened} onToggle={(e) => { if (e.currentTarget.open && i !== opened) setOpened(i); else if (!e.currentTarget.open && i === opened) setOpened(-1); }}>
					<summary><strong>{name(row) || t("settings.unnamed")}</strong> <span class="second small">{summary(row)}</span></summary>
					{i === opened && (
						<div class="stack">
							{children(row, (part) => onChange(rows.map((x, at) => at === i ? { ...x, ...part } : x)))}
							{twice.has(name(row)) && <span class="fault" role="alert">{t("settings.twice", { name: name(row) })}</span>}
							<span><Button small kind="bad" onClick={() => { setOpened(-1); onChange(rows.filter((_, at) => at !== i)); }}>{t("settings.removeRow")}</Button></span>
						</div>
					)}
				</details>
			))}
			{shown.length > shownMost && <p class="quiet small">{t("pairs.more", { n: shown.length - shownMost })}</p>}
			{rows.length === 0 && <p class="quiet small">{t("settings.noRows")}</p>}
			<span><Button small icon="plus" onClick={() => { setFind(""); setOpened(rows.length); onChange([...rows, fresh()]); }}>{add}</Button></span>
		</div>
	);
}

/** The rows of a text, kept here while they are typed. */
export function useRows<T>(text: string, read: (text: string) => T[], write: (rows: T[]) => string, onChange: (text: string) => void): [T[], (rows: T[]) => void] {
	const [rows, setRows] = useState<T[]>(() => read(text));
	return [rows, (next) => {
		setRows(next);
		onChange(write(next));
	}];
}
