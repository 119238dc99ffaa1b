// frame.tsx — side bar, top bar, bottom bar on phones, banners, footer
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { notApi, online } from "../api/client";
import { useResource } from "../api/resource";
import { can, loadMe, me, role, signOut, status, systemName } from "../api/session";
import { ROLE } from "../api/types";
import { language, setLanguage, t } from "../i18n";
import * as f from "../lib/format";
import { prefs, setPrefs } from "../lib/prefs";
import { go, href, pageTitle } from "../lib/router";
import { Button, IconButton, LinkButton } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Prose } from "../ui/prose";
import { Banner } from "../ui/state";
import { openPalette } from "./palette";
import { loaderOf, pathOf, routes, type Route } from "./routes";

export function navRows(group: "use" | "operate"): Route[] {
	return routes.filter((r) => r.nav?.group === group && role.value >= r.role && loaderOf(r.page) &&
		(!r.needs || can(r.needs)) && (r.page !== "chat" || status.value?.chat_link));
}

function Logo() {
	const logo = status.value?.logo;
	return logo ? <img src={logo} alt="" width={28} height={28} /> : <img src="./favicon.svg" alt="" width={28} height={28} />;
}

function NavLink({ row, page }: { row: Route; page: string }) {
	return (
		<a class="nav" href={href(pathOf(row))} aria-current={row.page === page ? "page" : undefined} title={prefs.value.narrowMenu ? t(row.nav!.label) : ""}>
			<Icon name={row.nav!.icon} /><span class="label">{t(row.nav!.label)}</span>
		</a>
	);
}

function Side({ page }: { page: string }) {
	const user = me.value!;
	const operate = navRows("operate");
	return (
		<nav class="side" aria-label={t("nav.main")}>
			<a class="brand" href={href("overview")}><Logo /><span class="label clip">{systemName.value}</span></a>
			{navRows("use").map((r) => <NavLink key={r.page} row={r} page={page} />)}
			{operate.length > 0 && <h2>{t("nav.operate")}</h2>}
			{operate.map((r) => <NavLink key={r.page} row={r} page={page} />)}
			<div class="foot-part">
				<div class="balance small">
					<span class="quiet">{t("balance")}</span>
					<a href={href("wallet")} title={f.quotaHint(user.quota)}>{f.quota(user.quota)}</a>
				</div>
				<AccountMenu page={page} />
				<Button kind="plain" small aria-label={t("nav.fold")} title={t("nav.fold")} onClick={() => setPrefs({ narrowMenu: !prefs.value.narrowMenu })}>
					<Icon name={prefs.value.narrowMenu ? "right" : "left"} />
				</Button>
			</div>
		</nav>
	);
}

function AccountMenu({ page }: { page: string }) {
	const name = me.value!.display_name || me.value!.username;
	return (
		<Menu label={t("nav.account")} plain items={[
			{ label: t("nav.account"), href: href("account") },
			{ label: t("theme.menu"), href: href("account/preferences") },
			{ label: t("signOut"), line: true, run: async () => { await signOut(); go("login"); } },
		]}>
			<Icon name="user" /><span class="label clip" aria-current={page === "account" ? "page" : undefined}>{name}</span>
		</Menu>
	);
}

export function LanguageButton() {
	const other = language.value === "en" ? "zh-CN" : "en";
	return <IconButton icon="language" label={t("language.other")} small={false} onClick={() => setLanguage(other)} />;
}

export function ModeButton() {
	const dark = document.documentElement.dataset.mode === "dark";
	return <IconButton icon={dark ? "sun" : "moon"} label={t(dark ? "mode.toLight" : "mode.toDark")} small={false} onClick={() => setPrefs({ mode: dark ? "light" : "dark" })} />;
}

/** Shown by itself once per changed text; the bell brings it back. */
function Notice() {
	const notice = useResource<string>("notice");
	const [open, setOpen] = useState(false);
	const text = notice.data?.trim() ?? "";
	useEffect(() => {
		if (text && prefs.value.notice !== text) {
			setPrefs({ notice: text });
			setOpen(true);
		}
	}, [text]);
	return text ? (
		<>
			<IconButton icon="bell" label={t("notice")} small={false} onClick={() => setOpen(true)} />
			{open && <Dialog title={t("notice")} wide onClose={() => setOpen(false)}><Prose text={text} /></Dialog>}
		</>
	) : null;
}

function Top() {
	return (
		<header class="top">
			<span class="title clip phone-only">{pageTitle.value}</span>
			<span class="grow" />
			{me.value && (
				<Button class="palette" onClick={openPalette}>
					<Icon name="search" /><span>{t("palette.open")}</span><kbd aria-hidden="true">Ctrl K</kbd>
				</Button>
			)}
			<Notice />
			<LanguageButton />
			<ModeButton />
			{!me.value && <LinkButton href={href("login")}>{t("signIn")}</LinkButton>}
		</header>
	);
}

function Bottom({ page }: { page: string }) {
	const [more, setMore] = useState(false);
	const wanted = ["overview", "keys", role.value >= ROLE.admin ? "channels" : "models", "logs"];
	const all = [...navRows("use"), ...navRows("operate")];
	const first = wanted.map((p) => all.find((r) => r.page === p)).filter((r) => r !== undefined);
	return (
		<nav class="bottom" aria-label={t("nav.main")}>
			{first.map((r) => (
				<a key={r.page} href={href(pathOf(r))} aria-current={r.page === page ? "page" : undefined}><Icon name={r.nav!.icon} size={20} />{t(r.nav!.label)}</a>
			))}
			<button type="button" aria-haspopup="dialog" onClick={() => setMore(true)}><Icon name="menu" size={20} />{t("nav.more")}</button>
			{more && (
				<Dialog title={t("nav.more")} onClose={() => setMore(false)}>
					<div class="stack tight" onClick={(e) => { if ((e.target as HTMLElement).closest("a")) setMore(false); }}>
						{all.filter((r) => !first.includes(r)).map((r) => <LinkButton key={r.page} kind="plain" icon={r.nav!.icon} href={href(pathOf(r))}>{t(r.nav!.label)}</LinkButton>)}
						<LinkButton kind="plain" icon="user" href={href("account")}>{t("nav.account")}</LinkButton>
						<Button kind="plain" icon="out" onClick={async () => { await signOut(); go("login"); }}>{t("signOut")}</Button>
					</div>
				</Dialog>
			)}
		</nav>
	);
}

export function Foot() {
	const html = status.value?.footer_html?.trim();
	return html ? <footer class="page-foot"><Prose text={html} /></footer> : null;
}

function Banners() {
	useEffect(() => {
		const back = (): void => { if (me.value) void loadMe().catch(() => {}); };
		addEventListener("online", back);
		return () => removeEventListener("online", back);
	}, []);
	return (
		<>
			{!online.value && <Banner tone="danger" action={<Button small onClick={() => loadMe()}>{t("retry")}</Button>}>{t("error.offline")}</Banner>}
			{notApi.value && <Banner tone="danger">{t("notapi.short")}</Banner>}
		</>
	);
}

export function Frame({ page = "", children }: { page?: string; children: ComponentChildren }) {
	const inside = (
		<div>
			<Top />
			<main id="main" class="page"><Banners />{children}</main>
			<Foot />
		</div>
	);
	return (
		<>
			<a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.querySelector<HTMLElement>("h1")?.focus(); }}>{t("skip")}</a>
			{me.value ? (
				<div class={prefs.value.narrowMenu ? "shell narrow" : "shell"}>
					<Side page={page} />{inside}<Bottom page={page} />
				</div>
			) : inside}
		</>
	);
}
