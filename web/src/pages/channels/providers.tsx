// providers.tsx — the choice of a provider: searchable tiles, older ones folded away
import { useState } from "preact/hooks";
import { findProviders, monogram, providerOf, type Provider } from "../../data/providers";
import { language, t } from "../../i18n";
import { Button } from "../../ui/button";

export function ProviderName({ p }: { p: Provider }) {
	return <>{p.name}{language.value === "zh-CN" && p.zh && <span class="quiet small"> {p.zh.replace(p.name.split("-")[0]!, "").trim().split(" ")[0]}</span>}</>;
}

/** folds: once one is chosen the others make room for what comes next. */
export function ProviderTiles({ value, folds, onChange }: { value: number; folds?: boolean; onChange(type: number): void }) {
	const [word, setWord] = useState("");
	const [open, setOpen] = useState(true);
	const [all, setAll] = useState(false);
	const found = findProviders(word);
	const list = word ? found : found.filter((p) => p.common || p.id === value || (all && !p.older));
	const older = word ? [] : found.filter((p) => p.older && all && p.id !== value);
	const tile = (p: Provider) => (
		<button type="button" key={p.id} class="tile" role="radio" aria-checked={p.id === value} onClick={() => { onChange(p.id); setOpen(!folds); }}>
			<span class="mono-tile" aria-hidden="true">{monogram(p)}</span><span class="clip"><ProviderName p={p} /></span>
		</button>
	);
	if (!open)
		return <div class="tiles" role="radiogroup" aria-label={t("editor.provider")}>{tile(providerOf(value))}<Button kind="plain" onClick={() => setOpen(true)}>{t("editor.change")}</Button></div>;
	return (
		<div class="stack tight">
			<input class="input" type="search" placeholder={t("editor.findProvider")} aria-label={t("editor.findProvider")} value={word} onInput={(e) => setWord(e.currentTarget.value)} />
			<div class="tiles" role="radiogroup" aria-label={t("editor.provider")}>{list.map(tile)}</div>
			{older.length > 0 && <><h3>{t("editor.older")}</h3><div class="tiles" role="radiogroup" aria-label={t("editor.older")}>{older.map(tile)}</div></>}
			{!word && <span><Button small kind="plain" onClick={() => setAll(!all)}>{t(all ? "editor.fewer" : "editor.all")}</Button></span>}
			{list.length === 0 && <p class="quiet">{t("editor.noProvider")}</p>}
		</div>
	);
}
