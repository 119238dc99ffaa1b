// toast.tsx — what came of something the person just did: toast(text), undo offers, showError(e)
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../api/errors";
import { t, tn } from "../i18n";

interface Toast {
	id: number;
	text: string;
	bad: boolean;
	action?: { label: string; run(): void };
}

const toasts = signal<Toast[]>([]);
let nextId = 1;

const drop = (id: number): void => { toasts.value = toasts.value.filter((x) => x.id !== id); };

function add(entry: Omit<Toast, "id">, ms: number): void {
	const id = nextId++;
	toasts.value = [...toasts.value.slice(-2), { ...entry, id }];
	if (ms)
		setTimeout(() => drop(id), ms);
}

export const toast = (text: string): void => add({ text, bad: false }, 4000);

/** Reversible things run at once; this is the way back. */
export const toastUndo = (text: string, undo: () => unknown): void =>
	add({ text, bad: false, action: { label: t("undo"), run: () => void undo() } }, 6000);

/** Calls wait because there were too many; told once. */
export function toastWaiting(seconds: number): void {
	const text = tn("error.waiting", seconds);
	if (!toasts.value.some((x) => x.text === text))
		add({ text, bad: false }, seconds * 1000);
}

/** A failure in words. */
export function errorText(e: unknown): string {
	if (!(e instanceof ApiError))
		return e instanceof Error ? e.message : String(e);
	if (e.kind === "limited")
		return t("error.limited", { n: e.retryAfter });
	if (e.kind === "offline" || e.kind === "notapi" || (e.kind === "server" && !e.message))
		return t(`error.${e.kind}`);
	return e.message || t(`error.${e.kind}`);
}

/** Errors stay until they are closed. An aborted read is none. */
export function showError(e: unknown): void {
	if (!(e instanceof DOMException && e.name === "AbortError"))
		add({ text: errorText(e), bad: true }, 0);
}

/** A popover-like layer that must stand above open dialogs: it moves into the topmost one. */
export function Toasts() {
	const box = useRef<HTMLDivElement>(null);
	const list = toasts.value;
	useEffect(() => {
		const home = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
		if (box.current && list.length && box.current.parentElement !== home)
			home.append(box.current);
	}, [list]);
	return (
		<div class="toasts-home">
			<div class="toasts" role="status" aria-live="polite" ref={box}>
				{list.map((x) => (
					<div key={x.id} class={x.bad ? "toast bad" : "toast"}>
						<p>{x.text}</p>
						{x.action && <button type="button" onClick={() => { x.action!.run(); drop(x.id); }}>{x.action.label}</button>}
						<button type="button" aria-label={t("close")} onClick={() => drop(x.id)}>×</button>
					</div>
				))}
			</div>
		</div>
	);
}
