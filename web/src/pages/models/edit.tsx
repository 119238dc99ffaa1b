// edit.tsx — new prices: by hand or pasted from a spreadsheet, reviewed, then one save per table
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { put } from "../../api/client";
import { invalidate } from "../../api/resource";
import { currency } from "../../api/session";
import { t, tn } from "../../i18n";
import * as f from "../../lib/format";
import { completionOf, parsePrices, priceOf, withPrices, type PriceChange, type PriceTables } from "../../lib/prices";
import { units, type PricingRow, type Unit } from "../../lib/pricing";
import { href } from "../../lib/router";
import { objectOf } from "../../lib/text";
import { soldAs, withUnitPrices, type Sold, type UnitChange } from "../../lib/unit-prices";
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

type Field = "input" | "output" | Unit;
const isUnit = (which: Field): which is Unit => which !== "input" && which !== "output";
/** As typed. */
type Changes = Record<string, Partial<Record<Field, string>>>;

const isPrice = (text: string | undefined): text is string => text !== undefined && text.trim() !== "" && Number.isFinite(Number(text)) && Number(text) >= 0;
const exact = (n: number): string => String(Number(n.toPrecision(9)));

interface Props {
	names: string[];
	tables: PriceTables;
	/** of the catalogue */
	rows: Map<string, PricingRow>;
	/** built-in models that are not sold by tokens */
	builtIn: Record<string, Unit>;
	/** the option ModelPrice */
	others: string;
	onClose(): void;
}

