// about.tsx — what the operator says about the site, else what this is
import { useResource } from "../api/resource";
import { status, systemName } from "../api/session";
import { t } from "../i18n";
import { Content } from "../ui/prose";
import { Loaded, PageHead } from "../ui/state";

export default function About() {
	const about = useResource<string>("about");
	return (
		<>
			<PageHead title={t("home.about")} />
			<Loaded from={about}>{(text) => text.trim() ? <Content text={text} title={t("home.about")} /> : (
				<div class="stack text">
					<p>{t("home.aboutDefault", { name: systemName.value })}</p>
					<dl class="facts"><dt>{t("home.version")}</dt><dd>{status.value?.version}</dd></dl>
				</div>
			)}</Loaded>
		</>
	);
}
