// limits.tsx — how much one key, user, group or channel may use (capability limits; root)
import { ApiError } from "../api/errors";
import { del, put } from "../api/client";
import { invalidate, useResource } from "../api/resource";
import { can, currency, role } from "../api/session";
import { ROLE } from "../api/types";
import { t } from "../i18n";
import { limitBudgets, limitCounts, type LimitName } from "../lib/limits";
import { amountText, parseAmount } from "../lib/money";
import { Button } from "./button";
import { amountFault, FormFault, TextField } from "./field";
import { Fold } from "./fold";
import { useForm } from "./form";
import { Loaded } from "./state";
import { toast } from "./toast";

export type LimitRow = { scope: LimitScope; subject: string; timezone: string } & Record<LimitName, number>;
type Fields = { timezone: string } & Record<LimitName, string>;
export type LimitScope = "key" | "user" | "group" | "channel";

/** The rows are paged behind a scope and subject: what sorts just before ours leads to it. */
const before = (subject: string): string => `${subject.slice(0, -1)}${String.fromCharCode(subject.charCodeAt(subject.length - 1) - 1)}~`;

const asText = (n: number): string => n > 0 ? String(n) : "";

function LimitForm({ scope, subject, row }: { scope: LimitScope; subject: string; row: LimitRow | undefined }) {
	const start = {
		...Object.fromEntries(limitCounts.map((n) => [n, asText(row?.[n] ?? 0)])),
		...Object.fromEntries(limitBudgets.map((n) => [n, row?.[n] ? amountText(row[n], currency.value) : ""])),
		timezone: row?.timezone ?? "",
	} as Fields;
	const whole = (v: string): string => !v.trim() || /^\d{1,12}$/.test(v.trim()) ? "" : t("limits.whole");
	const form = useForm<Fields>(start, {
		...Object.fromEntries(limitCounts.map((n) => [n, whole])),
		...Object.fromEntries(limitBudgets.map((n) => [n, (v: string) => v.trim() ? amountFault(v) : ""])),
	});
	const save = async (): Promise<void> => {
		const done = await form.submit(async (v) => {
			const body = {
				...Object.fromEntries(limitCounts.map((n) => [n, Number(v[n]) || 0])),
				...Object.fromEntries(limitBudgets.map((n) => [n, v[n].trim() ? parseAmount(v[n], currency.value) ?? 0 : 0])),
			};
			if (Object.values(body).some(Boolean))
				await put("limit/", { scope, subject, ...body, timezone: v.timezone.trim() });
			else
				await del(`limit/${scope}/${encodeURIComponent(subject)}`).catch((e: unknown) => { if (!(e instanceof ApiError) || e.kind !== "app") throw e; });
			invalidate("limit/");
		});
		if (done)
			toast(t("limits.saved"));
	};
	return (
		<div class="stack" role="group" aria-label={t("limits.title")}>
			<p class="second small">{t("limits.text")}</p>
			<div class="columns">{limitCounts.map((n) => <TextField key={n} form={form} name={n} label={t(`limits.${n}`)} optional placeholder={t("limits.none")} />)}</div>
			<div class="columns">{limitBudgets.map((n) => <TextField key={n} form={form} name={n} label={t(`limits.${n}`)} optional placeholder={t("limits.none")} />)}</div>
			<TextField form={form} name="timezone" label={t("limits.timezone")} hint={t("limits.timezoneHint")} placeholder="Europe/Berlin" optional />
			<FormFault form={form} />
			<span><Button onClick={save} busy={form.busy} disabled={!form.dirty}>{t("limits.save")}</Button></span>
		</div>
	);
}

export function Limits({ scope, subject }: { scope: LimitScope; subject: string }) {
	const rows = useResource<LimitRow[]>(`limit/?page_size=100&scope=${scope}&subject=${encodeURIComponent(before(subject))}`);
	return <Loaded from={rows} lines={3}>{(list) => <LimitForm scope={scope} subject={subject} row={list.find((r) => r.scope === scope && r.subject === subject)} />}</Loaded>;
}

export const maySetLimits = (): boolean => can("limits") && role.value >= ROLE.root;

/** For an editor; nothing for who may not. */
export function LimitsFold(p: { scope: LimitScope; subject: string }) {
	return maySetLimits() ? <Fold title={t("limits.title")}><Limits {...p} /></Fold> : null;
}
