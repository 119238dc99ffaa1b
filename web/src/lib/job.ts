// job.ts — long work: a list of items, a function, and somebody who can pause it
//
//	startJob({ title, items, label: (c) => c.name, run: (c) => get(`channel/test/${c.id}`) });
//
// Two at once, one after two faults of the server in a row; below two calls a second unless they
// take longer than that by themselves; waits when told to (429). The tray shows all jobs.
import { signal, type Signal } from "@preact/signals";
import { ApiError } from "../api/errors";

export type ItemState = "waiting" | "running" | "done" | "failed" | "skipped";

export interface JobItem<T> {
	item: T;
	label: string;
	state: ItemState;
	/** what came of it: a short text */
	note: string;
}

export interface JobView {
	id: number;
	title: string;
	state: "running" | "paused" | "finished" | "stopped";
	items: JobItem<unknown>[];
	/** ms, from the items done so far; 0 when nobody knows yet */
	left: number;
}

export interface JobPlan<T> {
	title: string;
	items: T[];
	label(item: T): string;
	/** the text becomes the item's note; a throw makes it fail */
	run(item: T): Promise<string | void>;
	finished?(job: JobView): void;
	/** ms between two starts */
	gap?: number;
}

export interface Job {
	view: Signal<JobView>;
	pause(): void;
	resume(): void;
	stop(): void;
	retry(): void;
	done: Promise<JobView>;
}

export const jobs = signal<Job[]>([]);
/** Told of every job that ends. */
export const ended = new Set<(job: JobView) => void>();
let nextId = 1;
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export const count = (job: JobView, ...states: ItemState[]): number =>
	job.items.filter((i) => states.includes(i.state)).length;

export function startJob<T>(plan: JobPlan<T>): Job {
	const view = signal<JobView>({
		id: nextId++,
		title: plan.title,
		state: "running",
		left: 0,
		items: plan.items.map((item) => ({ item, label: plan.label(item), state: "waiting" as const, note: "" })),
	});
	let wake: (() => void) | null = null;
	let began = Date.now();
	let faults = 0;
	let lastStart = 0;
	let finish: (v: JobView) => void;
	const done = new Promise<JobView>((f) => { finish = f; });

	const change = (part: Partial<JobView>): void => { view.value = { ...view.peek(), ...part }; };
	const setItem = (i: number, part: Partial<JobItem<unknown>>): void =>
		change({ items: view.peek().items.map((it, at) => at === i ? { ...it, ...part } : it) });

	const estimate = (): number => {
		const ready = count(view.peek(), "done", "failed");
		return ready === 0 ? 0 : (Date.now() - began) / ready * count(view.peek(), "waiting", "running");
	};

	async function runOne(i: number): Promise<void> {
		setItem(i, { state: "running", note: "" });
		try {
			const note = await plan.run(view.peek().items[i]!.item as T);
			faults = 0;
			setItem(i, { state: "done", note: note ?? "" });
		} catch (e) {
			if (e instanceof ApiError && e.kind === "limited") {
				setItem(i, { state: "waiting" });
				await sleep((e.retryAfter || 10) * 1000);
				return;
			}
			faults = e instanceof ApiError && e.kind === "server" ? faults + 1 : 0;
			setItem(i, { state: "failed", note: e instanceof Error ? e.message : String(e) });
		}
		change({ left: estimate() });
	}

	async function worker(number: number): Promise<void> {
		for (;;) {
			if (view.peek().state === "paused")
				await new Promise<void>((go) => { const before = wake; wake = () => { before?.(); go(); }; });
			if (view.peek().state === "stopped")
				return;
			const wait = lastStart + (plan.gap ?? 500) - Date.now();
			if (wait > 0) {
				await sleep(wait);
				continue;
			}
			const next = view.peek().items.findIndex((i) => i.state === "waiting");
			if (next < 0 || (number > 0 && faults >= 2))
				return;
			lastStart = Date.now();
			await runOne(next);
		}
	}

	async function runAll(): Promise<void> {
		await Promise.all([worker(0), worker(1)]);
		if (view.peek().state !== "stopped")
			change({ state: "finished", left: 0 });
		plan.finished?.(view.peek());
		ended.forEach((tell) => tell(view.peek()));
		finish(view.peek());
	}

	const job: Job = {
		view,
		done,
		pause: () => change({ state: "paused" }),
		resume: () => { change({ state: "running" }); wake?.(); wake = null; },
		stop: () => {
			change({
				state: "stopped",
				items: view.peek().items.map((i) => i.state === "waiting" ? { ...i, state: "skipped" as const } : i),
			});
			wake?.();
			wake = null;
		},
		retry: () => {
			change({
				state: "running",
				items: view.peek().items.map((i) =>
					i.state === "failed" || i.state === "skipped" ? { ...i, state: "waiting" as const, note: "" } : i),
			});
			began = Date.now();
			void runAll();
		},
	};
	jobs.value = [...jobs.peek(), job as Job];
	void runAll();
	return job;
}

export function dismissJob(job: Job): void {
	jobs.value = jobs.peek().filter((j) => j !== job);
}

addEventListener("beforeunload", (e) => {
	if (jobs.peek().some((j) => ["running", "paused"].includes(j.view.peek().state)))
		e.preventDefault();
});
