// import-list.tsx — a price list in JSON: what it would change is shown, and taken only when one says so
import { useState } from "preact/hooks";
import { currency } from "../../api/session";
import { t, tn } from "../../i18n";
import * as f from "../../lib/format";
import type { PriceTables } from "../../lib/prices";
import { Button } from "../../ui/button";
import { Check } from "../../ui/field";
import { Fold } from "../../ui/fold";
import { Banner, Pill } from "../../ui/state";
import { differencesOf, readPriceList, type PriceDifference } from "./import";

const shownMost = 100;
const fileMost = 4 * 1024 * 1024;

const both = (p: { input: number; output: number }): string => `${f.price(p.input)} / ${f.price(p.output)}`;

function Preview({ rows }: { rows: PriceDifference[] }) {
	return (
		<div class="table-box bounded"><table class="table"><caption class="off-screen">{t("models.importPreview")}</caption>
			<thead><tr><th>{t("models.name")}</th><th class="num">{t("models.before")}</th><th class="num">{t("models.after")}</th></tr></thead>
			<tbody>{rows.slice(0, shownMost).map((d) => (
				<tr key={d.name}><td title={d.name}>{d.name}</td><td class="num quiet">{d.before ? both(d.before) : <Pill tone="info">{t("models.new")}</Pill>}</td><td class="num">{both(d)}</td></tr>
			))}</tbody></table>{rows.length > shownMost && <p class="quiet small">{t("models.more", { n: f.number(rows.length - shownMost) })}</p>}</div>
	);
}

export function ImportList({ tables, onTake }: { tables: PriceTables; onTake(rows: PriceDifference[]): void }) {
	const [text, setText] = useState("");
	const [takes, setTakes] = useState({ new: true, changed: true });
	const listed = text.trim() ? readPriceList(text, currency.value) : null;
	const all = listed ? differencesOf(listed, tables, currency.value) : [];
	const count = (kind: PriceDifference["kind"]): number => all.filter((d) => d.kind === kind).length;
	const rows = all.filter((d) => takes[d.kind]);
	const read = async (file: File | undefined): Promise<void> => setText(!file ? "" : file.size > fileMost ? "?" : await file.text());
	return (
		<Fold title={t("models.importJson")}>
			<div class="stack tight">
				<p class="second small">{t("models.importText", { example: '{"gpt-4o": {"input": 2.5, "output": 10}}' })}</p>
				<textarea class="input mono" rows={5} spellcheck={false} aria-label={t("models.importJson")} value={text} onInput={(e) => setText(e.currentTarget.value)} />
				<span><label class="button small">{t("models.importFile")}<input class="off-screen" type="file" accept="application/json,.json" onChange={(e) => void read(e.currentTarget.files?.[0])} /></label></span>
				{text.trim() && !listed && <Banner tone="danger">{t("models.importBad")}</Banner>}
				{listed && (
					<div class="stack tight" role="status">
						<p>{[tn("models.importRead", listed.length), listed.length > all.length ? tn("models.importSame", listed.length - all.length) : ""].join(" ")}</p>
						{all.length > 0 && <div class="row wide">{(["new", "changed"] as const).map((k) => <Check key={k} label={t(`models.import.${k}`, { n: f.number(count(k)) })} checked={takes[k]} onChange={(on) => setTakes({ ...takes, [k]: on })} />)}</div>}
						{rows.length > 0 && <Preview rows={rows} />}
						<span><Button small disabled={rows.length === 0} onClick={() => { onTake(rows); setText(""); }}>{tn("models.importTake", rows.length)}</Button></span>
					</div>
				)}
			</div></Fold>
	);
}
