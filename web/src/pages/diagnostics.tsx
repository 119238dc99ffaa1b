// diagnostics.tsx — what is wrong with the installation, before customers notice
import { useEffect, useState } from "preact/hooks";
import { useResource } from "../api/resource";
import { can, status } from "../api/session";
import { serverSnippet, servers, type Server } from "../data/servers";
import { t, tn } from "../i18n";
import { Button } from "../ui/button";
import { CodeBlock, CopyButton } from "../ui/copy";
import { Segments } from "../ui/field";
import { Banner, Loaded, PageHead, Pill, type Tone } from "../ui/state";
import { checks, type CheckName, type Finding, type Verdict } from "./diagnostics/checks";

const looks: Record<Verdict, { tone: Tone; shape: "●" | "▲" | "◆" | "○" }> = {
	good: { tone: "", shape: "●" }, note: { tone: "warn", shape: "▲" }, bad: { tone: "danger", shape: "◆" }, unknown: { tone: "off", shape: "○" },
};

interface ProgramCheck {
	name: string;
	state: "green" | "amber" | "red";
	text: string;
	fix?: string;
}

const states = { green: "good", amber: "note", red: "bad" } as const;

/** What the program found out about itself; its sentences come in the language of the page. */
function ProgramChecks({ checks: found }: { checks: ProgramCheck[] }) {
	return (
		<ul class="card stack">{found.map((c) => (
			<li key={c.name} class="stack tight">
				<div class="row spread"><strong>{c.text}</strong><Pill {...looks[states[c.state]]}>{t(`diagnostics.${states[c.state]}`)}</Pill></div>
				{c.fix && <p class="text">{c.fix}</p>}
			</li>
		))}</ul>
	);
}

function Program() {
	const [asked] = useState(() => Date.now());
	const diag = useResource<Record<string, unknown> & { checks?: ProgramCheck[] }>(`diag?now=${asked}`);
	const flat = (value: unknown): string => typeof value === "object" && value !== null ? Object.entries(value).map(([k, v]) => `${k}: ${flat(v)}`).join(", ") : String(value);
	return <><h2>{t("diagnostics.program")}</h2><Loaded from={diag}>{(d) => <><ProgramChecks checks={d.checks ?? []} /><details class="card"><summary>{t("diagnostics.facts")}</summary><dl class="facts">{Object.entries(d).filter(([k]) => k !== "checks").map(([k, v]) => <><dt>{k}</dt><dd>{flat(v)}</dd></>)}</dl></details></>}</Loaded></>;
}

export default function Diagnostics() {
	const [found, setFound] = useState<Partial<Record<CheckName, Finding>>>({});
	const [server, setServer] = useState<Server>("nginx");
	const run = async (): Promise<void> => {
		setFound({});
		for (const check of checks) {
			const finding = await check.run().catch((e: unknown): Finding => ({ verdict: "bad", seen: String(e) }));
			setFound((old) => ({ ...old, [check.name]: finding }));
		}
	};
	useEffect(() => void run(), []);
	const done = checks.every((c) => found[c.name]);
	const wrong = checks.filter((c) => ["note", "bad"].includes(found[c.name]?.verdict ?? ""));
	const report = (): string => [`${status.value?.version} ${navigator.userAgent}`, ...checks.map((c) => `${found[c.name]?.verdict ?? "-"}\t${c.name}\t${found[c.name]?.seen ?? ""}`)].join("\n");
	return (
		<>
			<PageHead title={t("nav.diagnostics")}><CopyButton text={report} label={t("diagnostics.report")} small={false} /><Button onClick={run}>{t("diagnostics.again")}</Button></PageHead>
			{done && (wrong.length === 0 ? <Banner tone="ok">{t("diagnostics.allGood")}</Banner> : <Banner tone="warn">{tn("diagnostics.wrong", wrong.length)}</Banner>)}
			<ul class="card stack">{checks.map((c) => {
				const finding = found[c.name];
				const faulty = finding && ["note", "bad"].includes(finding.verdict);
				return (
					<li key={c.name} class="stack tight">
						<div class="row spread"><strong>{t(`diagnostics.check.${c.name}`)}</strong>{finding ? <Pill {...looks[finding.verdict]}>{t(`diagnostics.${finding.verdict}`)}</Pill> : <span class="quiet">{t("diagnostics.asking")}</span>}</div>
						{finding?.seen && <code class="small quiet">{finding.seen}</code>}
						{faulty && <p class="text">{t(`diagnostics.fix.${c.name}`)}</p>}
					</li>
				);
			})}</ul>
			{wrong.some((c) => c.server) && (
				<section class="card stack"><h2>{t("diagnostics.settings")}</h2><Segments label={t("notapi.server")} value={server} onChange={setServer} options={servers} /><CodeBlock text={serverSnippet(server)} /></section>
			)}
			{can("diag") && <Program />}
		</>
	);
}
