// draft.ts — what is typed but not saved outlives the reload after an upgrade
//
// Nothing is stored while one types. Only when the code of a page has gone (shell/app.tsx) the drafts of
// the forms on screen, and of those that were left for that page, go into the session's storage, without
// their secrets. The form that opens next under the same name takes its own out again.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { toast } from "../ui/toast";

type Values = Record<string, unknown>;

const place = "gateway.drafts";
const secrets = /key|pass|secret|token|parts|config|code/i;
const leftFor = 30_000;
const drafts = new Map<string, { values: Values; leftAt: number }>();

const isSame = (a: unknown, b: unknown): boolean => typeof a === typeof b && Array.isArray(a) === Array.isArray(b);

function stored(): Record<string, Values> {
	try {
		return JSON.parse(sessionStorage.getItem(place) ?? "{}") as Record<string, Values>;
	} catch {
		return {};
	}
}

function store(all: Record<string, Values>): void {
	try {
		if (Object.keys(all).length)
			sessionStorage.setItem(place, JSON.stringify(all));
		else
			sessionStorage.removeItem(place);
	} catch { /* full or forbidden: then they are lost, as before */ }
}

/** The page must be loaded anew: keeps what is unsaved. */
export function keepDrafts(): void {
	const all = stored();
	for (const [name, { values, leftAt }] of drafts) {
		if (leftAt === 0 || Date.now() - leftAt < leftFor)
			all[name] = Object.fromEntries(Object.entries(values).filter(([field]) => !secrets.test(field)));
	}
	store(all);
}

/** Somebody said that what is unsaved may go. */
export const forgetDrafts = (): void => drafts.clear();

/** What was kept under this name, once; of the members that initial has, if it has any. */
export function useKept<V extends Values>(name: string, initial: V): V | null {
	const [kept] = useState(() => {
		const { [name]: mine, ...others } = stored();
		if (!mine)
			return null;
		store(others);
		const known = Object.keys(initial).length === 0 ? mine : Object.fromEntries(Object.entries(mine).filter(([field, value]) => isSame(initial[field], value)));
		return { ...initial, ...known } as V;
	});
	useEffect(() => { if (kept) toast(t("form.restored")); }, []);
	return kept;
}

/** Notes the unsaved values of a form, null: there are none. */
export function useDraft(name: string, values: Values | null): void {
	const mine = useRef(false);
	if (values) {
		mine.current = true;
		drafts.set(name, { values, leftAt: 0 });
	} else if (mine.current) {
		mine.current = false;
		drafts.delete(name);
	}
	useEffect(() => () => {
		const draft = drafts.get(name);
		if (draft)
			draft.leftAt = Date.now();
	}, []);
}
