// detail.tsx — one model: prices in every group, its channels in the order they are tried, a calculator
import { useState } from "preact/hooks";
import { useResource } from "../../api/resource";
import { can, currency } from "../../api/session";
import type { Channel } from "../../api/types";
import { t } from "../../i18n";
import * as f from "../../lib/format";
import { priceOf, type PriceTables } from "../../lib/prices";
import { partPrices, soldBy, unitPrices, type PricingRow } from "../../lib/pricing";
import { queryString } from "../../lib/query";
import { href } from "../../lib/router";
import { splitNames } from "../../lib/text";
import { LinkButton } from "../../ui/button";
import { CopyButton } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Pill } from "../../ui/state";

function Calculator({ input, output }: { input: number; output: number }) {
	const [v, setV] = useState({ requests: 1000, in: 1000, out: 300 });
	const month = v.requests * 30 * (v.in * input + v.out * output) / 1_000_000;
	return (
		<section class="stack tight"><h3>{t("models.calculator")}</h3>
			<div class="columns">{(["requests", "in", "out"] as const).map((n) => (
				<Field key={n} label={t(`models.calc.${n}`)}>{(wires) => <input class="input" inputMode="numeric" value={String(v[n])} {...wires} onInput={(e) => setV({ ...v, [n]: Number(e.currentTarget.value) || 0 })} />}</Field>
			))}</div>
			<p>{t("models.perMonth")} <strong>{f.price(month)}</strong></p></section>
	);
}

/** Beside input and output: what else is counted, for the reader's group. */
function Others({ row, input, groupRatio }: { row: PricingRow | undefined; input: number; groupRatio: number }) {
	const sold = unitPrices(row, groupRatio), some = partPrices(row, input), tiers = row?.tiers ?? [];
	return sold.length + some.length + tiers.length === 0 ? null : (
		<section class="stack tight"><h3>{t("models.others")}</h3><dl class="facts">
			{sold.map((x) => <><dt>{t(`models.sold.${x.unit}`)}</dt><dd>{f.price(x.price)}</dd></>)}
			{some.map((x) => <><dt>{t(`models.part.${x.part}`)}</dt><dd>{f.price(x.price)}</dd></>)}
			{tiers.map((x) => <><dt>{t("models.tier", { n: f.number(x.above) })}</dt><dd>{t("models.tierTimes", { input: x.input ?? 1, output: x.output ?? 1 })}</dd></>)}
		</dl></section>
	);
}

export function ModelDetail({ name, group, tables, billed, row, channels, whole, onClose }: { name: string; group: string; tables: PriceTables | null; billed: boolean; row: PricingRow | undefined; channels: Channel[] | null; whole: boolean; onClose(): void }) {
	// where there are many, the channels at hand are not all
	const asks = !whole && (can("list.filter") || can("channel.filter")) && can("list.paging");
	const found = useResource<Channel[]>(asks ? `channel/?${queryString({ model: name, p: 0, page_size: 100 })}` : null);
	const own = tables && priceOf(tables, name, group, currency.value);
	const byUnit = soldBy(row).length > 0;
	const known = own && !byUnit && (own.priced || billed);
	const serving = (found.data ?? (asks ? undefined : channels))?.filter((c) => splitNames(c.models).includes(name)).sort((a, b) => Number(b.status === 1) - Number(a.status === 1) || b.priority - a.priority);
	return (
		<Drawer title={name} onClose={onClose} footer={<><LinkButton href={href("logs", { model_name: name, range: "7d" })}>{t("nav.logs")}</LinkButton><LinkButton kind="main" href={href("playground", { model: name })}>{t("models.try")}</LinkButton></>}>
			<div class="row"><code>{name}</code><CopyButton text={name} />{own && !own.priced && !byUnit && <Pill tone="warn" shape="▲">{t("models.unpriced")}</Pill>}</div>
			{tables && known && (
				<section class="stack tight"><h3>{t("models.prices")}</h3>
					<table class="table"><thead><tr><th>{t("models.group")}</th><th class="num">{t("models.input")}</th><th class="num">{t("models.output")}</th></tr></thead>
						<tbody>{Object.keys(tables.group).map((g) => {
							const p = priceOf(tables, name, g, currency.value);
							return <tr key={g}><td class={g === group ? "strong" : ""}>{g}</td><td class="num">{f.price(p.input)}</td><td class="num">{f.price(p.output)}</td></tr>;
						})}</tbody></table></section>
			)}
			{own && <Others row={row} input={own.input} groupRatio={tables.group[group] ?? 1} />}
			{own && known && <Calculator input={own.input} output={own.output} />}
			{serving && (
				<section class="stack tight"><h3>{t("models.channels")}</h3>
					{serving.length === 0 ? <p class="second">{t("models.noChannel")}</p> : (
						<ol class="stack tight">{serving.map((c) => <li key={c.id} class="row spread"><a href={href(`channels/${c.id}`)}><bdi>{c.name}</bdi> #{c.id}</a><span class="quiet">{c.status === 1 ? t("models.order", { priority: c.priority, weight: c.weight }) : t("models.off")} · {c.group}</span></li>)}</ol>
					)}</section>
			)}
		</Drawer>
	);
}
