// models.tsx — what can I call, what does it cost me, and (for operators) which channels serve it
import { useState } from "preact/hooks";
import { useResource } from "../api/resource";
import { can, currency, me, role } from "../api/session";
import { ROLE, type Channel, type Option } from "../api/types";
import { makerOf, makersIn } from "../data/makers";
import { t, tn } from "../i18n";
import * as f from "../lib/format";
import { priceOf, type PriceTables } from "../lib/prices";
import { ratiosOfRows, soldBy, unitPrices, type Pricing, type PricingRow, type Unit } from "../lib/pricing";
import { go, route, setQuery } from "../lib/router";
import { objectOf, splitNames } from "../lib/text";
import type { PageProps } from "../shell/routes";
import { Button } from "../ui/button";
import { CopyIcon } from "../ui/copy";
import { Check } from "../ui/field";
import { Banner, Empty, Loaded, PageHead, Pill } from "../ui/state";
import { ModelDetail } from "./models/detail";
import { PriceEditor } from "./models/edit";

const table = (options: Option[], key: string): Record<string, number> => objectOf(options.find((o) => o.key === key)?.value ?? "") as Record<string, number>;

interface Known {
	tables: PriceTables | null;
	/** of the catalogue, by name */
	rows: Map<string, PricingRow>;
	/** what has no price is billed all the same, at one-api's ratio */
	billed: boolean;
	/** built-in models that are not sold by tokens; for root */
	soldBy: Record<string, Unit>;
	/** the option ModelPrice; for root */
	others: string;
}

/** Root reads the options; others the catalogue where the server has one; else names only. */
function useTables(): Known {
	const root = role.value >= ROLE.root;
	const options = useResource<Option[]>(root ? "option/" : null);
	const pricing = useResource<Pricing>(can("pricing") ? "pricing" : null);
	const rows = pricing.data?.models;
	const billed = !can("pricing") || options.data?.find((o) => o.key === "UnpricedModel")?.value === "ratio";
	const byName = new Map((rows ?? []).map((r) => [r.model, r]));
	const own = options.data?.find((o) => o.key === "ModelPrice")?.value ?? "";
	const common = { rows: byName, billed, soldBy: pricing.data?.sold_by ?? {}, others: own };
	if (options.data)
		return { ...common, tables: { model: table(options.data, "ModelRatio"), completion: table(options.data, "CompletionRatio"), group: table(options.data, "GroupRatio") } };
	return {
		...common,
		tables: rows && !root ? { model: ratiosOfRows(rows, "model_ratio"), completion: ratiosOfRows(rows, "completion_ratio"), group: pricing.data?.group_ratio ?? { [me.value!.group]: 1 } } : null,
	};
}

