// settings.tsx — find the switch, understand it, change it safely; changes collect over the sections
import { useEffect, useState } from "preact/hooks";
import { put } from "../api/client";
import { useResource } from "../api/resource";
import { can, loadStatus } from "../api/session";
import type { Option } from "../api/types";
import { isAppLink } from "../data/chat-apps";
import { isObjectKind, optionRow, optionRows, saveOrder, sections, type OptionRow, type SectionName } from "../data/options";
import { t, type Key } from "../i18n";
import { useDraft, useKept } from "../lib/draft";
import { go, href, useGuard } from "../lib/router";
import { jsonObjectFault, objectOf } from "../lib/text";
import type { PageProps } from "../shell/routes";
import { Button } from "../ui/button";
import { confirm, Dialog } from "../ui/dialog";
import { Banner, Failed, PageHead, Skeleton } from "../ui/state";
import { errorText, toast } from "../ui/toast";
import { DataSection } from "./settings/data";
import { LimitsList } from "./settings/limits-list";
import { MailTest } from "./settings/mail-test";
import { reviewOf } from "./settings/review";
import { optionName, Row } from "./settings/row";
import { limitsFault, pricesFault } from "./settings/tables";

const text = (key: string): string => `${optionName(key)} ${t(`options.${key}.hint` as Key)} ${key}`.toLowerCase();

function faultOf(row: OptionRow, value: string): string {
	if (row.kind === "number" && !/^\d+(\.\d+)?$/.test(value.trim()))
		return t("settings.number");
	if (row.kind === "money" && !/^\d+$/.test(value))
		return t("form.amount");
	if (row.kind === "url" && value.trim() && !/^https?:\/\/\S+$/.test(value.trim()))
		return t("settings.url");
	return isObjectKind(row.kind) ? objectFault(row, value) : "";
}

function objectFault(row: OptionRow, value: string): string {
	if (jsonObjectFault(value))
		return t("settings.json");
	if (row.kind === "limits") {
		const fault = limitsFault(value);
		return fault ? t(fault === "name" ? "settings.limitName" : "settings.limitNumber") : "";
	}
	if (row.kind === "prices")
		return pricesFault(value) ? t("settings.priceNumber") : "";
	return row.kind === "links" && Object.values(objectOf(value)).some((link) => typeof link !== "string" || !isAppLink(link.trim())) ? t("settings.appBad") : "";
}

/** Numbers in the price tables are numbers, whatever the table editor typed. */
function wireValue(row: OptionRow, value: string): string {
	if (row.kind !== "json")
		return value.trim();
	const table = JSON.parse(value || "{}") as Record<string, unknown>;
	return JSON.stringify(Object.fromEntries(Object.entries(table).map(([k, v]) => [k, Number(v)])));
}

function Review({ changes, stored, onClose }: { changes: Record<string, string>; stored: Record<string, string>; onClose(): void }) {
	const wire = (row: OptionRow | undefined) => (v: string): string => row ? wireValue(row, v) : v;
	return (
		<Dialog title={t("settings.review")} wide onClose={onClose}>
			<div class="table-box"><table class="table wraps">
				<thead><tr><th>{t("settings.option")}</th><th>{t("settings.old")}</th><th>{t("settings.new")}</th></tr></thead>
				<tbody>{Object.keys(changes).flatMap((key) => reviewOf(optionRow(key), stored[key] ?? "", changes[key]!, wire(optionRow(key))).map((r) => (
					<tr key={[key, ...r.path].join("\n")}><td>{[optionName(key), ...r.path].join(" › ")}</td><td>{r.before || "–"}</td><td>{r.after || "–"}</td></tr>
				)))}</tbody>
			</table></div>
		</Dialog>
	);
}

/** Nobody should be locked out by surprise. */
async function mayLockOut(changes: Record<string, string>): Promise<boolean> {
	return changes.PasswordLoginEnabled !== "false" ||
		await confirm({ title: t("settings.lockTitle"), text: t("settings.lockText"), yes: t("settings.lockYes"), bad: true, word: "password" });
}

