// dialog.tsx — Dialog, Drawer, confirm(): native <dialog>, so focus, Esc and inert come with it
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { forgetDrafts } from "../lib/draft";
import { Button, IconButton } from "./button";

interface LayerProps {
	class: string;
	labelledBy: string;
	onClose(): void;
	children: ComponentChildren;
}

function Layer({ class: className, labelledBy, onClose, children }: LayerProps) {
	const ref = useRef<HTMLDialogElement>(null);
	useLayoutEffect(() => { // before it is painted, so that no key goes past it
		const before = document.activeElement;
		const dialog = ref.current!;
		dialog.showModal();
		if (!dialog.querySelector("[autofocus]"))
			([...dialog.querySelectorAll<HTMLElement>("input:not([type=hidden]), select, textarea")].find((x) => x.getClientRects().length > 0 && !x.closest(".off-screen, details:not([open])")) ??
				dialog.querySelector<HTMLElement>("button"))?.focus();
		return () => {
			dialog.close();
			if (before instanceof HTMLElement && before.isConnected)
				before.focus();
		};
	}, []);
	return (
		<dialog ref={ref} class={className} aria-labelledby={labelledBy}
			onCancel={(e) => { if (e.target === ref.current) { e.preventDefault(); onClose(); } }}
			onMouseDown={(e) => { if (e.target === ref.current && !className.includes("keep")) onClose(); }}>
			{children}
		</dialog>
	);
}

interface DialogProps {
	title: ComponentChildren;
	onClose(): void;
	children: ComponentChildren;
	wide?: boolean;
	/** a click beside it does not close it */
	keep?: boolean;
}

export function Dialog({ title, onClose, children, wide, keep }: DialogProps) {
	const id = useId();
	return (
		<Layer class={`box${wide ? " wide" : ""}${keep ? " keep" : ""}`} labelledBy={id} onClose={onClose}>
			<div class="inner">
				<div class="head">
					<h2 id={id}>{title}</h2>
					<IconButton icon="close" label={t("close")} onClick={onClose} />
				</div>
				{children}
			</div>
		</Layer>
	);
}

/** An editor over its list. While dirty, closing asks. onSubmit makes it a form, Ctrl+S included. */
export function Drawer({ title, onClose, children, footer, wide, dirty, onSubmit }: DialogProps & {
	footer?: ComponentChildren;
	dirty?: boolean | undefined;
	onSubmit?(): unknown;
}) {
	const id = useId();
	const close = async (): Promise<void> => {
		if (dirty && !await confirm({ title: t("unsaved.title"), text: t("unsaved.text"), yes: t("unsaved.leave") }))
			return;
		onClose();
		forgetDrafts();
	};
	const submit = (e: Event): void => {
		e.preventDefault();
		onSubmit?.();
	};
	const key = (e: KeyboardEvent): void => {
		if ((e.ctrlKey || e.metaKey) && e.key === "s" && onSubmit)
			submit(e);
	};
	const Sheet = onSubmit ? "form" : "div"; // a form cannot stand in a form
	return (
		<Layer class={`drawer${wide ? " wide" : ""}${dirty ? " keep" : ""}`} labelledBy={id} onClose={close}>
			<Sheet class="sheet" {...(onSubmit ? { onSubmit: submit, onKeyDown: key, noValidate: true } : {})}>
				<header>
					<h2 id={id} class="clip">{title}</h2>
					<IconButton icon="close" label={t("close")} onClick={close} />
				</header>
				<div class="inside">{children}</div>
				{footer && <footer>{footer}</footer>}
			</Sheet>
		</Layer>
	);
}

// ---- confirm -----------------------------------------------------------------------------------

interface Question {
	title: string;
	text?: string;
	/** names the object: "Delete deepseek-2" */
	yes: string;
	bad?: boolean;
	/** to be typed before yes works */
	word?: string;
}

const question = signal<(Question & { answer(yes: boolean): void }) | null>(null);

export function confirm(q: Question): Promise<boolean> {
	return new Promise((answer) => {
		question.value = { ...q, answer: (yes) => { question.value = null; answer(yes); } };
	});
}

export function Confirmation() {
	const q = question.value;
	return q ? <Asking key={q.title} q={q} answer={q.answer} /> : null;
}

function Asking({ q, answer }: { q: Question; answer(yes: boolean): void }) {
	const [typed, setTyped] = useState("");
	const ready = !q.word || typed.trim() === q.word;
	return (
		<Dialog title={q.title} onClose={() => answer(false)}>
			{q.text && <p>{q.text}</p>}
			{q.word && (
				<label class="field">
					<span>{t("confirm.type", { word: q.word })}</span>
					<input class="input" autofocus value={typed} onInput={(e) => setTyped(e.currentTarget.value)} autocomplete="off" />
				</label>
			)}
			<div class="foot">
				<Button onClick={() => answer(false)}>{t("cancel")}</Button>
				<Button kind={q.bad ? "bad" : "main"} disabled={!ready} onClick={() => answer(true)}>{q.yes}</Button>
			</div>
		</Dialog>
	);
}
