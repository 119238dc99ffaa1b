// field.tsx — labelled inputs bound to a form, and the same without one
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { currency } from "../api/session";
import { t } from "../i18n";
import { parseAmount } from "../lib/money";
import { Button, IconButton } from "./button";
import type { Form, Values } from "./form";
import { TagInput } from "./tags";

/** Names of the members of V that hold a T. */
type NamesOf<V, T> = { [K in keyof V]: V[K] extends T ? K : never }[keyof V] & string;

interface Bound<V extends Values, T> {
	form: Form<V>;
	name: NamesOf<V, T>;
	label: ComponentChildren;
	hint?: ComponentChildren;
	optional?: boolean | undefined;
	disabled?: boolean | undefined;
}

export interface Wires {
	id: string;
	"aria-invalid": boolean | undefined;
	"aria-describedby": string | undefined;
	onBlur(): void;
}

export function Field({ label, hint, fault, optional, onLeft, children }: {
	label: ComponentChildren;
	hint?: ComponentChildren;
	fault?: string | undefined;
	optional?: boolean | undefined;
	onLeft?(): void;
	children(wires: Wires): ComponentChildren;
}) {
	const id = useId();
	return (
		<div class="field">
			<label for={id}>{label}{optional && <span class="optional"> {t("form.optional")}</span>}</label>
			{children({
				id,
				"aria-invalid": fault ? true : undefined,
				"aria-describedby": fault || hint ? `${id}-hint` : undefined,
				onBlur: () => onLeft?.(),
			})}
			{fault ? <span class="fault" id={`${id}-hint`}>{fault}</span> : hint && <span class="hint" id={`${id}-hint`}>{hint}</span>}
		</div>
	);
}

function bind<V extends Values, T>({ form, name, label, hint, optional }: Bound<V, T>) {
	return {
		label, hint, optional,
		fault: form.faults[name],
		onLeft: () => { if (form.dirty) form.left(name); },
	};
}

interface TextLook {
	type?: "text" | "password" | "email" | "number" | "url" | "datetime-local" | "search";
	placeholder?: string | undefined;
	autocomplete?: string;
	autofocus?: boolean;
	list?: string[] | undefined;
	mono?: boolean;
	maxLength?: number;
	after?: ComponentChildren;
}

export function TextField<V extends Values>(p: Bound<V, string> & TextLook) {
	const { form, name } = p;
	const listId = useId();
	return (
		<Field {...bind(p)}>{(wires) => (
			<div class="input-row">
				<input class={p.mono ? "input mono" : "input"} type={(p.type ?? "text") as "text"} placeholder={p.placeholder} disabled={p.disabled}
					autocomplete={p.autocomplete ?? "off"} autofocus={p.autofocus} list={p.list ? listId : undefined} name={name}
					maxLength={p.maxLength} value={form.values[name] as string} step={p.type === "number" ? "any" : undefined}
					onInput={(e) => form.set(name, e.currentTarget.value as V[typeof name])} {...wires} />
				{p.list && <datalist id={listId}>{p.list.map((x) => <option key={x} value={x} />)}</datalist>}
				{p.after}
			</div>
		)}</Field>
	);
}

/** Shows "set: leave empty to keep" for a secret that exists. */
export function SecretField<V extends Values>(p: Bound<V, string> & { exists?: boolean; autocomplete?: string; autofocus?: boolean }) {
	const { form, name } = p;
	const [shown, setShown] = useState(false);
	return (
		<Field {...bind(p)}>{(wires) => (
			<div class="input-row">
				<input class="input mono" type={(shown ? "text" : "password") as "text"} autocomplete={p.autocomplete ?? "new-password"} name={name}
					placeholder={p.exists ? t("form.secretKept") : ""} spellcheck={false} autofocus={p.autofocus} disabled={p.disabled}
					value={form.values[name] as string} onInput={(e) => form.set(name, e.currentTarget.value as V[typeof name])} {...wires} />
				<IconButton small={false} icon={shown ? "hide" : "show"} label={t(shown ? "form.hide" : "form.show")} aria-pressed={shown}
					onClick={() => setShown(!shown)} />
			</div>
		)}</Field>
	);
}

