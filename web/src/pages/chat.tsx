// chat.tsx — the operator's chat page in a frame
import { status } from "../api/session";
import { t } from "../i18n";
import { Frame } from "../ui/prose";
import { Empty, PageHead } from "../ui/state";

export default function Chat() {
	const link = status.value?.chat_link;
	return (
		<>
			<PageHead title={t("nav.chat")} />
			{link ? <><Frame url={link} title={t("nav.chat")} /><p class="quiet small">{t("home.chatRefused")}</p></> : <Empty text={t("home.noChat")} />}
		</>
	);
}
