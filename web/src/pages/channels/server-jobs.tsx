// server-jobs.tsx — work that the server goes on with when this page is closed: start, watch, stop
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { t, tn } from "../../i18n";
import * as f from "../../lib/format";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Empty, Loaded, Pill } from "../../ui/state";
import { toast } from "../../ui/toast";

interface ServerJob {
	id: number;
	kind: string;
	scope: string;
	/** person or timer */
	origin: string;
	/** waiting, running, done, stopped */
	state: string;
	created_at: number;
	finished_at: number;
	total: number;
	done: number;
	failed: number;
	items?: { channel_id: number; name: string; state: 0 | 1 | 2; elapsed_ms: number; message: string; action: string }[];
}

const isOver = (j: ServerJob): boolean => j.state === "done" || j.state === "stopped";

export async function startOnServer(kind: "test" | "balance"): Promise<void> {
	const { total } = await get<{ total: number }>(kind === "test" ? "channel/test?scope=all" : "channel/update_balance");
	invalidate("job/");
	toast(tn("jobs.started", total));
}

/** Reads again every two seconds while something runs, and only in a visible tab. */
function useReading(source: { reload(): unknown }, running: boolean): void {
	useEffect(() => {
		if (!running)
			return;
		const timer = setInterval(() => { if (!document.hidden) void source.reload(); }, 2000);
		return () => clearInterval(timer);
	}, [running]);
}

function Items({ id, running }: { id: number; running: boolean }) {
	const job = useResource<ServerJob>(`job/${id}?page_size=100`);
	useReading(job, running);
	useEffect(() => running ? () => invalidate("channel/") : undefined, [running]);
	return (
		<Loaded from={job} lines={3}>{(j) => (
			<ul class="job-list">{(j.items ?? []).map((i) => (
				<li key={i.channel_id}><span class={i.state === 2 ? "danger" : i.state === 1 ? "ok" : "quiet"}>{t(`jobs.item.${i.state}`)}</span>
					<span>{i.name || `#${i.channel_id}`}</span><span class="note">{[i.elapsed_ms ? f.elapsed(i.elapsed_ms) : "", i.message, i.action].filter(Boolean).join(" · ")}</span></li>
			))}</ul>
		)}</Loaded>
	);
}

function JobRow({ job, open, onOpen }: { job: ServerJob; open: boolean; onOpen(): void }) {
	const stop = async (): Promise<void> => {
		await post(`job/${job.id}/stop`, {});
		invalidate("job/");
	};
	return (
		<section class="card stack tight" aria-label={t("jobs.name", { id: job.id })}>
			<div class="row spread">
				<span><strong>{t(job.kind === "balance" ? "jobs.balance" : "jobs.test")}</strong> <span class="quiet small" title={f.exact(job.created_at)}>{f.when(job.created_at)} · {t(job.origin === "timer" ? "jobs.byTimer" : "jobs.byPerson")}</span></span>
				<Pill tone={job.failed ? "warn" : ""} shape={job.failed ? "▲" : "●"}>{isOver(job) ? t(job.state === "stopped" ? "job.stopped" : "job.finished") : t("jobs.running")}</Pill>
			</div>
			<progress value={job.done} max={Math.max(1, job.total)} aria-label={t("jobs.name", { id: job.id })} />
			<div class="small second" role="status">{t("job.count", { done: f.number(job.done), total: f.number(job.total) })}{job.failed > 0 && <span class="danger"> · {tn("job.failed", job.failed)}</span>}</div>
			<div class="row"><Button small kind="plain" aria-expanded={open} onClick={onOpen}>{t("job.details")}</Button>{!isOver(job) && <Button small onClick={stop}>{t("job.stop")}</Button>}</div>
			{open && <Items id={job.id} running={!isOver(job)} />}
		</section>
	);
}

export function ServerJobs({ onClose }: { onClose(): void }) {
	const jobs = useResource<ServerJob[]>("job/?p=0&page_size=10");
	const [open, setOpen] = useState(0);
	const running = jobs.data?.some((j) => !isOver(j)) ?? false;
	useReading(jobs, running);
	return (
		<Dialog title={t("jobs.list")} wide onClose={onClose}>
			<Loaded from={jobs} lines={4}>{(rows) => rows.length === 0 ? <Empty text={t("jobs.empty")} />
				: <div class="stack">{rows.map((j) => <JobRow key={j.id} job={j} open={open === j.id} onOpen={() => setOpen(open === j.id ? 0 : j.id)} />)}</div>}</Loaded>
			<div class="foot"><Button onClick={onClose}>{t("close")}</Button></div>
		</Dialog>
	);
}
