// row.tsx — one option: name, effect, its input, default and key
import { get, homeUrl } from "../../api/client";
import { can, currency } from "../../api/session";
import { isObjectKind, type OptionRow } from "../../data/options";
import { t, type Key } from "../../i18n";
import { serverAddress } from "../../lib/addresses";
import { amountText, parseAmount } from "../../lib/money";
import { joinNames, splitNames } from "../../lib/text";
import { Button } from "../../ui/button";
import { CopyIcon } from "../../ui/copy";
import { Field, Switch } from "../../ui/field";
import { PairsEditor } from "../../ui/pairs";
import { Prose } from "../../ui/prose";
import { TagInput } from "../../ui/tags";
import { ObjectOption } from "./objects";

interface RowProps {
	row: OptionRow;
	/** what is shown: the change or else what is stored */
	value: string;
	stored: string | undefined;
	fault?: string | undefined;
	/** a switch that lacks these values cannot go on */
	missing: string[];
	/** changes of other options, as discovery makes them */
	onOthers?(changes: Record<string, string>): void;
	onChange(value: string): void;
}

export const optionName = (key: string): string => t(`options.${key}` as Key);

/** Hosts of common mail services with the port that they want. */
const mailHosts: [host: string, port: string][] = [["smtp.gmail.com", "587"], ["smtp-mail.outlook.com", "587"], ["smtp.qq.com", "465"], ["smtp.163.com", "465"], ["smtp.exmail.qq.com", "465"]];

const asMoney = (units: string): string => amountText(Number(units) || 0, currency.value);

function Input({ row, value, stored, onChange, wires }: RowProps & { wires: { id: string } }) {
	const text = { class: "input", ...wires, value, onInput: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value) };
	switch (row.kind) {
	case "secret":
		return <input {...text} type="password" autocomplete="new-password" placeholder={stored === undefined ? t("settings.secret") : ""} />;
	case "long":
		return <><textarea {...text} rows={5} />{value.trim() && !/^https:\/\/\S+$/.test(value) && <details><summary>{t("settings.preview")}</summary><Prose text={value} /></details>}</>;
	case "json":
		return <PairsEditor text={value} onChange={onChange} left={t(row.key === "GroupRatio" ? "settings.group" : "settings.model")} right={t("settings.ratio")} />;
	case "links":
		return <PairsEditor text={value} onChange={onChange} left={t("settings.appName")} right={t("settings.appLink")} />;
	case "limits":
	case "prices":
	case "chains":
		return <ObjectOption kind={row.kind} text={value} onChange={onChange} />;
	case "list":
		return <TagInput values={splitNames(value)} onChange={(names) => onChange(joinNames(names))} label={optionName(row.key)} />;
	case "choice":
		return <select {...wires} class="input" value={value} onChange={(e) => onChange(e.currentTarget.value)}>{row.choices!.map((c) => <option key={c} value={c}>{t(`options.choice.${c}` as Key)}</option>)}</select>;
	case "money":
		return <input {...wires} class="input" inputMode="decimal" value={/^-?\d+$/.test(value) ? asMoney(value) : value}
			onChange={(e) => onChange(String(parseAmount(e.currentTarget.value, currency.value) ?? e.currentTarget.value))} />;
	default:
		return <input {...text} inputMode={row.kind === "number" ? "decimal" : undefined} />;
	}
}

/** Beside some options stands what one needs to fill in elsewhere. */
function Extra({ row, value, onChange, onOthers }: RowProps) {
	const callback: Record<string, string> = { GitHubClientId: "github", LarkClientId: "lark", OidcClientId: "oidc" };
	const provider = callback[row.key];
	if (provider) {
		const url = `${serverAddress()}/oauth/${provider}`;
		return <span class="row small"><span class="quiet">{t("settings.callback")}</span><code>{url}</code><CopyIcon text={url} label={t("settings.copyCallback")} /></span>;
	}
	if (row.key === "OidcWellKnown" && can("oidc.discover")) {
		const discover = async (): Promise<void> => {
			const d = await get<Record<string, string>>(`oauth/oidc/discover?url=${encodeURIComponent(value)}`);
			onOthers?.({ OidcWellKnown: d.well_known ?? value, OidcAuthorizationEndpoint: d.authorization_endpoint ?? "", OidcTokenEndpoint: d.token_endpoint ?? "", OidcUserinfoEndpoint: d.userinfo_endpoint ?? "" });
		};
		return <span><Button small disabled={!value.trim()} onClick={discover}>{t("settings.discover")}</Button></span>;
	}
	if (row.key === "SMTPServer")
		return <div class="row small"><span class="quiet">{t("settings.presets")}</span>{mailHosts.map(([host, port]) => <Button small kind="plain" key={host} onClick={() => { onChange(host); onOthers?.({ SMTPServer: host, SMTPPort: port }); }}>{host.replace(/^smtp(-mail)?\./, "")}</Button>)}</div>;
	if (row.key === "ServerAddress")
		return <span><Button small onClick={() => onChange(homeUrl.replace(/\/$/, ""))}>{t("settings.useAddress")}</Button></span>;
	return null;
}

export function Row(p: RowProps) {
	const { row, value, missing } = p;
	const changed = p.stored !== undefined ? value !== p.stored : value !== "";
	const meta = <span class="small quiet"> {row.initial && !isObjectKind(row.kind) && row.kind !== "list" && `${t("settings.default", { value: row.kind === "money" ? asMoney(row.initial) : row.kind === "bool" ? t(row.initial === "true" ? "settings.on" : "settings.off") : row.initial })} · `}<code class="small">{row.key}</code>{changed && <span class="warn"> ● {t("settings.changed")}</span>}</span>;
	const hint = t(`options.${row.key}.hint` as Key);
	return (
		<div class="stack tight" id={`option-${row.key}`}>
			{row.kind === "bool" ? (
				<Switch checked={value === "true"} disabled={missing.length > 0 && value !== "true"} onChange={(on) => p.onChange(String(on))} label={<>{optionName(row.key)}{meta}</>}
					hint={missing.length > 0 && value !== "true" ? t("settings.needs", { names: missing.map(optionName).join(", ") }) : hint} />
			) : (
				<Field label={<>{optionName(row.key)}{meta}</>} hint={hint} fault={p.fault}>{(wires) => <Input {...p} wires={wires} />}</Field>
			)}
			<Extra {...p} />
		</div>
	);
}
