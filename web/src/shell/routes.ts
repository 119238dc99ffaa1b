// routes.ts — which address shows which page, for whom, and where it stands in the menus
//
// A row's page is src/pages/PAGE.tsx; its words are the areas of src/i18n that it needs. A row whose
// file does not exist is not offered.
import type { ComponentType } from "preact";
import type { Capability } from "../api/session";
import { ROLE } from "../api/types";
import { loadWords, type Key } from "../i18n";
import { matchPath, type Query } from "../lib/query";
import type { IconName } from "../ui/icons";

export interface PageProps {
	params: Query;
}

export interface Route {
	path: string;
	page: string;
	role: number;
	words: string[];
	/** a row of the side bar */
	nav?: { label: Key; icon: IconName; key?: string; group: "use" | "operate" };
	/** in the menus only where the server has it */
	needs?: Capability;
	/** without side bar: the sign-in family, first run */
	alone?: boolean;
}

const { guest, user, admin, root } = ROLE;

export const routes: Route[] = [
	{ path: "", page: "home", role: guest, words: ["home"] },
	{ path: "about", page: "about", role: guest, words: ["home"] },
	{ path: "login", page: "sign-in", role: guest, words: ["home"], alone: true },
	{ path: "register", page: "register", role: guest, words: ["home"], alone: true },
	{ path: "reset", page: "reset", role: guest, words: ["home"], alone: true },
	{ path: "user/reset", page: "reset", role: guest, words: ["home"], alone: true },
	{ path: "oauth/:provider", page: "oauth", role: guest, words: ["home"], alone: true },
	{ path: "setup", page: "setup", role: root, words: ["setup", "channels", "editor"], alone: true },
	{ path: "overview", page: "overview", role: user, words: ["overview"], nav: { label: "nav.overview", icon: "overview", key: "o", group: "use" } },
	{ path: "playground", page: "playground", role: user, words: ["playground"], nav: { label: "nav.playground", icon: "playground", key: "p", group: "use" } },
	{ path: "keys/:id?", page: "keys", role: user, words: ["keys"], nav: { label: "nav.keys", icon: "keys", key: "k", group: "use" } },
	{ path: "models/:name?", page: "models", role: user, words: ["models"], nav: { label: "nav.models", icon: "models", key: "m", group: "use" } },
	{ path: "logs", page: "logs", role: user, words: ["logs", "said"], nav: { label: "nav.logs", icon: "logs", key: "l", group: "use" } },
	{ path: "wallet", page: "wallet", role: user, words: ["wallet", "said"], nav: { label: "nav.wallet", icon: "wallet", key: "w", group: "use" } },
	{ path: "chat", page: "chat", role: user, words: ["home"], nav: { label: "nav.chat", icon: "chat", group: "use" } },
	{ path: "account/:section?", page: "account", role: user, words: ["account"] },
	{ path: "channels/:id?", page: "channels", role: admin, words: ["channels", "editor"], nav: { label: "nav.channels", icon: "channels", key: "c", group: "operate" } },
	{ path: "users/:id?", page: "users", role: admin, words: ["users"], nav: { label: "nav.users", icon: "users", key: "u", group: "operate" } },
	{ path: "codes/:id?", page: "codes", role: admin, words: ["codes"], nav: { label: "nav.codes", icon: "codes", group: "operate" } },
	{ path: "diagnostics", page: "diagnostics", role: admin, words: ["diagnostics"], nav: { label: "nav.diagnostics", icon: "diagnostics", group: "operate" } },
	{ path: "audit", page: "audit", role: root, words: ["audit"], needs: "audit", nav: { label: "nav.audit", icon: "audit", group: "operate" } },
	{ path: "settings/:section?", page: "settings", role: root, words: ["settings", "options"], nav: { label: "nav.settings", icon: "settings", key: "s", group: "operate" } },
];

type Loader = () => Promise<{ default: ComponentType<PageProps> }>;
const files = import.meta.glob<{ default: ComponentType<PageProps> }>("../pages/*.tsx");

export const loaderOf = (page: string): Loader | undefined => files[`../pages/${page}.tsx`];

export function findRoute(path: string[]): { route: Route; params: Query } | null {
	for (const route of routes) {
		const params = matchPath(route.path, path);
		if (params && loaderOf(route.page))
			return { route, params };
	}
	return null;
}

/** Its code and its words. */
export const loadPage = ({ page, words }: Route): Promise<[{ default: ComponentType<PageProps> }, void]> => Promise.all([loaderOf(page)!(), loadWords(...words)]);

/** The page that the address names will most likely be shown: its code and words need not wait until it is known for whom. */
export function fetchPage(path: string[]): void {
	const found = path.length > 0 ? findRoute(path) : null;
	if (found)
		void loadPage(found.route).catch(() => { /* the page itself will say so */ });
}

/** Where one lands after signing in: what one chose, if one may and it is there, else the overview. */
export function startPath(chosen: string | undefined, role: number): string {
	return routes.some((r) => r.nav && r.path !== "chat" && role >= r.role && pathOf(r) === chosen) ? chosen! : "overview";
}

export const pathOf = (route: Route): string => route.path.replace(/\/:.*/, "");
