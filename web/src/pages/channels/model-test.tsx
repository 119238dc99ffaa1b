// model-test.tsx — every model of a channel, tested one after another; keep the working ones
import { useState } from "preact/hooks";
import { put } from "../../api/client";
import { invalidate } from "../../api/resource";
import type { Channel } from "../../api/types";
import { t, tn } from "../../i18n";
import { testChannel, type TestResult } from "../../lib/channel-test";
import * as f from "../../lib/format";
import { count, startJob, type Job } from "../../lib/job";
import { joinNames, splitNames } from "../../lib/text";
import { Button } from "../../ui/button";
import { confirm, Drawer } from "../../ui/dialog";
import { Check } from "../../ui/field";
import { Pill } from "../../ui/state";
import { toast } from "../../ui/toast";

export function ModelTest({ channel, onClose }: { channel: Channel; onClose(): void }) {
	const models = splitNames(channel.models);
	const [chosen, setChosen] = useState(new Set(models));
	const [found, setFound] = useState<Record<string, TestResult>>({});
	const [job, setJob] = useState<Job | null>(null);
	const view = job?.view.value;
	const working = models.filter((m) => found[m]?.ok);
	const broken = models.filter((m) => found[m] && !found[m].ok);
	const run = (): void => setJob(startJob<string>({
		title: t("channels.testingModels", { name: channel.name }),
		items: models.filter((m) => chosen.has(m)),
		label: (m) => m,
		run: async (m) => {
			const result = await testChannel(channel.id, m);
			setFound((old) => ({ ...old, [m]: result }));
			if (!result.ok)
				throw new Error(result.text);
			return f.elapsed(result.seconds * 1000);
		},
		finished: () => invalidate("channel/"),
	}));
	const keep = async (): Promise<void> => {
		const rest = models.filter((m) => !broken.includes(m));
		if (!await confirm({ title: t("channels.keepTitle"), text: broken.join(", "), yes: tn("channels.keepYes", broken.length), bad: true }))
			return;
		await put("channel/", { id: channel.id, models: joinNames(rest) });
		invalidate("channel/");
		toast(t("form.saved"));
		onClose();
	};
	const running = view?.state === "running" || view?.state === "paused";
	return (
		<Drawer wide title={t("channels.testModels", { name: channel.name })} onClose={onClose} footer={(
			<>
				{broken.length > 0 && working.length > 0 && !running && <Button onClick={keep}>{t("channels.keep")}</Button>}
				{running ? <Button onClick={job!.stop}>{t("job.stop")}</Button> : <Button kind="main" disabled={chosen.size === 0} onClick={run}>{tn("channels.testN", chosen.size)}</Button>}
			</>
		)}>
			<div class="row spread">
				<Check label={t("channels.allModels")} checked={chosen.size === models.length} onChange={(on) => setChosen(new Set(on ? models : []))} />
				{view && <span role="status" class="second">{t("job.count", { done: count(view, "done", "failed"), total: view.items.length })}</span>}
			</div>
			<ul class="stack tight">{models.map((m) => (
				<li key={m} class="row fixed">
					<span class="grow"><Check label={<code>{m}</code>} checked={chosen.has(m)} onChange={(on) => { const next = new Set(chosen); if (on) next.add(m); else next.delete(m); setChosen(next); }} /></span>
					{found[m] && (found[m].ok
						? <Pill tone="ok" shape="●">{f.elapsed(found[m].seconds * 1000)}</Pill>
						: <span class="danger small clip" style={{ maxWidth: "60%" }} title={found[m].text}>◆ {found[m].text}</span>)}
				</li>
			))}</ul>
		</Drawer>
	);
}
