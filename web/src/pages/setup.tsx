// setup.tsx — the first run: from a fresh installation to the first answer in five steps
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api/errors";
import type { Key, Channel } from "../api/types";
import { t } from "../i18n";
import { prefs } from "../lib/prefs";
import { go, route } from "../lib/router";
import { Alone } from "../shell/alone";
import { Failed, Skeleton } from "../ui/state";
import { CallStep } from "./setup/call";
import { ConnectStep } from "./setup/connect";
import { KeyStep } from "./setup/key";
import { Secure } from "./setup/secure";
import { firstOpen, readProgress, stepNames, type Progress, type StepName } from "./setup/steps";
import { TestStep } from "./setup/test";

function Line({ at }: { at: StepName }) {
	const now = stepNames.indexOf(at);
	return (
		<ol class="steps">{stepNames.map((name, i) => (
			<li key={name} class={i < now ? "past" : ""} aria-current={i === now ? "step" : undefined}>{i < now && <span aria-hidden="true">✓</span>}{t(`setup.step.${name}`)}</li>
		))}</ol>
	);
}

export default function Setup() {
	const [progress, setProgress] = useState<Progress | null>(null);
	const [fault, setFault] = useState<ApiError | null>(null);
	const load = async (): Promise<void> => {
		setFault(null);
		try {
			setProgress(await readProgress());
		} catch (e) {
			setFault(e instanceof ApiError ? e : new ApiError("app", String(e)));
		}
	};
	useEffect(() => void load(), []);
	const asked = stepNames.find((s) => s === route.value.query.step);
	// the first step of a fresh installation is offered even when its password was made for it, once
	const fresh = progress && !progress.channel && !progress.key && !prefs.value.seen?.includes("setup.password");
	const at: StepName = !progress ? "secure" : !progress.passwordChanged ? "secure" : asked ?? (fresh ? "secure" : firstOpen(progress));
	const to = (step: StepName) => (): void => go("setup", { step });
	const change = (part: Partial<Progress>): void => setProgress({ ...progress!, ...part });
	return (
		<Alone title={t("setup.title")} wide>
			<Line at={at} />
			{fault && <Failed error={fault} retry={load} />}
			{!progress && !fault && <Skeleton />}
			{progress && at === "secure" && <Secure mayKeep={progress.passwordChanged} onDone={() => { change({ passwordChanged: true }); to("connect")(); }} />}
			{progress && at === "connect" && <ConnectStep onDone={(channel: Channel | undefined) => { change({ channel, tested: false }); to("test")(); }} onSkip={to("key")} />}
			{progress && at === "test" && (progress.channel
				? <TestStep channel={progress.channel} onDone={() => { change({ tested: true }); to("key")(); }} onSkip={to("key")} />
				: <ConnectStep onDone={(channel) => { change({ channel, tested: false }); to("test")(); }} onSkip={to("key")} />)}
			{progress && (at === "key" || (at === "call" && !progress.key)) && <KeyStep onDone={(key: Key) => { change({ key }); to("call")(); }} onSkip={() => go("overview")} />}
			{progress && at === "call" && progress.key && <CallStep apiKey={progress.key} channel={progress.channel} called={progress.called} onFinish={() => go("overview")} />}
		</Alone>
	);
}
