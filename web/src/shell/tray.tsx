// tray.tsx — running jobs, bottom right: bar, pause, stop, what became of each item
import { useState } from "preact/hooks";
import { t, tn } from "../i18n";
import { copy } from "../lib/copy";
import * as f from "../lib/format";
import { count, dismissJob, ended, jobs, type Job } from "../lib/job";
import { notifyHidden } from "../lib/notify";
import { Button, IconButton } from "../ui/button";

function JobCard({ job }: { job: Job }) {
	const [open, setOpen] = useState(false);
	const view = job.view.value;
	const done = count(view, "done", "failed");
	const failed = count(view, "failed");
	const active = view.state === "running" || view.state === "paused";
	const report = (): string => view.items.map((i) => `${i.label}\t${i.state}\t${i.note}`).join("\n");
	return (
		<section class="card stack tight" aria-label={view.title}>
			<div class="row fixed">
				<strong class="grow clip">{view.title}</strong>
				{!active && <IconButton icon="close" label={t("close")} onClick={() => dismissJob(job)} />}
			</div>
			<progress value={done} max={Math.max(1, view.items.length)} aria-label={view.title} />
			<div class="small second" role="status">
				{t("job.count", { done: f.number(done), total: f.number(view.items.length) })}
				{failed > 0 && <span class="danger"> · {tn("job.failed", failed)}</span>}
				{view.state === "running" && view.left > 0 && ` · ${tn("job.left", Math.ceil(view.left / 1000))}`}
				{view.state !== "running" && ` · ${t(`job.${view.state}`)}`}
			</div>
			{open && (
				<ul class="job-list">{view.items.map((i, at) => (
					<li key={at}><span class={i.state === "failed" ? "danger" : i.state === "done" ? "ok" : "quiet"}>{t(`job.item.${i.state}`)}</span><span>{i.label}</span><span class="note">{i.note}</span></li>
				))}</ul>
			)}
			<div class="row">
				{view.state === "running" && <Button small onClick={job.pause}>{t("job.pause")}</Button>}
				{view.state === "paused" && <Button small onClick={job.resume}>{t("job.resume")}</Button>}
				{active && <Button small onClick={job.stop}>{t("job.stop")}</Button>}
				{!active && failed + count(view, "skipped") > 0 && <Button small onClick={job.retry}>{t("job.retry")}</Button>}
				<Button small kind="plain" aria-expanded={open} onClick={() => setOpen(!open)}>{t("job.details")}</Button>
				{!active && <Button small kind="plain" onClick={() => copy(report())}>{t("job.report")}</Button>}
			</div>
		</section>
	);
}

ended.add((job) => notifyHidden(job.title, [t("job.count", { done: f.number(count(job, "done")), total: f.number(job.items.length) }), ...(count(job, "failed") ? [tn("job.failed", count(job, "failed"))] : [])].join(" · ")));

export function JobTray() {
	return jobs.value.length ? <div class="tray">{jobs.value.map((j) => <JobCard key={j.view.peek().id} job={j} />)}</div> : null;
}
