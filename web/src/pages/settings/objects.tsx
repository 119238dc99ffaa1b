// objects.tsx — tables for RateLimits, ModelPrice and ModelFallbacks
import type { ComponentChildren } from "preact";
import { useResource } from "../../api/resource";
import { currency } from "../../api/session";
import { t, type Key } from "../../i18n";
import * as f from "../../lib/format";
import { limitBudgets, limitCounts, type LimitName } from "../../lib/limits";
import { amountText } from "../../lib/money";
import { Button, IconButton } from "../../ui/button";
import { Field } from "../../ui/field";
import { TableOrJson } from "../../ui/pairs";
import { TagInput } from "../../ui/tags";
import { Entries, useRows } from "./entries";
import { budgetUnits, doubles, limitName, limitScopes, priceDollars, priceMembers, readChains, readLimits, readPrices, writeChains, writeLimits, writePrices, type LimitEntry, type PriceEntry } from "./tables";

interface Props {
	text: string;
	onChange(text: string): void;
}

/** later: taken when it is left, since what is shown is not what was typed. */
function Input({ label, value, onInput, later, decimal, ...rest }: { label: string; value: string; onInput(v: string): void; later?: boolean; placeholder?: string; list?: string; decimal?: boolean }) {
	const take = (e: { currentTarget: { value: string } }): void => onInput(e.currentTarget.value);
	return <Field label={label}>{(wires) => <input class="input" type="text" {...wires} autocomplete="off" inputMode={decimal ? "decimal" : undefined} value={value} {...rest} {...(later ? { onChange: take } : { onInput: take })} />}</Field>;
}

// ---- limits -------------------------------------------------------------------------------------

const money = (units: string): string => /^\d+$/.test(units) ? amountText(Number(units), currency.value) : units;
const scopeWords = (scope: string): string => t(`settings.scope.${scope.replace("@", "-of").replace(":", "-one")}` as Key);

/** Those that are set; what is no number stands as it was typed. */
export function limitSummary(valueOf: (name: LimitName) => string | undefined): string {
	const some = (names: readonly LimitName[], shown: (n: number) => string): string[] => names.flatMap((n) => {
		const value = valueOf(n);
		return value ? [`${/^\d+$/.test(value) ? shown(Number(value)) : value} ${t(`settings.short.${n}`)}`] : [];
	});
	return [...some(limitCounts, f.number), ...some(limitBudgets, f.quota)].join(" · ");
}

function LimitFields({ e, set }: { e: LimitEntry; set(part: Partial<LimitEntry>): void }) {
	const value = (n: string, v: string): void => set({ values: { ...e.values, [n]: v } });
	return (
		<>
			<div class="columns">
				<Field label={t("settings.forWhom")}>{(wires) => <select class="input" {...wires} value={e.scope} onChange={(x) => set({ scope: x.currentTarget.value })}>
					{e.scope === "" && <option value="">{t("settings.scope.other")}</option>}
					{limitScopes.map((s) => <option key={s} value={s}>{scopeWords(s)}</option>)}</select>}</Field>
				{(/[@:]$/.test(e.scope) || e.scope === "") && <Input label={t(e.scope === "channel:" ? "settings.channelId" : e.scope ? "settings.groupName" : "settings.appName")} value={e.subject} onInput={(v) => set({ subject: v })} />}
			</div>
			<div class="columns narrow">
				{limitCounts.map((n) => <Input key={n} label={t(`limits.${n}`)} placeholder={t("limits.none")} value={e.values[n] ?? ""} onInput={(v) => value(n, v)} />)}
				{limitBudgets.map((n) => <Input key={n} later decimal label={t(`limits.${n}`)} placeholder={t("limits.none")} value={money(e.values[n] ?? "")} onInput={(v) => value(n, budgetUnits(v, currency.value))} />)}
				<Input label={t("limits.timezone")} placeholder="UTC" value={e.values.timezone ?? ""} onInput={(v) => value("timezone", v)} />
			</div>
		</>
	);
}

