// channel-test.ts — testing channels: one, some or all, with what came of it shared by the pages
import { signal } from "@preact/signals";
import { call } from "../api/client";
import { ApiError } from "../api/errors";
import { readPages } from "../api/pages";
import { invalidate } from "../api/resource";
import { can } from "../api/session";
import type { Channel } from "../api/types";
import { t } from "../i18n";
import * as f from "./format";
import { startJob, type Job } from "./job";
import { queryString } from "./query";

export interface TestResult {
	ok: boolean;
	/** the model's words or the reason */
	text: string;
	seconds: number;
	model: string;
	at: number;
	/** what the server's rules did: disabled, enabled, parked */
	action: string;
}

/** The last result of each channel since this page was loaded. */
export const results = signal<Record<number, TestResult>>({});

interface TestAnswer {
	success: boolean;
	message: string;
	time: number;
	model?: string;
	modelName?: string;
	action?: string;
}

export async function testChannel(id: number, model = ""): Promise<TestResult> {
	let result: TestResult;
	try {
		const answer = await call<never>("GET", `channel/test/${id}?${queryString({ model, apply: can("channel.apply") ? 1 : undefined })}`) as unknown as TestAnswer;
		result = { ok: true, text: answer.message, seconds: answer.time, model: answer.model || answer.modelName || model, at: Date.now(), action: answer.action ?? "" };
	} catch (e) {
		result = { ok: false, text: e instanceof Error ? e.message : String(e), seconds: 0, model, at: Date.now(), action: e instanceof ApiError ? e.action : "" };
	}
	results.value = { ...results.peek(), [id]: result };
	return result;
}

export const allChannels = (): Promise<Channel[]> => readPages("channel/");

export function testJob(channels: Channel[], finished?: (failed: Channel[]) => void): Job {
	return startJob<Channel>({
		title: t("channels.testing"),
		items: channels,
		label: (c) => `${c.name} #${c.id}`,
		run: async (c) => {
			const result = await testChannel(c.id);
			if (!result.ok)
				throw new Error(result.text);
			return f.elapsed(result.seconds * 1000);
		},
		finished: (job) => {
			invalidate("channel/");
			finished?.(job.items.filter((i) => i.state === "failed").map((i) => i.item as Channel));
		},
	});
}
