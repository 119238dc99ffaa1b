// bulk.tsx — the same change to many channels: a preview first, then one call or a job
import { useState } from "preact/hooks";
import { post, put } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { can } from "../../api/session";
import type { Channel } from "../../api/types";
import { t, tn } from "../../i18n";
import { startJob } from "../../lib/job";
import { joinNames, splitNames } from "../../lib/text";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TagInput } from "../../ui/tags";
import { Banner } from "../../ui/state";

export type Change = Partial<Pick<Channel, "status" | "models" | "group" | "priority" | "weight" | "base_url">>;

/** The server takes no more in one call. */
const batchMost = 1000;

/** What a change makes of each channel; those it leaves alone are not in it. */
export function planChange(channels: Channel[], make: (c: Channel) => Change): { channel: Channel; change: Change }[] {
	return channels.map((channel) => ({ channel, change: make(channel) }))
		.filter(({ channel, change }) => (Object.keys(change) as (keyof Change)[]).some((k) => change[k] !== channel[k]));
}

export async function applyChange(title: string, plan: { channel: Channel; change: Change }[]): Promise<void> {
	const same = new Set(plan.map((p) => JSON.stringify(p.change))).size === 1;
	if (plan.length > 1 && same && can("channel.batch")) {
		for (let at = 0; at < plan.length; at += batchMost)
			await post("channel/batch", { ids: plan.slice(at, at + batchMost).map((p) => p.channel.id), set: plan[0]!.change });
		invalidate("channel/");
		return;
	}
	if (plan.length === 1) {
		await put("channel/", { id: plan[0]!.channel.id, ...plan[0]!.change });
		invalidate("channel/");
		return;
	}
	startJob({
		title, items: plan, gap: 120,
		label: (p) => p.channel.name,
		run: async (p) => { await put("channel/", { id: p.channel.id, ...p.change }); },
		finished: () => invalidate("channel/"),
	});
}

type Kind = "addModels" | "removeModels" | "setModels" | "addGroups" | "removeGroups" | "priority" | "weight" | "base_url";
const kinds: Kind[] = ["addModels", "removeModels", "setModels", "addGroups", "removeGroups", "priority", "weight", "base_url"];
const isList = (kind: Kind): boolean => /Models|Groups/.test(kind);

function changer(kind: Kind, names: string[], text: string): (c: Channel) => Change {
	const more = (old: string): string => joinNames([...new Set([...splitNames(old), ...names])]);
	const less = (old: string): string => joinNames(splitNames(old).filter((n) => !names.includes(n)));
	const makers: Record<Kind, (c: Channel) => Change> = {
		addModels: (c) => ({ models: more(c.models) }),
		removeModels: (c) => ({ models: less(c.models) || c.models }),
		setModels: () => ({ models: joinNames(names) }),
		addGroups: (c) => ({ group: more(c.group) }),
		removeGroups: (c) => ({ group: less(c.group) || c.group }),
		priority: () => ({ priority: Number(text) }),
		weight: () => ({ weight: Number(text) }),
		base_url: () => ({ base_url: text.trim().replace(/\/+$/, "") }),
	};
	return makers[kind];
}

export function BulkEdit({ channels, onClose }: { channels: Channel[]; onClose(): void }) {
	const [kind, setKind] = useState<Kind>("addModels");
	const [names, setNames] = useState<string[]>([]);
	const [text, setText] = useState("");
	const groups = useResource<string[]>("group/");
	const filled = isList(kind) ? names.length > 0 : kind === "base_url" || /^-?\d+$/.test(text.trim());
	const plan = filled ? planChange(channels, changer(kind, names, text)) : [];
	const run = async (): Promise<void> => {
		await applyChange(t("channels.bulkTitle"), plan);
		onClose();
	};
	return (
		<Dialog title={tn("channels.bulk", channels.length)} onClose={onClose} keep>
			<label class="field"><span>{t("channels.bulkWhat")}</span>
				<select class="input" value={kind} onChange={(e) => { setKind(e.currentTarget.value as Kind); setNames([]); setText(""); }}>
					{kinds.map((k) => <option key={k} value={k}>{t(`channels.bulk.${k}`)}</option>)}
				</select></label>
			<div class="field"><span>{t("channels.bulkValue")}</span>
				{isList(kind)
					? <TagInput values={names} onChange={setNames} suggest={/Groups/.test(kind) ? groups.data : [...new Set(channels.flatMap((c) => splitNames(c.models)))]} label={t("channels.bulkValue")} />
					: <input class="input" aria-label={t("channels.bulkValue")} value={text} onInput={(e) => setText(e.currentTarget.value)} />}
			</div>
			<Banner>{t("channels.bulkPreview", { n: plan.length, total: channels.length })}</Banner>
			<div class="foot"><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" disabled={plan.length === 0} onClick={run}>{t("channels.bulkApply")}</Button></div>
		</Dialog>
	);
}
