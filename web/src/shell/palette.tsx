// palette.tsx — Ctrl+K: pages, and what the server finds by name
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import { me, role, signOut } from "../api/session";
import { ROLE, type Channel, type Key, type User } from "../api/types";
import { t } from "../i18n";
import { go } from "../lib/router";
import { Dialog } from "../ui/dialog";
import { navRows } from "./frame";
import { pathOf } from "./routes";

const open = signal(false);
export const openPalette = (): void => { if (me.value) open.value = true; };

interface Entry {
	label: string;
	kind: string;
	run(): void;
}

function pages(): Entry[] {
	const to = (label: string, path: string): Entry => ({ label, kind: t("palette.page"), run: () => go(path) });
	return [
		...[...navRows("use"), ...navRows("operate")].map((r) => to(t(r.nav!.label), pathOf(r))),
		to(t("nav.account"), "account"),
		{ label: t("palette.newKey"), kind: t("palette.action"), run: () => go("keys/new") },
		...(role.value >= ROLE.admin ? [{ label: t("palette.newChannel"), kind: t("palette.action"), run: () => go("channels/new") }] : []),
		{ label: t("signOut"), kind: t("palette.action"), run: () => void signOut().then(() => go("login")) },
	];
}

async function find(word: string): Promise<Entry[]> {
	const q = encodeURIComponent(word);
	const none = (): [] => [];
	const [keys, channels, users] = await Promise.all([
		get<Key[]>(`token/search?keyword=${q}`).catch(none),
		role.value >= ROLE.admin ? get<Channel[]>(`channel/search?keyword=${q}`).catch(none) : [],
		role.value >= ROLE.admin ? get<User[]>(`user/search?keyword=${q}`).catch(none) : [],
	]);
	return [
		...(keys ?? []).slice(0, 5).map((k) => ({ label: k.name, kind: t("nav.keys"), run: () => go(`keys/${k.id}`) })),
		...(channels ?? []).slice(0, 5).map((c) => ({ label: `${c.name} #${c.id}`, kind: t("nav.channels"), run: () => go(`channels/${c.id}`) })),
		...(users ?? []).slice(0, 5).map((u) => ({ label: u.username, kind: t("nav.users"), run: () => go(`users/${u.id}`) })),
	];
}

function Box() {
	const [text, setText] = useState("");
	const [found, setFound] = useState<Entry[] | null>([]);
	const [at, setAt] = useState(0);
	const list = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const long = text.trim().length > 1;
		setFound(long ? null : []);
		if (!long)
			return;
		let current = true;
		const timer = setTimeout(() => void find(text.trim()).then((x) => { if (current) setFound(x); }), 250);
		return () => {
			current = false;
			clearTimeout(timer);
		};
	}, [text]);
	const entries = [...pages().filter((e) => e.label.toLowerCase().includes(text.trim().toLowerCase())), ...found ?? []];
	const run = (entry?: Entry): void => {
		open.value = false;
		entry?.run();
	};
	const key = (e: KeyboardEvent): void => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
		if (step) {
			e.preventDefault();
			setAt((at + step + entries.length) % Math.max(1, entries.length));
			list.current?.children[at + step]?.scrollIntoView({ block: "nearest" });
		} else if (e.key === "Enter") {
			e.preventDefault();
			run(entries[at]);
		}
	};
	return (
		<Dialog title={t("palette.open")} onClose={() => { open.value = false; }}>
			<input class="input" autofocus role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={`palette-${at}`} aria-label={t("palette.hint")}
				placeholder={t("palette.hint")} value={text} onInput={(e) => { setText(e.currentTarget.value); setAt(0); }} onKeyDown={key} />
			<div class="palette-list" id="palette-list" role="listbox" aria-label={t("palette.open")} ref={list}>
				{entries.map((e, i) => (
					<button type="button" id={`palette-${i}`} key={`${e.kind}${e.label}`} role="option" tabIndex={-1} aria-selected={i === at} onClick={() => run(e)}>
						<span class="clip">{e.label}</span><span class="quiet small">{e.kind}</span>
					</button>
				))}
			</div>
			{entries.length === 0 && <p class="quiet small" role="status">{found ? t("palette.none") : `${t("loading")}…`}</p>}
		</Dialog>
	);
}

export function Palette() {
	useEffect(() => {
		const key = (e: KeyboardEvent): void => {
			if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
				e.preventDefault();
				openPalette();
			}
		};
		addEventListener("keydown", key);
		return () => removeEventListener("keydown", key);
	}, []);
	return open.value ? <Box /> : null;
}
