// form.ts — the state of a form
//
//	const form = useForm({ name: "", limit: "" }, { name: (v) => v ? "" : t("form.required") });
//	<TextField form={form} name="name" label={t("keys.name")} />
//	<Drawer onSubmit={() => form.submit(async (v) => { await post("token/", v); })} dirty={form.dirty}>
//
// A field is checked when it is left and, once wrong, while typing. submit() checks all, focuses the
// first fault, and puts what the server refuses into form.fault. What is unsaved outlives an upgrade (draft.ts).
import { useRef, useState } from "preact/hooks";
import { ApiError } from "../api/errors";
import { useDraft, useKept } from "../lib/draft";
import { route } from "../lib/router";
import { errorText, showError } from "./toast";

export type Values = Record<string, unknown>;
export type Checks<V extends Values> = { [K in keyof V]?: (value: V[K], all: V) => string };

export interface Form<V extends Values> {
	values: V;
	faults: Partial<Record<keyof V, string>>;
	/** what the server said */
	fault: string;
	busy: boolean;
	dirty: boolean;
	set<K extends keyof V>(name: K, value: V[K]): void;
	change(part: Partial<V>): void;
	left(name: keyof V): void;
	submit(send: (values: V) => Promise<unknown>): Promise<boolean>;
	/** makes these the unchanged values */
	reset(values: V): void;
}

export function useForm<V extends Values>(initial: V, checks: Checks<V> = {}): Form<V> {
	const [name] = useState(() => `${route.peek().path.join("/")} ${Object.keys(initial).sort().join()}`);
	const kept = useKept(name, initial);
	const [base, setBase] = useState(initial);
	const [values, setValues] = useState(kept ?? initial);
	const [faults, setFaults] = useState<Partial<Record<keyof V, string>>>({});
	const [fault, setFault] = useState("");
	const [busy, setBusy] = useState(false);
	const now = useRef(values);
	now.current = values;

	const faultOf = (name: keyof V, all: V): string => checks[name]?.(all[name], all) ?? "";
	const checkAll = (): Partial<Record<keyof V, string>> => {
		const found: Partial<Record<keyof V, string>> = {};
		for (const name of Object.keys(checks) as (keyof V)[]) {
			const text = faultOf(name, now.current);
			if (text)
				found[name] = text;
		}
		return found;
	};
	const change = (part: Partial<V>): void => {
		const all = { ...now.current, ...part };
		now.current = all;
		setValues(all);
		setFaults((old) => Object.fromEntries(
			(Object.keys(old) as (keyof V)[]).map((name) => [name, faultOf(name, all)]).filter(([, text]) => text),
		) as Partial<Record<keyof V, string>>);
	};
	const dirty = JSON.stringify(base) !== JSON.stringify(values);
	useDraft(name, dirty ? values : null);
	return {
		values, faults, fault, busy, dirty,
		change,
		set: (name, value) => change({ [name]: value } as unknown as Partial<V>),
		left: (name) => {
			const text = faultOf(name, now.current);
			setFaults((old) => ({ ...old, [name]: text || undefined }));
		},
		reset: (next) => {
			now.current = next;
			setBase(next);
			setValues(next);
			setFaults({});
			setFault("");
		},
		submit: async (send) => {
			const found = checkAll();
			setFaults(found);
			setFault("");
			if (Object.keys(found).length > 0) {
				requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
				return false;
			}
			setBusy(true);
			try {
				await send(now.current);
				setBase(now.current);
				return true;
			} catch (e) {
				if (e instanceof ApiError)
					setFault(errorText(e));
				else
					showError(e);
				return false;
			} finally {
				setBusy(false);
			}
		},
	};
}
