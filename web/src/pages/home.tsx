// home.tsx — the operator's face to the world, or a quiet default
import { baseUrl } from "../api/client";
import { useResource } from "../api/resource";
import { can, status, systemName } from "../api/session";
import { t } from "../i18n";
import type { Pricing } from "../lib/pricing";
import { href } from "../lib/router";
import { LinkButton } from "../ui/button";
import { CodeBlock } from "../ui/copy";
import { Content } from "../ui/prose";
import { Banner, PageHead, Skeleton } from "../ui/state";

function Served() {
	const pricing = useResource<Pricing>(can("pricing") ? "pricing" : null);
	const models = pricing.data?.models;
	return models?.length ? (
		<section class="stack tight"><h2>{t("home.models")}</h2>
			<div class="row">{models.slice(0, 60).map((m) => <code class="tag plain" key={m.model}>{m.model}</code>)}</div></section>
	) : null;
}

function Default() {
	return (
		<div class="stack loose" style={{ maxWidth: "720px", margin: "6vh auto", width: "100%" }}>
			<PageHead title={systemName.value} />
			<p class="second">{t("home.what")}</p>
			<section class="stack tight"><h2>{t("home.base")}</h2><CodeBlock text={baseUrl} /><p class="quiet">{t("home.baseHint")}</p></section>
			<div class="row">
				<LinkButton kind="main" href={href("login")}>{t("signIn")}</LinkButton>
				{status.value?.register !== false && <LinkButton href={href("register")}>{t("home.register")}</LinkButton>}
				<LinkButton kind="plain" href={href("about")}>{t("home.about")}</LinkButton>
			</div>
			<Served />
		</div>
	);
}

export default function Home() {
	const content = useResource<string>("home_page_content");
	if (content.error)
		return <><Banner tone="warn">{t("home.contentFailed")}</Banner><Default /></>;
	if (content.data === undefined)
		return <Skeleton />;
	return content.data.trim() ? <><PageHead title={systemName.value} /><Content text={content.data} title={systemName.value} /></> : <Default />;
}