/** The text of an amount in the site's currency; amountFault() checks it. */
export function MoneyField<V extends Values>(p: Bound<V, string> & { picks?: number[] }) {
	const { form, name } = p;
	return (
		<Field {...bind(p)}>{(wires) => (
			<div class="row">
				<div class="input-row grow">
					{currency.value.shown && <span class="row quiet" aria-hidden="true">$</span>}
					<input class="input" inputMode="decimal" autocomplete="off" disabled={p.disabled} value={form.values[name] as string} name={name}
						onInput={(e) => form.set(name, e.currentTarget.value as V[typeof name])} {...wires} />
				</div>
				{currency.value.shown && p.picks?.map((n) => (
					<Button key={n} small onClick={() => form.set(name, String(n) as V[typeof name])}>${n}</Button>
				))}
			</div>
		)}</Field>
	);
}

export function amountFault(text: string, least = 0): string {
	const units = parseAmount(text, currency.value);
	return units === null || units < least ? t("form.amount") : "";
}

export function SelectField<V extends Values>(p: Bound<V, string | number> & { options: { value: string | number; label: string }[] }) {
	const { form, name } = p;
	const numeric = typeof form.values[name] === "number";
	return (
		<Field {...bind(p)}>{(wires) => (
			<select class="input" disabled={p.disabled} value={String(form.values[name])} name={name} {...wires}
				onChange={(e) => form.set(name, (numeric ? Number(e.currentTarget.value) : e.currentTarget.value) as V[typeof name])}>
				{p.options.map((o) => <option key={o.value} value={String(o.value)}>{o.label}</option>)}
			</select>
		)}</Field>
	);
}

export function TextArea<V extends Values>(p: Bound<V, string> & { rows?: number; mono?: boolean; placeholder?: string }) {
	const { form, name } = p;
	return (
		<Field {...bind(p)}>{(wires) => (
			<textarea class={p.mono ? "input mono" : "input"} rows={p.rows ?? 4} disabled={p.disabled} spellcheck={!p.mono} placeholder={p.placeholder}
				name={name} value={form.values[name] as string} onInput={(e) => form.set(name, e.currentTarget.value as V[typeof name])} {...wires} />
		)}</Field>
	);
}

export function TagField<V extends Values>(p: Bound<V, string[]> & { suggest?: string[] | undefined; placeholder?: string }) {
	const { form, name } = p;
	return (
		<Field {...bind(p)}>{(wires) => (
			<TagInput wires={wires} values={form.values[name] as string[]} suggest={p.suggest} placeholder={p.placeholder}
				onChange={(values) => form.set(name, values as V[typeof name])} />
		)}</Field>
	);
}

export function Switch({ label, hint, checked, onChange, disabled }: {
	label: ComponentChildren; hint?: ComponentChildren; checked: boolean; onChange(on: boolean): void; disabled?: boolean | undefined;
}) {
	const id = useId();
	return (
		<div class="switch">
			<input id={id} type="checkbox" role="switch" checked={checked} disabled={disabled} aria-describedby={hint ? `${id}-hint` : undefined}
				onChange={(e) => onChange(e.currentTarget.checked)} />
			<div class="field">
				<label for={id}>{label}</label>
				{hint && <span class="hint" id={`${id}-hint`}>{hint}</span>}
			</div>
		</div>
	);
}

export function SwitchField<V extends Values>({ form, name, ...rest }: Bound<V, boolean>) {
	return <Switch {...rest} checked={form.values[name] as boolean} onChange={(on) => form.set(name, on as V[typeof name])} />;
}

export function Check({ label, checked, onChange }: { label: ComponentChildren; checked: boolean; onChange(on: boolean): void }) {
	return (
		<label class="check">
			<input type="checkbox" checked={checked} onChange={(e) => onChange(e.currentTarget.checked)} />{label}
		</label>
	);
}

/** Two to five choices that exclude each other. */
export function Segments<T extends string | number>({ value, options, onChange, label }: {
	value: T; options: { value: NoInfer<T>; label: string }[]; onChange(value: NoInfer<T>): void; label: string;
}) {
	return (
		<div class="segments" role="group" aria-label={label}>
			{options.map((o) => (
				<button key={o.value} type="button" aria-pressed={o.value === value} onClick={() => onChange(o.value)}>{o.label}</button>
			))}
		</div>
	);
}

/** The server's refusal, above the buttons of a form. */
export function FormFault({ form }: { form: { fault: string } }) {
	return form.fault ? <div class="banner danger" role="alert">{form.fault}</div> : null;
}
