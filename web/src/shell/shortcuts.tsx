// shortcuts.tsx — single keys: "/" searches, "g" then a letter goes, "n" makes, "?" explains
import { useEffect, useRef, useState } from "preact/hooks";
import { me } from "../api/session";
import { t, type Key } from "../i18n";
import { prefs } from "../lib/prefs";
import { go, route } from "../lib/router";
import { Dialog } from "../ui/dialog";
import { navRows } from "./frame";
import { pathOf } from "./routes";

const list: [keys: string, label: Key][] = [
	["Ctrl K", "palette.open"], ["/", "shortcut.search"], ["g …", "shortcut.go"], ["n", "shortcut.new"],
	["j k", "shortcut.move"], ["Enter e", "shortcut.open"], ["x", "shortcut.select"], ["Esc", "shortcut.close"],
	["Ctrl S", "shortcut.save"], ["Ctrl Enter", "shortcut.send"], ["?", "shortcut.help"],
];

export function Shortcuts() {
	const [help, setHelp] = useState(false);
	const goes = useRef(0);
	useEffect(() => {
		const key = (e: KeyboardEvent): void => {
			const target = e.target as HTMLElement;
			if (!me.value || prefs.value.noShortcuts || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]") ||
				target.closest("input, textarea, select, [contenteditable]"))
				return;
			if (goes.current > 0 && e.timeStamp - goes.current < 1200) {
				goes.current = 0;
				const row = [...navRows("use"), ...navRows("operate")].find((r) => r.nav!.key === e.key);
				if (row)
					go(pathOf(row));
			} else if (e.key === "g") {
				goes.current = e.timeStamp;
			} else if (e.key === "/") {
				const field = document.querySelector<HTMLElement>("[data-search]");
				if (field) {
					e.preventDefault();
					field.focus();
				}
			} else if (e.key === "n" && ["keys", "channels", "users", "codes"].includes(route.value.path[0] ?? "")) {
				e.preventDefault(); // or the field that gets the focus gets the letter, too
				go(`${route.value.path[0]}/new`, route.value.query);
			} else if (e.key === "?") {
				setHelp(true);
			}
		};
		addEventListener("keydown", key);
		return () => removeEventListener("keydown", key);
	}, []);
	return help ? (
		<Dialog title={t("shortcut.title")} onClose={() => setHelp(false)}>
			<dl class="facts">{list.map(([keys, label]) => <><dt><kbd>{keys}</kbd></dt><dd>{t(label)}</dd></>)}</dl>
			<p class="quiet small">{navRows("use").concat(navRows("operate")).filter((r) => r.nav!.key).map((r) => `g ${r.nav!.key} ${t(r.nav!.label)}`).join(" · ")}</p>
		</Dialog>
	) : null;
}
