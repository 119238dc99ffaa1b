// detail.tsx — one change: who, from where, and each member before and after
import { t } from "../../i18n";
import { differences } from "../../lib/differences";
import * as f from "../../lib/format";
import { href, setQuery } from "../../lib/router";
import { Button } from "../../ui/button";
import { CodeBlock, CopyIcon } from "../../ui/copy";
import { Drawer } from "../../ui/dialog";
import { Fold } from "../../ui/fold";
import { actionParts, pageOf, sortOf, type AuditRow } from "./rows";
import { subjectName } from "./subjects";

const Value = ({ text }: { text: string | undefined }) => text === undefined ? <span class="quiet">–</span> : text === "" ? <span class="quiet">{t("audit.emptyValue")}</span> : <span class="said-value">{text}</span>;

function Changes({ row }: { row: AuditRow }) {
	const all = differences(row);
	if (all.length === 0)
		return <p class="second">{t("audit.noMembers")}</p>;
	return (
		<div class="table-box"><table class="table wraps"><caption class="off-screen">{t("audit.members")}</caption>
			<thead><tr><th>{t("audit.member")}</th>{row.before && <th>{t("audit.before")}</th>}{row.after && <th>{t("audit.after")}</th>}</tr></thead>
			<tbody>{all.map((d) => (
				<tr key={d.path.join("\n")}><th scope="row">{(row.subject === "option" && d.path.length > 1 ? d.path.slice(1) : d.path).join(" › ")}</th>{row.before && <td><Value text={d.before} /></td>}{row.after && <td><Value text={d.after} /></td>}</tr>
			))}</tbody></table></div>
	);
}

export function Detail({ row, onClose }: { row: AuditRow; onClose(): void }) {
	const { method, route } = actionParts(row.action);
	const page = pageOf(row.subject, row.subject_id);
	const only = (change: Record<string, string | number>) => (): void => setQuery({ ...change, open: "", p: "" });
	return (
		<Drawer wide title={`${subjectName(row.subject)} ${row.subject_id} · ${t(`audit.${sortOf(row)}`)}`} onClose={onClose} footer={(
			<div class="row">
				{row.user_id > 0 && <Button onClick={only({ user_id: row.user_id })}>{t("audit.onlyWho", { name: row.username })}</Button>}
				{row.subject_id && <Button onClick={only({ subject: row.subject, subject_id: row.subject_id })}>{t("audit.onlyObject")}</Button>}
			</div>
		)}>
			<dl class="facts">
				<dt>{t("audit.when")}</dt><dd>{f.exact(row.created_at)}</dd>
				<dt>{t("audit.who")}</dt><dd>{row.user_id > 0 ? <a href={href(`users/${row.user_id}`)}>{row.username} #{row.user_id}</a> : row.username}</dd>
				{row.address && <><dt>{t("audit.address")}</dt><dd>{row.address}</dd></>}
				<dt>{t("audit.what")}</dt><dd><code>{method && `${method} `}{route}</code></dd>
				<dt>{t("audit.object")}</dt><dd>{page ? <a href={href(page)}>{subjectName(row.subject)} {row.subject_id}</a> : `${subjectName(row.subject)} ${row.subject_id}`}</dd>
				{row.request_id && <><dt>{t("audit.request")}</dt><dd class="row"><code>{row.request_id}</code><CopyIcon text={row.request_id} label={t("audit.copyRequest")} /></dd></>}
			</dl>
			<Changes row={row} />
			<p class="quiet small">{t("audit.secrets")}</p>
			<Fold title="JSON"><CodeBlock text={JSON.stringify({ before: row.before, after: row.after }, null, 2)} /></Fold>
		</Drawer>
	);
}