function RateLimitsTable({ text, onChange }: Props) {
	const [rows, setRows] = useRows(text, readLimits, writeLimits, onChange);
	const name = (e: LimitEntry): string => e.scope ? [scopeWords(e.scope), e.subject].filter(Boolean).join(" ") : e.subject;
	const twice = doubles(rows.map(limitName));
	return (
		<Entries rows={rows} onChange={setRows} name={name} summary={(e: LimitEntry) => limitSummary((n) => e.values[n])} add={t("settings.addLimit")} twice={new Set(rows.filter((e) => twice.has(limitName(e))).map(name))}
			fresh={() => ({ scope: "key", subject: "", values: {}, rest: {} })}>{(e, set) => <LimitFields e={e} set={set} />}</Entries>
	);
}

// ---- prices -------------------------------------------------------------------------------------

const unit = (n: string): string => (priceDollars as readonly string[]).includes(n) ? "$" : "×";
const unitWords = (n: string): string => t(unit(n) === "$" ? "settings.price.isDollars" : n === "batch" ? "settings.price.isBatch" : "settings.price.isFactor");

const priceSummary = (e: PriceEntry): string => [
	...priceMembers.filter((n) => e.values[n] !== undefined).map((n) => `${t(`settings.price.${n}`)} ${unit(n)}${e.values[n]}`),
	e.images ? t("settings.price.bySize") : "", e.tiers ? t("settings.price.tiers") : "",
].filter(Boolean).join(" · ");

function Lines({ title, children, onAdd }: { title: string; children: ComponentChildren; onAdd(): void }) {
	return <fieldset class="stack tight"><legend>{title}</legend>{children}<span><Button small icon="plus" onClick={onAdd}>{t("pairs.add")}</Button></span></fieldset>;
}

function Images({ e, set }: { e: PriceEntry; set(part: Partial<PriceEntry>): void }) {
	const put = (i: number, part: [string, string]): void => set({ images: e.images!.map((x, at) => at === i ? part : x) });
	return (
		<Lines title={t("settings.price.bySizeHint")} onAdd={() => set({ images: [...e.images!, ["", ""]] })}>{e.images!.map(([size, v], i) => (
			<div class="row fixed" key={i}><input class="input" aria-label={t("settings.price.size")} placeholder="hd/1024x1024" value={size} onInput={(x) => put(i, [x.currentTarget.value, v])} />
				<input class="input" inputMode="decimal" aria-label={t("settings.price.dollars")} placeholder="$" value={v} onInput={(x) => put(i, [size, x.currentTarget.value])} />
				<IconButton icon="close" label={t("remove", { name: size || String(i + 1) })} onClick={() => set({ images: e.images!.length > 1 ? e.images!.filter((_, at) => at !== i) : null })} /></div>
		))}</Lines>
	);
}

function Tiers({ e, set }: { e: PriceEntry; set(part: Partial<PriceEntry>): void }) {
	const names = ["above", "input", "output"] as const;
	return (
		<Lines title={t("settings.price.tiersHint")} onAdd={() => set({ tiers: [...e.tiers!, { above: "", input: "", output: "" }] })}>{e.tiers!.length === 0 && <p class="quiet small">{t("settings.price.noTiers")}</p>}{e.tiers!.map((x, i) => (
			<div class="row fixed" key={i}>{names.map((n) => <input key={n} class="input" inputMode="decimal" aria-label={t(`settings.price.${n}`)} placeholder={t(`settings.price.${n}`)} value={x[n]} onInput={(v) => set({ tiers: e.tiers!.map((y, at) => at === i ? { ...y, [n]: v.currentTarget.value } : y) })} />)}
				<IconButton icon="close" label={t("remove", { name: x.above || String(i + 1) })} onClick={() => set({ tiers: e.tiers!.filter((_, at) => at !== i) })} /></div>
		))}</Lines>
	);
}