export default function Settings({ params }: PageProps) {
	const options = useResource<Option[]>("option/");
	const kept = useKept<Record<string, string>>("settings", {});
	const [changes, setChanges] = useState<Record<string, string>>(kept ?? {});
	const [faults, setFaults] = useState<Record<string, string>>({});
	const [find, setFind] = useState("");
	const [review, setReview] = useState(false);
	const [round, setRound] = useState(0); // fields that keep what is typed begin anew
	const section = (sections as readonly string[]).includes(params.section ?? "") ? params.section as SectionName : "site";
	const stored = Object.fromEntries((options.data ?? []).map((o) => [o.key, o.value]));
	const count = Object.keys(changes).length;
	useGuard(count > 0);
	useDraft("settings", count > 0 ? changes : null);
	useEffect(() => {
		const key = (e: KeyboardEvent): void => {
			if ((e.ctrlKey || e.metaKey) && e.key === "s") {
				e.preventDefault();
				void save();
			}
		};
		addEventListener("keydown", key);
		return () => removeEventListener("keydown", key);
	});
	const value = (key: string): string => changes[key] ?? stored[key] ?? "";
	const change = (row: OptionRow, next: string): void => {
		const { [row.key]: _, ...others } = changes;
		setChanges(next === (stored[row.key] ?? "") ? others : { ...others, [row.key]: next });
		if (faults[row.key])
			setFaults({ ...faults, [row.key]: faultOf(row, next) });
	};
	const save = async (): Promise<void> => {
		const wrong = Object.fromEntries(Object.keys(changes).map((k) => [k, faultOf(optionRow(k)!, changes[k]!)]).filter(([, f]) => f));
		setFaults(wrong);
		const first = Object.keys(wrong)[0];
		if (first)
			return go(`settings/${optionRow(first)!.section}`);
		if (count === 0 || !await mayLockOut(changes))
			return;
		const left = { ...changes };
		const failed: Record<string, string> = {};
		for (const key of saveOrder(changes)) {
			try {
				await put("option/", { key, value: wireValue(optionRow(key)!, changes[key]!) });
				delete left[key];
			} catch (e) {
				failed[key] = errorText(e);
			}
		}
		setFaults(failed);
		await Promise.all([options.reload(), loadStatus()]);
		setChanges(left);
		setRound((n) => n + 1);
		if (Object.keys(failed).length === 0)
			toast(t("form.saved"));
	};
	if (!options.data)
		return options.error ? <Failed error={options.error} retry={options.reload} /> : <Skeleton />;
	const words = find.trim().toLowerCase();
	const rows = words ? optionRows.filter((o) => text(o.key).includes(words)) : optionRows.filter((o) => o.section === section);
	// an option that this server does not have is not offered; secrets are never listed
	const offered = rows.filter((o) => o.kind === "secret" || o.key in stored || !o.ours);
	const touched = sections.filter((s) => Object.keys(changes).some((k) => optionRow(k)?.section === s));
	return (
		<>
			<PageHead title={t("nav.settings")}><input class="input search" style={{ width: "16rem" }} type="search" data-search placeholder={t("settings.find")} aria-label={t("settings.find")} value={find} onInput={(e) => setFind(e.currentTarget.value)} /></PageHead>
			<div class="settings">
				<nav class="card stack tight" aria-label={t("settings.sections")}>{sections.map((s) => (
					<a key={s} href={href(`settings/${s}`)} class="nav" aria-current={s === section && !words ? "page" : undefined} onClick={() => setFind("")}>{t(`settings.section.${s}`)}{touched.includes(s) && <span class="warn"> ●</span>}</a>
				))}</nav>
				<div class="card stack loose">
					<h2>{words ? t("settings.found") : t(`settings.section.${section}`)}</h2>
					{section === "monitoring" && !words && <Banner>{t("settings.cron")} <code>*/10 * * * * curl -s -H "Authorization: TOKEN" {location.origin}/api/channel/test</code></Banner>}
					{offered.map((row) => (
						<>
							{row.group && !words && <h3 key={row.group}>{t(`settings.group.${row.group}`)}</h3>}
							<Row key={`${row.key} ${round}`} row={row} value={value(row.key)} stored={stored[row.key]} fault={faults[row.key]} onOthers={(more) => setChanges({ ...changes, ...more })} missing={(row.needs ?? []).filter((k) => !value(k).trim())} onChange={(v) => change(row, v)} />
							{row.kind === "bool" && faults[row.key] && <Banner tone="danger">{faults[row.key]}</Banner>}
						</>
					))}
					{section === "limits" && !words && can("limits") && <LimitsList />}
					{section === "mail" && !words && can("mail.test") && <MailTest dirty={touched.includes("mail")} />}
					{section === "data" && !words && <DataSection stored={stored} onImport={(more) => { setChanges({ ...changes, ...more }); setRound(round + 1); }} />}
					{words && offered.length === 0 && <p class="second">{t("settings.nothing")}</p>}
				</div>
			</div>
			{count > 0 && (
				<div class="picked" role="region" aria-label={t("settings.unsaved")}>
					<strong>{t("settings.count", { n: count, sections: touched.map((s) => t(`settings.section.${s}`)).join(", ") })}</strong><span class="grow" />
					<Button onClick={() => setReview(true)}>{t("settings.reviewButton")}</Button>
					<Button onClick={() => { setChanges({}); setFaults({}); setRound(round + 1); }}>{t("settings.discard")}</Button>
					<Button kind="main" onClick={save}>{t("settings.save")}</Button>
				</div>
			)}
			{review && <Review changes={changes} stored={stored} onClose={() => setReview(false)} />}
		</>
	);
}
