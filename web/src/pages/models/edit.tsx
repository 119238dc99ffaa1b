// edit.tsx — new prices: by hand or pasted from a spreadsheet, reviewed, then one save per table
import { useState } from "preact/hooks";
import { put } from "../../api/client";
import { invalidate } from "../../api/resource";
import { currency } from "../../api/session";
import { t, tn } from "../../i18n";
import * as f from "../../lib/format";
import { completionOf, parsePrices, priceOf, withPrices, type PriceChange, type PriceTables } from "../../lib/prices";
import { Button } from "../../ui/button";
import { Drawer } from "../../ui/dialog";
import { Banner } from "../../ui/state";
import { errorText, toast } from "../../ui/toast";
import type { PriceDifference } from "./import";
import { ImportList } from "./import-list";

const list = (tables: PriceTables, name: string): { input: number; output: number; priced: boolean } => {
	const p = priceOf({ ...tables, group: {} }, name, "", currency.value);
	return { ...p, output: p.input * completionOf(tables, name) };
};

export function PriceEditor({ names, tables, onClose }: { names: string[]; tables: PriceTables; onClose(): void }) {
	const [changes, setChanges] = useState<Record<string, { input: string; output: string }>>({});
	const [pasted, setPasted] = useState("");
	const [factor, setFactor] = useState("");
	const [fault, setFault] = useState("");
	const [find, setFind] = useState("");
	const shown = (name: string): { input: string; output: string } => {
		const p = list(tables, name);
		return changes[name] ?? { input: p.priced ? String(Number(p.input.toFixed(6))) : "", output: p.priced ? String(Number(p.output.toFixed(6))) : "" };
	};
	const valid = Object.entries(changes).map(([name, v]): PriceChange => ({ name, input: Number(v.input), output: Number(v.output || v.input) }))
		.filter((x) => changes[x.name]!.input.trim() !== "" && Number.isFinite(x.input) && Number.isFinite(x.output) && x.input >= 0 && x.output >= 0);
	const take = (): void => {
		setChanges({ ...changes, ...Object.fromEntries(parsePrices(pasted).map((x) => [x.name, { input: String(x.input), output: String(x.output) }])) });
		setPasted("");
	};
	const exact = (n: number): string => String(Number(n.toPrecision(9)));
	const takeList = (rows: PriceDifference[]): void => setChanges({ ...changes, ...Object.fromEntries(rows.map((x) => [x.name, { input: exact(x.input), output: exact(x.output) }])) });
	const multiply = (): void => {
		const by = Number(factor);
		if (!(by > 0))
			return;
		const scaled = (text: string): string => String(Number((Number(text) * by).toPrecision(9)));
		setChanges({ ...changes, ...Object.fromEntries(visible.filter((n) => shown(n).input).map((n) => [n, { input: scaled(shown(n).input), output: scaled(shown(n).output) }])) });
	};
	const save = async (): Promise<void> => {
		setFault("");
		try {
			const next = withPrices(tables, valid, currency.value);
			await put("option/", { key: "ModelRatio", value: JSON.stringify(next.model) });
			await put("option/", { key: "CompletionRatio", value: JSON.stringify(next.completion) });
			invalidate("option/", "pricing");
			toast(t("form.saved"));
			onClose();
		} catch (e) {
			setFault(errorText(e));
		}
	};
	const all = [...new Set([...Object.keys(changes), ...names])];
	const visible = all.filter((n) => n.toLowerCase().includes(find.trim().toLowerCase())).sort((a, b) => Number(list(tables, a).priced) - Number(list(tables, b).priced)).slice(0, 200);
	const cell = (name: string, which: "input" | "output") => (
		<input class="inline-number" style={{ width: "88px" }} inputMode="decimal" aria-label={`${t(`models.${which}`)} ${name}`} value={shown(name)[which]}
			onInput={(e) => setChanges({ ...changes, [name]: { ...shown(name), [which]: e.currentTarget.value } })} />
	);
	return (
		<Drawer wide title={t("models.edit")} onClose={onClose} dirty={valid.length > 0} onSubmit={save}
			footer={<><span class="left second">{tn("models.changed", valid.length)}</span><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" submit disabled={valid.length === 0}>{t("models.save")}</Button></>}>
			<p class="second">{t("models.editText")}</p>
			<details><summary>{t("models.paste")}</summary>
				<div class="stack tight" style={{ paddingTop: "8px" }}><textarea class="input mono" rows={5} aria-label={t("models.paste")} placeholder={"gpt-4o\t2.5\t10"} value={pasted} onInput={(e) => setPasted(e.currentTarget.value)} />
					<span><Button small disabled={parsePrices(pasted).length === 0} onClick={take}>{tn("models.take", parsePrices(pasted).length)}</Button></span></div></details>
			<ImportList tables={tables} onTake={takeList} />
			<div class="row"><input class="input" type="search" style={{ width: "14rem" }} placeholder={t("models.search")} aria-label={t("models.search")} value={find} onInput={(e) => setFind(e.currentTarget.value)} />
				<span class="grow" /><input class="input" style={{ width: "72px" }} inputMode="decimal" aria-label={t("models.factor")} placeholder="1.2" value={factor} onInput={(e) => setFactor(e.currentTarget.value)} /><Button onClick={multiply}>{t("models.multiply")}</Button></div>
			<div class="table-box"><table class="table"><thead><tr><th>{t("models.name")}</th><th class="num">{t("models.input")}</th><th class="num">{t("models.output")}</th><th>{t("models.before")}</th></tr></thead>
				<tbody>{visible.map((n) => {
					const old = list(tables, n);
					return <tr key={n} aria-selected={n in changes}><td title={n}>{n}</td><td class="num">{cell(n, "input")}</td><td class="num">{cell(n, "output")}</td><td class="quiet">{n in changes ? (old.priced ? `${f.price(old.input)} / ${f.price(old.output)}` : t("models.unpriced")) : ""}</td></tr>;
				})}</tbody></table></div>
			{fault && <Banner tone="danger">{fault}</Banner>}
		</Drawer>
	);
}
