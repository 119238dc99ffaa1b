// app.tsx — from the address to a page: roles, loading, titles, the layers above everything
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { notApi } from "../api/client";
import { expired, me, role, systemName } from "../api/session";
import { ROLE } from "../api/types";
import { language, t } from "../i18n";
import { keepDrafts } from "../lib/draft";
import { nearest } from "../lib/nearest";
import { prefs } from "../lib/prefs";
import { go, href, pageTitle, route } from "../lib/router";
import { CopyByHand } from "../ui/copy";
import { Confirmation } from "../ui/dialog";
import { Button, LinkButton } from "../ui/button";
import { Empty, Skeleton } from "../ui/state";
import { Toasts } from "../ui/toast";
import { Frame, navRows } from "./frame";
import { Misconfigured } from "./misconfigured";
import { openPalette, Palette } from "./palette";
import { findRoute, loadPage, pathOf, startPath, type PageProps, type Route } from "./routes";
import { Shortcuts } from "./shortcuts";
import { SignInAgain } from "./sign-in-again";
import { JobTray } from "./tray";

type State = "loading" | "ready" | "missing";

/** The page's code and words; after an upgrade an old chunk may be gone. */
function usePage(row: Route): [ComponentType<PageProps> | null, State] {
	const { page } = row;
	const [loaded, setLoaded] = useState<{ page: string; view: ComponentType<PageProps> } | null>(null);
	const [missing, setMissing] = useState(false);
	useEffect(() => {
		let current = true;
		setMissing(false);
		loadPage(row).then(([module]) => {
			if (current)
				setLoaded({ page, view: module.default });
		}, () => {
			keepDrafts(); // what was typed on the page before this one
			if (current)
				setMissing(true);
		});
		return () => { current = false; };
	}, [page]);
	if (missing)
		return [null, "missing"];
	return loaded?.page === page ? [loaded.view, "ready"] : [null, "loading"];
}

function Page({ row, params }: { row: Route; params: Record<string, string> }) {
	const [View, state] = usePage(row);
	useEffect(() => {
		if (state === "ready" && !document.querySelector("dialog[open]"))
			document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
	}, [row.page, state]);
	if (state === "missing")
		return <Empty text={t(navigator.onLine ? "upgraded" : "error.offline")}><Button kind="main" onClick={() => location.reload()}>{t("reload")}</Button></Empty>;
	return View ? <View params={params} /> : <Skeleton />;
}

function Denied({ needs }: { needs: number }) {
	useEffect(() => { pageTitle.value = t("denied.title"); }, []);
	return (
		<div class="state">
			<h1 tabIndex={-1}>{t("denied.title")}</h1>
			<p>{t(needs >= ROLE.root ? "denied.root" : "denied.admin")}</p>
			<LinkButton href={href("overview")} kind="main">{t("nav.overview")}</LinkButton>
		</div>
	);
}

function NotFound() {
	useEffect(() => { pageTitle.value = t("lost.title"); }, []);
	return (
		<div class="state">
			<h1 tabIndex={-1}>{t("lost.title")}</h1>
			<p>{t("lost.text", { path: `/${route.value.path.join("/")}` })}</p>
			<div class="row">{me.value ? nearest(route.value.path.join("/"), [...navRows("use"), ...navRows("operate")].map((r) => ({ row: r, names: [pathOf(r), t(r.nav!.label)] })), 3)
				.map(({ row }) => <LinkButton key={row.path} href={href(pathOf(row))}>{t(row.nav!.label)}</LinkButton>) : <LinkButton href={href("")} kind="main">{t("nav.home")}</LinkButton>}
				{me.value && <Button kind="main" onClick={openPalette}>{t("palette.open")}</Button>}</div>
		</div>
	);
}

function Routed() {
	const { path, query } = route.value;
	const found = findRoute(path);
	const away = !found ? "" : found.route.role > ROLE.guest && !me.value ? "login"
		: found.route.path === "" && me.value ? startPath(prefs.value.start, role.value) : "";
	useEffect(() => {
		if (away === "login")
			go("login", { next: `${path.join("/")}${Object.keys(query).length ? `?${new URLSearchParams(query)}` : ""}` }, true);
		else if (away)
			go(away, {}, true);
	}, [away]);
	if (away)
		return null;
	if (!found)
		return <Frame><NotFound /></Frame>;
	const { route: row, params } = found;
	if (role.value < row.role)
		return <Frame><Denied needs={row.role} /></Frame>;
	const page = <Page key={row.page} row={row} params={params} />;
	return row.alone ? page : <Frame page={row.page}>{page}</Frame>;
}

export function App() {
	useEffect(() => { document.title = [pageTitle.value, systemName.value].filter(Boolean).join(" · "); }, [pageTitle.value, systemName.value]);
	return (
		<div key={language.value}>
			{notApi.value && !me.value ? <Misconfigured error={notApi.value} /> : <Routed />}
			{expired.value && <SignInAgain />}
			<JobTray />
			<Palette />
			<Shortcuts />
			<Confirmation />
			<CopyByHand />
			<Toasts />
		</div>
	);
}
