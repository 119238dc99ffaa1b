// account.tsx — oneself: profile, sign-in, preferences, access token, invitations, the end
import { useState } from "preact/hooks";
import { del, get, homeUrl, put } from "../api/client";
import { useResource } from "../api/resource";
import { can, forget, loadMe, me, role, status } from "../api/session";
import { language, setLanguage, t } from "../i18n";
import { askToNotify, canNotify, mayNotify } from "../lib/notify";
import { prefs, setPrefs, siteTheme } from "../lib/prefs";
import { go, href } from "../lib/router";
import { leaveFor, signInSites } from "../lib/sign-in-sites";
import { navRows } from "../shell/frame";
import { pathOf, startPath, type PageProps } from "../shell/routes";
import { Button } from "../ui/button";
import { CodeBlock } from "../ui/copy";
import { confirm } from "../ui/dialog";
import { Field, FormFault, SecretField, Segments, Switch, TextField } from "../ui/field";
import { useForm } from "../ui/form";
import { Banner, Loaded, PageHead } from "../ui/state";
import { toast } from "../ui/toast";
import { SecondFactor } from "./account/second-factor";

function Profile() {
	const form = useForm({ username: me.value!.username, display_name: me.value!.display_name }, {
		username: (v) => v === me.value!.username ? "" : !v.trim() ? t("form.required") : [...v].length > 12 ? t("account.nameLong") : "",
		display_name: (v) => [...v].length > 20 ? t("account.displayLong") : "",
	});
	const save = async (e: Event): Promise<void> => {
		e.preventDefault();
		if (await form.submit((v) => put("user/self", v))) {
			await loadMe();
			toast(t("form.saved"));
		}
	};
	return (
		<form class="stack" onSubmit={save} noValidate>
			<TextField form={form} name="username" label={t("username")} autocomplete="username" />
			<TextField form={form} name="display_name" label={t("account.display")} optional />
			<dl class="facts"><dt>{t("account.group")}</dt><dd>{me.value!.group}</dd><dt>{t("account.mail")}</dt><dd>{me.value!.email || "–"}</dd></dl>
			<FormFault form={form} />
			<div class="foot"><Button kind="main" submit busy={form.busy} disabled={!form.dirty}>{t("save")}</Button></div>
		</form>
	);
}

function MailBind() {
	const form = useForm({ email: "", code: "" });
	const send = async (): Promise<void> => {
		await get(`verification?email=${encodeURIComponent(form.values.email.trim())}`);
		toast(t("account.codeSent"));
	};
	const bind = async (e: Event): Promise<void> => {
		e.preventDefault();
		if (await form.submit((v) => get(`oauth/email/bind?email=${encodeURIComponent(v.email.trim())}&code=${encodeURIComponent(v.code.trim())}`))) {
			await loadMe();
			toast(t("form.saved"));
		}
	};
	return (
		<form class="stack tight" onSubmit={bind}>
			<TextField form={form} name="email" type="email" label={t("account.mail")} placeholder={me.value!.email} after={<Button disabled={!form.values.email} onClick={send}>{t("account.sendCode")}</Button>} />
			<TextField form={form} name="code" label={t("account.code")} after={<Button submit disabled={!form.values.code}>{t("account.link")}</Button>} />
			<FormFault form={form} />
		</form>
	);
}

async function unlink(id: string, name: string): Promise<void> {
	if (!await confirm({ title: t("account.unlinkTitle", { name }), text: t("account.unlinkText"), yes: t("account.unlink"), bad: true }))
		return;
	await del(`oauth/${id}/bind`);
	await loadMe();
}

function Linked({ id, name, as }: { id: string; name: string; as: string }) {
	return <div class="row spread"><span>{name}</span><span class="row"><span class="ok">✓ {as}</span>{can("oauth.unbind") && <Button small onClick={() => unlink(id, name)}>{t("account.unlink")}</Button>}</span></div>;
}

function SignInSection() {
	const form = useForm({ password: "", again: "" }, {
		password: (v) => v.length < 8 ? t("account.passwordShort") : "", again: (v, all) => v === all.password ? "" : t("account.passwordDiffers"),
	});
	const save = async (e: Event): Promise<void> => {
		e.preventDefault();
		if (await form.submit((v) => put("user/self", { username: me.value!.username, display_name: me.value!.display_name, password: v.password }))) {
			form.reset({ password: "", again: "" });
			toast(t("account.passwordSaved"));
		}
	};
	const ids = { github: me.value!.github_id, lark: me.value!.lark_id, oidc: me.value!.oidc_id };
	return (
		<div class="stack loose">
			<form class="stack" onSubmit={save} noValidate>
				<h2>{t("password")}</h2>
				<SecretField form={form} name="password" label={t("account.newPassword")} />
				<SecretField form={form} name="again" label={t("account.again")} />
				<FormFault form={form} />
				<div class="foot"><Button kind="main" submit busy={form.busy}>{t("account.changePassword")}</Button></div>
			</form>
			{can("auth.totp") && <SecondFactor />}
			<section class="stack">
				<h2>{t("account.linked")}</h2>
				{signInSites.filter((s) => s.on() || ids[s.id]).map((s) => (
					ids[s.id] ? <Linked key={s.id} id={s.id} name={s.name} as={ids[s.id]} /> : <div key={s.id} class="row spread"><span>{s.name}</span><Button small onClick={() => leaveFor(s)}>{t("account.link")}</Button></div>
				))}
				{me.value!.wechat_id && <Linked id="wechat" name={t("account.wechat")} as="" />}
				{status.value?.email_verification && <MailBind />}
				{!signInSites.some((s) => s.on() || ids[s.id]) && !me.value!.wechat_id && !status.value?.email_verification && <p class="second">{t("account.linkedNone")}</p>}
			</section>
		</div>
	);
}

