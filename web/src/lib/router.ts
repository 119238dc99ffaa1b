// router.ts — the address is the state: route.value.path, route.value.query
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { hashOf, parseHash, type Address } from "./query";

/** The h1 of the page that is shown. */
export const pageTitle = signal("");
export const route = signal<Address>(parseHash(location.hash));
addEventListener("hashchange", () => { route.value = parseHash(location.hash); });

type Values = Record<string, string | number | undefined>;

export function go(path: string, query: Values = {}, replace = false): void {
	const hash = hashOf(path, query);
	if (replace)
		history.replaceState(null, "", hash);
	else if (hash !== location.hash)
		history.pushState(null, "", hash);
	route.value = parseHash(hash);
}
addEventListener("popstate", () => { route.value = parseHash(location.hash); });

/** Changes members of the query and keeps the others; empty ones vanish. */
export function setQuery(change: Values, replace = false): void {
	go(route.value.path.map(encodeURIComponent).join("/"), { ...route.value.query, ...change }, replace);
}

export const href = hashOf;

// ---- leaving with unsaved changes --------------------------------------------------------------

const guards = new Set<() => boolean>();

/** While dirty, closing the tab asks. Drawers ask by themselves (dialog.tsx). */
export function useGuard(dirty: boolean): void {
	useEffect(() => {
		if (!dirty)
			return;
		const guard = (): boolean => true;
		const ask = (e: BeforeUnloadEvent): void => e.preventDefault();
		guards.add(guard);
		addEventListener("beforeunload", ask);
		return () => {
			guards.delete(guard);
			removeEventListener("beforeunload", ask);
		};
	}, [dirty]);
}