function PriceFields({ e, set, models }: { e: PriceEntry; set(part: Partial<PriceEntry>): void; models: string[] }) {
	const { values } = e;
	const unset = priceMembers.filter((n) => values[n] === undefined && !(n === "per_image" && e.images));
	const add = (n: string): void => {
		if (n === "tiers")
			set({ tiers: [{ above: "200000", input: "", output: "" }] });
		else if (n === "images")
			set({ images: [["1024x1024", values.per_image ?? ""]], values: Object.fromEntries(Object.entries(values).filter(([m]) => m !== "per_image")) });
		else if (n)
			set({ values: { ...values, [n]: "" } });
	};
	return (
		<>
			<Input label={t("settings.model")} list="price-models" value={e.model} onInput={(model) => set({ model })} />
			<datalist id="price-models">{models.slice(0, 300).map((m) => <option key={m} value={m} />)}</datalist>
			{Object.keys(values).length > 0 && <div class="columns narrow">{priceMembers.filter((n) => values[n] !== undefined).map((n) => (
				<Field key={n} label={t(`settings.price.${n}`)} hint={unitWords(n)}>{(wires) => (
					<div class="input-row"><input class="input" inputMode="decimal" {...wires} value={values[n]} onInput={(x) => set({ values: { ...values, [n]: x.currentTarget.value } })} />
						<IconButton small={false} icon="close" label={t("remove", { name: t(`settings.price.${n}`) })} onClick={() => set({ values: Object.fromEntries(Object.entries(values).filter(([m]) => m !== n)) })} /></div>)}</Field>
			))}</div>}
			{e.images && <Images e={e} set={set} />}
			{e.tiers && <Tiers e={e} set={set} />}
			<select class="input" aria-label={t("settings.price.add")} value="" onChange={(x) => { add(x.currentTarget.value); x.currentTarget.value = ""; }}>
				<option value="">{t("settings.price.add")}</option>
				{unset.map((n) => <option key={n} value={n}>{t(`settings.price.${n}`)} ({unit(n)})</option>)}
				{!e.images && <option value="images">{t("settings.price.bySize")}</option>}
				{!e.tiers && <option value="tiers">{t("settings.price.tiers")}</option>}
			</select>
		</>
	);
}

function ModelPriceTable({ text, onChange }: Props) {
	const [rows, setRows] = useRows(text, readPrices, writePrices, onChange);
	const models = useResource<string[]>("user/available_models");
	return (
		<Entries rows={rows} onChange={setRows} name={(e) => e.model} summary={priceSummary} add={t("settings.addPrice")} twice={doubles(rows.map((e) => e.model))}
			fresh={() => ({ model: "", values: {}, images: null, tiers: null, rest: {} })}>{(e, set) => <PriceFields e={e} set={set} models={models.data ?? []} />}</Entries>
	);
}

// ---- fallbacks ----------------------------------------------------------------------------------

function FallbacksTable({ text, onChange }: Props) {
	const [rows, setRows] = useRows(text, readChains, writeChains, onChange);
	const models = useResource<string[]>("user/available_models");
	const twice = doubles(rows.map(([name]) => name));
	return (
		<div class="stack tight">
			{rows.map(([name, list], i) => (
				<div class="entry stack tight" key={i}>
					<div class="row fixed"><input class="input" aria-label={t("settings.model")} placeholder={t("settings.model")} value={name} onInput={(e) => setRows(rows.map((x, at) => at === i ? [e.currentTarget.value, x[1]] : x))} />
						<IconButton icon="close" label={t("remove", { name: name || String(i + 1) })} onClick={() => setRows(rows.filter((_, at) => at !== i))} /></div>
					<TagInput label={t("settings.fallbacksOf", { name: name || String(i + 1) })} placeholder={t("settings.fallbacks")} values={list} suggest={models.data} onChange={(next) => setRows(rows.map((x, at) => at === i ? [x[0], next] : x))} />
					{twice.has(name) && <span class="fault" role="alert">{t("settings.twice", { name })}</span>}
				</div>
			))}
			{rows.length === 0 && <p class="quiet small">{t("settings.noRows")}</p>}
			<span><Button small icon="plus" onClick={() => setRows([...rows, ["", []]])}>{t("pairs.add")}</Button></span>
		</div>
	);
}

const tables = { limits: RateLimitsTable, prices: ModelPriceTable, chains: FallbacksTable } as const;

export function ObjectOption({ kind, text, onChange }: Props & { kind: keyof typeof tables }) {
	const Table = tables[kind];
	return <TableOrJson text={text} onChange={onChange}>{() => <Table text={text} onChange={onChange} />}</TableOrJson>;
}
