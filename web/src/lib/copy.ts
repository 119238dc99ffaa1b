// copy.ts — copying that works on plain http, too
import { signal } from "@preact/signals";

/** Text that no clipboard would take: the shell shows it selected in a dialog. */
export const copyByHand = signal<string | null>(null);

function copyBySelection(text: string): boolean {
	const area = document.createElement("textarea");
	area.value = text;
	area.className = "off-screen";
	area.setAttribute("readonly", "");
	// inside an open dialog, since the rest of the page is inert then
	const home = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
	home.append(area);
	area.select();
	const done = document.execCommand("copy");
	area.remove();
	return done;
}

export async function copy(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch { /* no https, or not allowed */ }
	if (copyBySelection(text))
		return true;
	copyByHand.value = text;
	return false;
}
