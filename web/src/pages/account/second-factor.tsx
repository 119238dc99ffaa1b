// second-factor.tsx — an authenticator app as the second proof: begin, confirm, recovery codes, end
import { renderSVG } from "uqr";
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import { invalidate, useResource } from "../../api/resource";
import { t, tn } from "../../i18n";
import { download } from "../../lib/text";
import { Button } from "../../ui/button";
import { CodeBlock } from "../../ui/copy";
import { Dialog } from "../../ui/dialog";
import { FormFault, SecretField, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Banner, Loaded } from "../../ui/state";
import { toast } from "../../ui/toast";

interface Security {
	totp: boolean;
	recovery_codes: number;
	has_password: boolean;
}

const required = (v: string): string => v.trim() ? "" : t("form.required");

function Codes({ codes, onClose }: { codes: string[]; onClose(): void }) {
	return (
		<Dialog title={t("account.recovery")} onClose={onClose} keep>
			<Banner tone="warn">{t("account.recoveryOnce")}</Banner>
			<CodeBlock text={codes.join("\n")} />
			<div class="foot"><Button onClick={() => download("recovery-codes.txt", `${codes.join("\n")}\n`)}>{t("account.recoveryFile")}</Button><Button kind="main" onClick={onClose}>{t("account.recoveryKept")}</Button></div>
		</Dialog>
	);
}

/** First the password, then the secret as picture and text, then a code as proof that it works. */
function Enrol({ needsPassword, onDone, onClose }: { needsPassword: boolean; onDone(codes: string[]): void; onClose(): void }) {
	const [made, setMade] = useState<{ secret: string; uri: string } | null>(null);
	const first = useForm({ password: "" }, { password: (v) => v || !needsPassword ? "" : t("form.required") });
	const second = useForm({ code: "" }, { code: required });
	const begin = async (e: Event): Promise<void> => {
		e.preventDefault();
		await first.submit(async (v) => setMade(await post<{ secret: string; uri: string }>("user/totp", v)));
	};
	const confirm = async (e: Event): Promise<void> => {
		e.preventDefault();
		await second.submit(async (v) => onDone((await post<{ recovery_codes: string[] }>("user/totp/confirm", { code: v.code.replace(/\s+/g, "") })).recovery_codes));
	};
	return (
		<Dialog title={t("account.totpOn")} onClose={onClose} keep>
			{made ? (
				<form class="stack" onSubmit={confirm} noValidate>
					<p>{t("account.totpScan")}</p>
					<div class="qr" role="img" aria-label={t("account.totpPicture")} dangerouslySetInnerHTML={{ __html: renderSVG(made.uri, { border: 2 }) }} />
					<details><summary>{t("account.totpByHand")}</summary><CodeBlock text={made.secret} /></details>
					<TextField form={second} name="code" label={t("account.code")} autocomplete="one-time-code" autofocus mono />
					<FormFault form={second} />
					<div class="foot"><Button kind="main" submit busy={second.busy}>{t("account.totpConfirm")}</Button></div>
				</form>
			) : (
				<form class="stack" onSubmit={begin} noValidate>
					<p>{t("account.totpNeeds")}</p>
					{needsPassword && <SecretField form={first} name="password" label={t("password")} autocomplete="current-password" autofocus />}
					<FormFault form={first} />
					<div class="foot"><Button kind="main" submit busy={first.busy}>{t("account.totpNext")}</Button></div>
				</form>
			)}
		</Dialog>
	);
}

/** What a code is needed for: new recovery codes, or the end of it. */
function Proof({ title, bad, send, onClose }: { title: string; bad?: boolean; send(code: string): Promise<unknown>; onClose(): void }) {
	const form = useForm({ code: "" }, { code: required });
	const submit = async (e: Event): Promise<void> => {
		e.preventDefault();
		await form.submit((v) => send(v.code.replace(/\s+/g, "")));
	};
	return (
		<Dialog title={title} onClose={onClose}>
			<form class="stack" onSubmit={submit} noValidate>
				<TextField form={form} name="code" label={t("second.code")} hint={t("second.hint")} autocomplete="one-time-code" autofocus mono />
				<FormFault form={form} />
				<div class="foot"><Button onClick={onClose}>{t("cancel")}</Button><Button kind={bad ? "bad" : "main"} submit busy={form.busy}>{title}</Button></div>
			</form>
		</Dialog>
	);
}

export function SecondFactor() {
	const security = useResource<Security>("user/security");
	const [step, setStep] = useState<"enrol" | "renew" | "end" | null>(null);
	const [codes, setCodes] = useState<string[] | null>(null);
	const close = (): void => setStep(null);
	const show = (made: string[]): void => { setCodes(made); close(); };
	return (
		<section class="stack">
			<h2>{t("account.totp")}</h2>
			<Loaded from={security} lines={2}>{(s) => s.totp ? (
				<>
					<p><span class="ok">✓</span> {t("account.totpActive")} {tn("account.recoveryLeft", s.recovery_codes)}</p>
					<div class="row"><Button onClick={() => setStep("renew")}>{t("account.recoveryNew")}</Button><Button kind="bad" onClick={() => setStep("end")}>{t("account.totpOff")}</Button></div>
				</>
			) : <><p class="text">{t("account.totpText")}</p><span><Button onClick={() => setStep("enrol")}>{t("account.totpOn")}</Button></span></>}</Loaded>
			{step === "enrol" && <Enrol needsPassword={security.data?.has_password !== false} onDone={show} onClose={close} />}
			{step === "renew" && <Proof title={t("account.recoveryNew")} onClose={close} send={async (code) => show((await post<{ recovery_codes: string[] }>("user/totp/recovery", { code })).recovery_codes)} />}
			{step === "end" && <Proof bad title={t("account.totpOff")} onClose={close} send={async (code) => { await post("user/totp/disable", { code }); invalidate("user/security"); close(); toast(t("account.totpEnded")); }} />}
			{codes && <Codes codes={codes} onClose={() => { setCodes(null); invalidate("user/security"); }} />}
		</section>
	);
}