export function PriceEditor({ names, tables, rows, builtIn, others, onClose }: Props) {
	const [changes, setChanges] = useState<Changes>({});
	const [pasted, setPasted] = useState("");
	const [factor, setFactor] = useState("");
	const [fault, setFault] = useState("");
	const [find, setFind] = useState("");
	const entries = objectOf(others);
	/** As it is. */
	const was = (name: string): Sold => soldAs({ builtIn: builtIn[name], ratio: tables.model[name], row: rows.get(name), entry: entries[name] });
	/** As it is shown: with what was typed, or taken from a list. */
	const sold = (name: string): Sold => {
		const old = was(name), now = changes[name] ?? {};
		const added = units.filter((unit) => now[unit] !== undefined && !old.units.some((u) => u.unit === unit)).map((unit) => ({ unit, price: 0 }));
		return { units: [...old.units, ...added], tokens: (old.tokens && (added.length === 0 || isPriced(name))) || now.input !== undefined };
	};
	const isPriced = (name: string): boolean => list(tables, name).priced || was(name).units.length > 0;
	const stored = (name: string, which: Field): string => {
		if (isUnit(which)) {
			const price = was(name).units.find((u) => u.unit === which)?.price;
			return typeof price === "number" ? exact(price) : "";
		}
		const p = list(tables, name);
		return p.priced ? String(Number(p[which].toFixed(6))) : "";
	};
	const shown = (name: string, which: Field): string => changes[name]?.[which] ?? stored(name, which);
	const type = (name: string, part: Partial<Record<Field, string>>): Changes => ({ [name]: { ...changes[name], ...part } });
	const tokenChanges = Object.keys(changes).filter((name) => changes[name]!.input !== undefined && isPrice(shown(name, "input")) && (shown(name, "output") === "" || isPrice(shown(name, "output"))))
		.map((name): PriceChange => ({ name, input: Number(shown(name, "input")), output: Number(shown(name, "output") || shown(name, "input")) }));
	const unitChanges = Object.entries(changes).flatMap(([name, now]) => units.filter((unit) => isPrice(now[unit])).map((unit): UnitChange => ({ name, unit, price: Number(now[unit]) })));
	const count = new Set([...tokenChanges, ...unitChanges].map((x) => x.name)).size;
	const takeUp = (more: Changes[]): void => setChanges(Object.assign({}, changes, ...more));
	/** One number of a spreadsheet is what the model is sold by. */
	const take = (): void => {
		takeUp(parsePrices(pasted).map((x) => {
			const s = was(x.name), unit = s.tokens ? undefined : s.units.find((u) => u.price !== null)?.unit;
			return type(x.name, unit ? { [unit]: String(x.input) } : { input: String(x.input), output: String(x.output) });
		}));
		setPasted("");
	};
	const takeList = (found: PriceDifference[]): void => takeUp(found.map((x) => type(x.name, { input: exact(x.input), output: exact(x.output) })));
	const multiply = (): void => {
		const by = Number(factor);
		if (!(by > 0))
			return;
		takeUp(visible.map((name) => {
			const s = sold(name);
			const fields: Field[] = [...(s.tokens ? ["input", "output"] as const : []), ...s.units.filter((u) => u.price !== null).map((u) => u.unit)];
			return type(name, Object.fromEntries(fields.filter((w) => isPrice(shown(name, w))).map((w) => [w, exact(Number(shown(name, w)) * by)])));
		}));
	};
	const save = async (): Promise<void> => {
		setFault("");
		try {
			if (tokenChanges.length > 0) {
				const next = withPrices(tables, tokenChanges, currency.value);
				await put("option/", { key: "ModelRatio", value: JSON.stringify(next.model) });
				await put("option/", { key: "CompletionRatio", value: JSON.stringify(next.completion) });
			}
			if (unitChanges.length > 0)
				await put("option/", { key: "ModelPrice", value: withUnitPrices(others, unitChanges) });
			invalidate("option/", "pricing");
			toast(t("form.saved"));
			onClose();
		} catch (e) {
			setFault(errorText(e));
		}
	};
	const all = [...new Set([...Object.keys(changes), ...names])];
	const found = all.filter((n) => n.toLowerCase().includes(find.trim().toLowerCase()));
	const priced = new Set(found.filter(isPriced));
	const visible = [...found.filter((n) => !priced.has(n)), ...priced].slice(0, 200);
	const cell = (name: string, which: Field) => (
		<input class="inline-number framed" style={{ width: "88px" }} inputMode="decimal" aria-label={`${t(isUnit(which) ? `models.sold.${which}` : `models.${which}`)} ${name}`} value={shown(name, which)}
			aria-invalid={shown(name, which).trim() !== "" && !isPrice(shown(name, which)) || undefined}
			onInput={(e) => takeUp([type(name, { ...(isUnit(which) ? {} : { input: shown(name, "input"), output: shown(name, "output") }), [which]: e.currentTarget.value })])} />
	);
	const before = (name: string, fields: Field[]) => fields.every((w) => changes[name]?.[w] === undefined) ? "" : fields.some((w) => stored(name, w)) ? fields.map((w) => f.price(Number(stored(name, w)))).join(" / ") : t("models.unpriced");
	/** What nobody priced may be sold by anything. */
	const sellBy = (name: string, now: Unit | "tokens") => (
		<select class="input" style={{ width: "auto", flex: "none" }} aria-label={t("models.soldBy", { name })} value={now} onChange={(e) => {
			const { [name]: _, ...rest } = changes;
			setChanges(e.currentTarget.value === "tokens" ? rest : { ...rest, [name]: { [e.currentTarget.value]: "" } });
		}}>{(["tokens", ...units] as const).map((u) => <option key={u} value={u}>{t(`models.soldBy.${u}`)}</option>)}</select>
	);
	const head = (n: string, select: ComponentChild) => <span class="row fixed spread"><span class="clip">{n}</span>{select}</span>;
	const lines = (n: string) => {
		const s = sold(n), open = !isPriced(n);
		return [
			s.tokens && <tr key={n} aria-selected={changes[n]?.input !== undefined}><td class="priced" title={n}>{head(n, open && sellBy(n, "tokens"))}</td><td class="num">{cell(n, "input")}</td><td class="num">{cell(n, "output")}</td><td class="quiet">{before(n, ["input", "output"])}</td></tr>,
			...s.units.map(({ unit, price }) => (
				<tr key={`${n} ${unit}`} aria-selected={changes[n]?.[unit] !== undefined}><td class="priced" title={n}>{head(n, open && sellBy(n, unit))}</td>
					<td class="num" colSpan={2}>{price === null ? <a href={href("settings/prices")}>{t("models.bySize")}</a> : <>{cell(n, unit)} <span class="quiet">{t(`models.unitOf.${unit}`)}</span></>}</td><td class="quiet">{before(n, [unit])}</td></tr>
			)),
		];
	};
	return (
		<Drawer wide title={t("models.edit")} onClose={onClose} dirty={count > 0} onSubmit={save}
			footer={<><span class="left second">{tn("models.changed", count)}</span><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" submit disabled={count === 0}>{t("models.save")}</Button></>}>
			<p class="second">{t("models.editText")}</p>
			<details><summary>{t("models.paste")}</summary>
				<div class="stack tight" style={{ paddingTop: "8px" }}><textarea class="input mono" rows={5} aria-label={t("models.paste")} placeholder={"gpt-4o\t2.5\t10"} value={pasted} onInput={(e) => setPasted(e.currentTarget.value)} />
					<span><Button small disabled={parsePrices(pasted).length === 0} onClick={take}>{tn("models.take", parsePrices(pasted).length)}</Button></span></div></details>
			<ImportList tables={tables} onTake={takeList} />
			<div class="row"><input class="input" type="search" style={{ width: "14rem" }} placeholder={t("models.search")} aria-label={t("models.search")} value={find} onInput={(e) => setFind(e.currentTarget.value)} />
				<span class="grow" /><input class="input" style={{ width: "72px" }} inputMode="decimal" aria-label={t("models.factor")} placeholder="1.2" value={factor} onInput={(e) => setFactor(e.currentTarget.value)} /><Button onClick={multiply}>{t("models.multiply")}</Button></div>
			<div class="table-box"><table class="table"><thead><tr><th>{t("models.name")}</th><th class="num">{t("models.input")}</th><th class="num">{t("models.output")}</th><th>{t("models.before")}</th></tr></thead>
				<tbody>{visible.flatMap(lines)}</tbody></table></div>
			{fault && <Banner tone="danger">{fault}</Banner>}
		</Drawer>
	);
}
