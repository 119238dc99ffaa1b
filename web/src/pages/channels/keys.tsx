// keys.tsx — of a channel that exists: which of its keys are parked and why; what the gateway did to it
import { post } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { t } from "../../i18n";
import * as f from "../../lib/format";
import { Button } from "../../ui/button";
import { Loaded, Pill } from "../../ui/state";

interface StoredKey {
	hash: string;
	/** its last characters */
	tail: string;
	/** 0: in use */
	parked_at: number;
	cause: string;
}

export function StoredKeys({ id }: { id: number }) {
	const keys = useResource<StoredKey[]>(`channel/${id}/keys`);
	const unpark = async (hash: string): Promise<void> => {
		await post(`channel/${id}/keys/unpark`, hash ? { hash } : {});
		invalidate(`channel/${id}/keys`);
	};
	return (
		<Loaded from={keys} lines={2}>{(rows) => (
			<>
				<ul class="stack tight">{rows.map((k) => (
					<li key={k.hash} class="row spread">
						<span class="row"><code>…{k.tail}</code>{k.parked_at ? <Pill tone="warn" shape="▲">{t("editor.parked", { when: f.when(k.parked_at) })}</Pill> : <Pill shape="●">{t("editor.inUse")}</Pill>}<span class="small second">{k.cause}</span></span>
						{k.parked_at > 0 && <Button small onClick={() => unpark(k.hash)}>{t("editor.unpark")}</Button>}
					</li>
				))}</ul>
				{rows.filter((k) => k.parked_at).length > 1 && <span><Button small onClick={() => unpark("")}>{t("editor.unparkAll")}</Button></span>}
			</>
		)}</Loaded>
	);
}

interface ChannelEvent {
	id: number;
	kind: string;
	cause: string;
	created_at: number;
}

export function Events({ id }: { id: number }) {
	const events = useResource<ChannelEvent[]>(`channel/${id}/events`);
	return (
		<Loaded from={events} lines={2}>{(rows) => rows.length === 0 ? <p class="quiet">{t("editor.noEvents")}</p> : (
			<ul class="stack tight small">{rows.map((e) => <li key={e.id}><span class="quiet" title={f.exact(e.created_at)}>{f.when(e.created_at)}</span> <strong>{e.kind}</strong> {e.cause}</li>)}</ul>
		)}</Loaded>
	);
}
