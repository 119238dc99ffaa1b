// limits-list.tsx — the limits of single keys, users, groups and channels, wherever they were set
import { useState } from "preact/hooks";
import { del } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { t } from "../../i18n";
import { href } from "../../lib/router";
import { Button, IconButton } from "../../ui/button";
import { confirm, Dialog } from "../../ui/dialog";
import { Limits, type LimitRow } from "../../ui/limits";
import { Loaded } from "../../ui/state";
import { limitSummary } from "./objects";

const pageSize = 20;
const pages: Record<string, string> = { user: "users", channel: "channels" };

const summary = (r: LimitRow): string => limitSummary((n) => r[n] > 0 ? String(r[n]) : "");

async function remove(r: LimitRow, name: string): Promise<void> {
	if (!await confirm({ title: t("settings.limitRemove", { name }), text: t("settings.limitRemoveText"), yes: t("remove", { name }), bad: true }))
		return;
	await del(`limit/${r.scope}/${encodeURIComponent(r.subject)}`);
	invalidate("limit/");
}

/** The list goes on behind its last row; there is no going to a page by number. */
export function LimitsList() {
	const [before, setBefore] = useState<LimitRow[]>([]);
	const [editing, setEditing] = useState<LimitRow | null>(null);
	const last = before[before.length - 1];
	const rows = useResource<LimitRow[]>(`limit/?page_size=${pageSize}${last ? `&scope=${last.scope}&subject=${encodeURIComponent(last.subject)}` : ""}`);
	const name = (r: LimitRow): string => `${t(`settings.limitOf.${r.scope as "key"}`)} ${r.subject}`;
	return (
		<section class="stack tight"><h3>{t("settings.limitsOwn")}</h3><p class="second small">{t("settings.limitsOwnText")}</p>
			<Loaded from={rows} lines={3}>{(list) => list.length === 0 && before.length === 0 ? <p class="quiet small">{t("settings.limitsNone")}</p> : (
				<>
					<div class="table-box"><table class="table wraps"><caption class="off-screen">{t("settings.limitsOwn")}</caption>
						<thead><tr><th>{t("settings.forWhom")}</th><th>{t("limits.title")}</th><th class="acts"><span class="off-screen">{t("list.actions")}</span></th></tr></thead>
						<tbody>{list.map((r) => (
							<tr key={`${r.scope} ${r.subject}`}><td>{pages[r.scope] ? <a href={href(`${pages[r.scope]}/${r.subject}`)}>{name(r)}</a> : name(r)}</td><td title={summary(r)}>{summary(r)}</td>
								<td class="acts"><span class="row fixed"><Button small onClick={() => setEditing(r)}>{t("edit")}</Button><IconButton icon="close" label={t("remove", { name: name(r) })} onClick={() => remove(r, name(r))} /></span></td></tr>
						))}</tbody></table></div>
					{(before.length > 0 || list.length === pageSize) && <div class="row"><Button small icon="left" disabled={before.length === 0} onClick={() => setBefore(before.slice(0, -1))}>{t("list.previous")}</Button><Button small disabled={list.length < pageSize} onClick={() => setBefore([...before, list[list.length - 1]!])}>{t("list.next")}</Button></div>}
				</>
			)}</Loaded>
			{editing && <Dialog wide title={name(editing)} onClose={() => setEditing(null)}><Limits scope={editing.scope} subject={editing.subject} /></Dialog>}
		</section>
	);
}
