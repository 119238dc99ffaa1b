// oauth.tsx — back from another site with ?code=&state=: signs in, or binds when signed in already
import { useEffect, useState } from "preact/hooks";
import { call, pause } from "../api/client";
import { ApiError } from "../api/errors";
import { loadMe, me, secondStepOf, type SecondStep } from "../api/session";
import { t } from "../i18n";
import { queryString } from "../lib/query";
import { go, href, route } from "../lib/router";
import { signInSites } from "../lib/sign-in-sites";
import { Alone } from "../shell/alone";
import type { PageProps } from "../shell/routes";
import { Button, LinkButton } from "../ui/button";
import { SecondStepForm } from "../ui/second-step";
import { Banner, Skeleton } from "../ui/state";
import { errorText, toast } from "../ui/toast";

/** Three tries with growing waits; a refusal (403, a wrong state) does not get better by waiting. */
async function exchange(provider: string): Promise<boolean | SecondStep> {
	const { code, state } = route.value.query;
	for (let wait = 1000; ; wait *= 2) {
		try {
			const answer = await call("GET", `oauth/${provider}?${queryString({ code, state })}`, undefined, { guest: true });
			return answer.message === "bind";
		} catch (e) {
			if (e instanceof ApiError && e.data)
				return secondStepOf(e);
			if (!(e instanceof ApiError) || e.kind === "denied" || e.kind === "auth" || wait > 2000)
				throw e;
			await pause(wait);
		}
	}
}

export default function OAuth({ params }: PageProps) {
	const [fault, setFault] = useState("");
	const [step, setStep] = useState<SecondStep | null>(null);
	const provider = params.provider ?? "";
	const name = signInSites.find((s) => s.id === provider)?.name ?? provider;
	const run = async (): Promise<void> => {
		setFault("");
		try {
			const bound = await exchange(provider);
			if (typeof bound === "object")
				return setStep(bound);
			await loadMe();
			if (bound)
				toast(t("home.bound", { name }));
			go(bound ? "account/sign-in" : "", {}, true);
		} catch (e) {
			setFault(errorText(e));
		}
	};
	useEffect(() => void run(), []);
	if (step)
		return <Alone title={t("home.oauth", { name })}><SecondStepForm step={step} onDone={() => go("", {}, true)} /></Alone>;
	return (
		<Alone title={t("home.oauth", { name })}>
			{fault ? (
				<>
					<Banner tone="danger">{fault}</Banner>
					<div class="row"><Button kind="main" onClick={run}>{t("retry")}</Button>
						<LinkButton href={href(me.value ? "account/sign-in" : "login")}>{t("home.back")}</LinkButton></div>
				</>
			) : <Skeleton lines={2} />}
		</Alone>
	);
}