export default function Models({ params }: PageProps) {
	const { q = "", all, unpriced, maker } = route.value.query;
	const admin = role.value >= ROLE.admin;
	const available = useResource<string[]>("user/available_models");
	const channels = useResource<Channel[]>(admin ? (can("list.paging") ? "channel/?p=0&page_size=100" : "channel/?p=0") : null);
	const { tables, rows: catalogue, billed, soldBy: builtIn, others } = useTables();
	const [editing, setEditing] = useState(false);
	const group = me.value!.group;
	const served = available.data ?? [];
	const names = all && tables ? [...new Set([...served, ...Object.keys(tables.model)])] : served;
	const makers = makersIn(names);
	const hasPrice = (n: string): boolean => !tables || n in tables.model || unitPrices(catalogue.get(n)).length > 0;
	const shown = names.filter((n) => (!maker || makerOf(n) === maker) && n.toLowerCase().includes(q.trim().toLowerCase()) && (!unpriced || !hasPrice(n)))
		.sort((a, b) => Number(hasPrice(a)) - Number(hasPrice(b)) || a.localeCompare(b));
	const rows = shown.slice(0, 200);
	const lacking = served.filter((n) => !hasPrice(n));
	/** not all of them may be at hand: what is counted would be too little */
	const whole = !channels.data || channels.total === undefined || channels.total <= channels.data.length;
	const counts = admin && whole;
	const count = (name: string): number => (channels.data ?? []).filter((c) => c.status === 1 && splitNames(c.models).includes(name)).length;
	const open = (name: string): void => go(`models/${encodeURIComponent(name)}`, route.value.query);
	return (
		<>
			<PageHead title={t("nav.models")}>{role.value >= ROLE.root && tables && <Button kind="main" onClick={() => setEditing(true)}>{t("models.edit")}</Button>}</PageHead>
			{admin && lacking.length > 0 && <Banner tone="warn" action={<Button small onClick={() => setQuery({ unpriced: "1" })}>{t("models.show")}</Button>}>{tn("models.lacking", lacking.length, { names: lacking.slice(0, 4).join(", ") })}</Banner>}
			<div class="tools">
				<input class="input search" type="search" data-search placeholder={t("models.search")} aria-label={t("models.search")} value={q} onInput={(e) => setQuery({ q: e.currentTarget.value }, true)} />
				{(makers.length > 1 || maker) && <select class="input" aria-label={t("models.maker")} value={maker ?? ""} onChange={(e) => setQuery({ maker: e.currentTarget.value })}>
					<option value="">{t("models.maker")}</option>{makers.map((m) => <option key={m.name} value={m.name}>{m.name} ({f.number(m.count)})</option>)}</select>}
				{tables && admin && <Check label={t("models.onlyUnpriced")} checked={!!unpriced} onChange={(on) => setQuery({ unpriced: on ? 1 : "" })} />}
				{tables && admin && <Check label={t("models.all")} checked={!!all} onChange={(on) => setQuery({ all: on ? 1 : "" })} />}
				<span class="grow" /><span class="second">{tables ? t("models.forGroup", { group }) : ""}</span>
			</div>
			<Loaded from={available}>{() => rows.length === 0 ? (
				<div class="card"><Empty text={t(names.length ? "list.none" : admin ? "models.emptyAdmin" : "models.empty")}>{names.length > 0 && <Button onClick={() => setQuery({ q: "", unpriced: "", maker: "" })}>{t("list.clear")}</Button>}</Empty></div>
			) : (
				<div class="card flush"><div class="table-box"><table class="table folds">
					<thead><tr><th>{t("models.name")}</th><th>{t("models.maker")}</th>{tables && <><th class="num">{t("models.input")}</th><th class="num">{t("models.output")}</th></>}{counts && <th class="num">{t("models.channelCount")}</th>}</tr></thead>
					<tbody>{rows.map((n) => {
						const p = tables && priceOf(tables, n, group, currency.value);
						const row = catalogue.get(n);
						const sold = p ? soldBy(row, tables.group[group] ?? 1)[0] : undefined;
						const told = (price: number): string => p!.priced || billed ? f.price(price) : "–";
						return (
							<tr key={n} class="opens" onClick={(e) => { if (!(e.target as HTMLElement).closest("button")) open(n); }}>
								<td class="phone-main"><span class="row fixed"><button type="button" class="link name" style={{ color: "inherit", textDecoration: "none" }} onClick={() => open(n)}>{n}</button><CopyIcon text={n} label={t("models.copy", { name: n })} />{p && !p.priced && !sold && <Pill tone="warn" shape="▲">{t("models.unpriced")}</Pill>}</span></td>
								<td>{makerOf(n) || <span class="quiet">–</span>}</td>
								{p && (sold ? <td class="num phone-fact" colSpan={2}>{t(`models.unit.${sold.unit}`, { price: f.price(sold.price) })}</td>
									: <><td class="num phone-fact" data-label={t("models.input")}>{told(p.input)}</td><td class="num phone-fact" data-label={t("models.output")}>{told(p.output)}</td></>)}
								{counts && <td class="num phone-side" data-label={t("models.channelCount")}>{channels.data ? count(n) : "…"}</td>}
							</tr>
						);
					})}</tbody>
				</table></div>{shown.length > rows.length && <p class="pager">{t("models.more", { n: f.number(shown.length - rows.length) })}</p>}</div>
			)}</Loaded>
			{tables && <p class="quiet small">{t("models.perMillion")}</p>}
			{params.name && <ModelDetail key={params.name} name={params.name} group={group} tables={tables} billed={billed} row={catalogue.get(params.name)} channels={channels.data ?? null} whole={whole} onClose={() => go("models", route.value.query)} />}
			{editing && tables && <PriceEditor names={[...new Set([...served, ...Object.keys(tables.model), ...Object.keys(objectOf(others))])]} tables={tables} rows={catalogue} builtIn={builtIn} others={others} onClose={() => setEditing(false)} />}
		</>
	);
}
