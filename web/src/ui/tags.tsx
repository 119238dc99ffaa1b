// tags.tsx — a list of names: type or paste with commas, blanks or lines; Backspace takes the last
import { useId, useState } from "preact/hooks";
import { t } from "../i18n";
import { hasSeparator, splitNames } from "../lib/text";
import type { Wires } from "./field";

interface TagInputProps {
	values: string[];
	onChange(values: string[]): void;
	suggest?: string[] | undefined;
	placeholder?: string | undefined;
	/** from a Field, or else a name of its own */
	wires?: Wires;
	label?: string;
}

export function TagInput({ values, onChange, suggest, placeholder, wires, label }: TagInputProps) {
	const [text, setText] = useState("");
	const listId = useId();
	const take = (typed: string): void => {
		const more = splitNames(typed).filter((name) => !values.includes(name));
		if (more.length)
			onChange([...values, ...more]);
		setText("");
	};
	const input = (typed: string): void => {
		// a choice from the list of suggestions arrives whole
		if (hasSeparator(typed) || (suggest?.includes(typed) && typed.length - text.length > 1))
			take(typed);
		else
			setText(typed);
	};
	const key = (e: KeyboardEvent): void => {
		if (e.key === "Enter" && text) {
			e.preventDefault();
			take(text);
		} else if (e.key === "Backspace" && !text && values.length) {
			onChange(values.slice(0, -1));
		}
	};
	return (
		<div class="input tags" onClick={(e) => { if (e.target === e.currentTarget) e.currentTarget.querySelector("input")?.focus(); }}>
			{values.map((name) => (
				<span class="tag" key={name}>
					<span class="clip">{name}</span>
					<button type="button" aria-label={t("remove", { name })} onClick={() => onChange(values.filter((v) => v !== name))}>×</button>
				</span>
			))}
			<input {...wires} aria-label={label} value={text} placeholder={values.length ? "" : placeholder} list={suggest ? listId : undefined} autocomplete="off"
				onInput={(e) => input(e.currentTarget.value)} onKeyDown={key} onBlur={() => { take(text); wires?.onBlur(); }}
				onPaste={(e) => { e.preventDefault(); take(`${text}${e.clipboardData?.getData("text") ?? ""}`); }} />
			{suggest && <datalist id={listId}>{suggest.filter((s) => !values.includes(s)).slice(0, 200).map((s) => <option key={s} value={s} />)}</datalist>}
		</div>
	);
}
