// steps.ts — where the first run stands: from data, so that it can be resumed after a reload
import { get } from "../../api/client";
import { can, firstRun } from "../../api/session";
import type { Channel, Key, LogRow } from "../../api/types";
import { prefs } from "../../lib/prefs";

export interface Progress {
	passwordChanged: boolean;
	channel: Channel | undefined;
	tested: boolean;
	key: Key | undefined;
	called: LogRow | undefined;
}

interface SetupState {
	default_root_password: boolean;
}

export async function readProgress(): Promise<Progress> {
	const [channels, keys, logs, setup] = await Promise.all([
		get<Channel[]>("channel/?p=0"), get<Key[]>("token/?p=0"), get<LogRow[]>("log/self/?p=0&type=2"),
		can("setup") ? get<SetupState>("setup") : null,
	]);
	const usable = keys.filter((k) => k.status === 1 && (k.unlimited_quota || k.remain_quota > 0));
	return {
		passwordChanged: setup ? !setup.default_root_password : !firstRun.value || !!prefs.value.seen?.includes("setup.password"),
		channel: channels[0],
		tested: channels.some((c) => c.response_time > 0),
		key: usable[0],
		called: logs[0],
	};
}

export const stepNames = ["secure", "connect", "test", "key", "call"] as const;
export type StepName = (typeof stepNames)[number];

export function firstOpen(p: Progress): StepName {
	if (!p.passwordChanged)
		return "secure";
	if (!p.channel)
		return "connect";
	if (!p.tested)
		return "test";
	return p.key ? "call" : "key";
}
