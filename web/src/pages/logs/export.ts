// export.ts — the filtered log as CSV: streamed by the server where it can, else page by page
import { apiUrl, get } from "../../api/client";
import { can } from "../../api/session";
import type { LogRow } from "../../api/types";
import { t } from "../../i18n";
import { startJob } from "../../lib/job";
import { queryString } from "../../lib/query";
import { download, toCsv } from "../../lib/text";

const most = 5000;

const head = ["id", "time", "type", "user", "key", "model", "channel", "in", "out", "ms", "stream", "units", "request", "text"];

const line = (r: LogRow): (string | number)[] => [
	r.id, new Date(r.created_at * 1000).toISOString(), r.type, r.username, r.token_name, r.model_name, r.channel,
	r.prompt_tokens, r.completion_tokens, r.elapsed_time, r.is_stream ? 1 : 0, r.quota, r.request_id, r.content,
];

export function exportLog(path: string, filter: Record<string, string | number | undefined>): void {
	const name = `log-${Object.values(filter).filter(Boolean).join("-").replace(/[^\w.-]+/g, "_") || "all"}.csv`;
	if (can("log.export")) {
		location.href = apiUrl(`${path}export?${queryString({ ...filter, format: "csv" })}`);
		return;
	}
	const size = can("list.paging") ? 100 : 10;
	const rows: LogRow[] = [];
	let ended = false;
	startJob<number>({
		title: t("logs.exporting"), gap: 250,
		items: Array.from({ length: most / size }, (_, p) => p),
		label: (p) => t("list.page", { n: p + 1 }),
		run: async (p) => {
			if (ended)
				return;
			const page = await get<LogRow[]>(`${path}?${queryString({ ...filter, p, page_size: size === 100 ? size : undefined })}`);
			rows.push(...page);
			ended ||= page.length < size;
		},
		finished: () => download(name, toCsv(head, rows.sort((a, b) => b.created_at - a.created_at || b.id - a.id).map(line)), "text/csv"),
	});
}
