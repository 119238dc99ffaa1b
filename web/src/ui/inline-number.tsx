// inline-number.tsx — a figure in a table that can be changed: Enter saves, Esc restores, arrows step
import { useState } from "preact/hooks";
import { showError } from "./toast";

export function InlineNumber({ value, label, onSave }: { value: number; label: string; onSave(n: number): Promise<unknown> }) {
	const [text, setText] = useState<string | null>(null);
	const save = (): void => {
		const n = Number(text);
		setText(null);
		if (text !== null && text.trim() !== "" && Number.isInteger(n) && n !== value)
			void onSave(n).catch(showError);
	};
	const key = (e: KeyboardEvent): void => {
		const input = e.currentTarget as HTMLInputElement;
		if (e.key === "Enter")
			input.blur();
		else if (e.key === "Escape") {
			setText(null);
			input.value = String(value);
			e.stopPropagation();
		} else if (e.key === "ArrowUp" || e.key === "ArrowDown") {
			e.preventDefault();
			setText(String((Number(input.value) || 0) + (e.key === "ArrowUp" ? 1 : -1)));
		}
	};
	return (
		<input class="inline-number" inputMode="numeric" aria-label={label} value={text ?? String(value)} onInput={(e) => setText(e.currentTarget.value)}
			onFocus={(e) => e.currentTarget.select()} onBlur={save} onKeyDown={key} />
	);
}