function StartPage() {
	const offered = [...navRows("use"), ...navRows("operate")].filter((r) => r.page !== "chat" && r.page !== "overview");
	return (
		<Field label={t("account.start")} hint={t("account.startHint")}>{(wires) => (
			<select class="input" {...wires} value={startPath(prefs.value.start, role.value)} onChange={(e) => setPrefs({ start: e.currentTarget.value === "overview" ? undefined : e.currentTarget.value })}>
				<option value="overview">{t("nav.overview")}</option>
				{offered.map((r) => <option key={r.page} value={pathOf(r)}>{t(r.nav!.label)}</option>)}
			</select>
		)}</Field>
	);
}

/** The browser asks when it is switched on; what it answered stands below. */
function Notes() {
	const [refused, setRefused] = useState(false);
	const on = !!prefs.value.notify && mayNotify();
	const change = async (wanted: boolean): Promise<void> => {
		const granted = wanted && await askToNotify();
		setRefused(wanted && !granted);
		setPrefs({ notify: granted });
	};
	return <Switch label={t("account.notes")} hint={t(!canNotify() ? "account.notesNone" : refused ? "account.notesRefused" : "account.notesHint")} checked={on} disabled={!canNotify()} onChange={(wanted) => void change(wanted)} />;
}

function Preferences() {
	const p = prefs.value;
	const choice = <T extends string>(label: string, value: T, options: [T, string][], save: (v: T) => unknown) => (
		<div class="field"><span class="label">{label}</span><Segments label={label} value={value} options={options.map(([v, l]) => ({ value: v, label: l }))} onChange={(v) => void save(v)} /></div>
	);
	return (
		<div class="stack">
			{choice(t("account.language"), language.value, [["en", "English"], ["zh-CN", t("language.chinese")]], setLanguage)}
			{choice<string>(t("account.theme"), p.theme ?? "", [["", t("account.site", { name: siteTheme.value || "default" })], ["default", "default"], ["berry", "berry"], ["air", "air"]], (v) => setPrefs({ theme: (v || undefined) as "berry" }))}
			{choice<string>(t("account.mode"), p.mode ?? "", [["", t("account.system")], ["light", t("account.light")], ["dark", t("account.dark")]], (v) => setPrefs({ mode: (v || undefined) as "dark" }))}
			{choice(t("account.density"), p.density ?? "comfortable", [["comfortable", t("account.comfortable")], ["compact", t("account.compact")]], (v) => setPrefs({ density: v }))}
			<Switch label={t("account.shortcuts")} hint={t("account.shortcutsHint")} checked={!p.noShortcuts} onChange={(on) => setPrefs({ noShortcuts: !on })} />
			<StartPage />
			<Notes />
			<p class="quiet small">{t("account.here")}</p>
		</div>
	);
}

function AccessToken() {
	const [token, setToken] = useState("");
	const make = async (): Promise<void> => {
		if (await confirm({ title: t("account.tokenTitle"), text: t("account.tokenReplaces"), yes: t("account.tokenMake") }))
			setToken(await get<string>("user/token"));
	};
	return (
		<div class="stack">
			<p class="text">{t("account.tokenText")}</p>
			{token ? <><Banner tone="ok">{t("account.tokenOnce")}</Banner><CodeBlock text={token} /></> : <span><Button kind="main" onClick={make}>{t("account.tokenMake")}</Button></span>}
		</div>
	);
}

function Invitations() {
	const code = useResource<string>("user/aff");
	return <Loaded from={code}>{(aff) => <div class="stack"><p class="text">{t("account.inviteText")}</p><CodeBlock text={`${homeUrl}#/register?aff=${aff}`} /></div>}</Loaded>;
}

function DeleteAccount() {
	const remove = async (): Promise<void> => {
		const name = me.value!.username;
		if (!await confirm({ title: t("account.deleteTitle"), text: t("account.deleteText"), yes: t("account.deleteYes", { name }), bad: true, word: name }))
			return;
		await del("user/self");
		forget();
		go("login");
	};
	return <div class="stack"><p class="text">{t("account.deleteText")}</p><span><Button kind="bad" onClick={remove}>{t("account.deleteTitle")}</Button></span></div>;
}

const parts = { "profile": Profile, "sign-in": SignInSection, "preferences": Preferences, "token": AccessToken, "invitations": Invitations, "delete": DeleteAccount } as const;
type Part = keyof typeof parts;

export default function Account({ params }: PageProps) {
	const at: Part = params.section && params.section in parts ? params.section as Part : "profile";
	const View = parts[at];
	return (
		<>
			<PageHead title={t("nav.account")} />
			<div class="settings">
				<nav class="card stack tight" aria-label={t("account.sections")}>{(Object.keys(parts) as Part[]).map((p) => <a key={p} class="nav" href={href(`account/${p}`)} aria-current={p === at ? "page" : undefined}>{t(`account.part.${p}`)}</a>)}</nav>
				<div class="card stack"><h2 class="off-screen">{t(`account.part.${at}`)}</h2><View /></div>
			</div>
		</>
	);
}
