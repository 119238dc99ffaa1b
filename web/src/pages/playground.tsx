// playground.tsx — tries models through the real gateway with a real key, in one of several modes
import { useState } from "preact/hooks";
import { useResource } from "../api/resource";
import { role } from "../api/session";
import { ROLE, type Key } from "../api/types";
import { t } from "../i18n";
import { href, route, setQuery } from "../lib/router";
import { fullKey, splitNames } from "../lib/text";
import { LinkButton } from "../ui/button";
import { Segments } from "../ui/field";
import { Empty, Loaded, PageHead } from "../ui/state";
import { Chat } from "./playground/chat";
import { usePrices, type Desk } from "./playground/desk";
import { Embeddings } from "./playground/embeddings";
import { Images } from "./playground/image";
import { modes, type Mode } from "./playground/modes";
import { Raw } from "./playground/raw";
import { Speech } from "./playground/speech";
import { openTalk } from "./playground/talk";

/** The wire's status lags behind: a key is marked only when it is used next. */
const isUsable = (k: Key): boolean => k.status === 1 && (k.unlimited_quota || k.remain_quota > 0) && (k.expired_time <= 0 || k.expired_time * 1000 > Date.now());

function Modes({ keys, available }: { keys: Key[]; available: string[] }) {
	const { query } = route.value;
	const [keyId, setKey] = useState(keys[0]!.id);
	const [channel, setChannel] = useState(query.channel ?? "");
	useState(openTalk);
	const mode = modes.find((m) => m === query.mode) ?? "chat";
	const key = keys.find((k) => k.id === keyId) ?? keys[0]!;
	const limited = splitNames(key.models ?? "");
	const price = usePrices();
	const desk: Desk = {
		keys, price, key, setKey, channel, setChannel, models: limited.length ? limited : available,
		secret: channel ? `${fullKey(key.key)}-${channel}` : fullKey(key.key),
	};
	return (
		<>
			<Segments label={t("playground.mode")} value={mode} onChange={(m: Mode) => setQuery({ mode: m === "chat" ? "" : m, model: "" })} options={modes.map((m) => ({ value: m, label: t(`playground.mode.${m}`) }))} />
			{mode === "embeddings" ? <Embeddings desk={desk} /> : mode === "image" ? <Images desk={desk} /> : mode === "speech" ? <Speech desk={desk} /> : mode === "raw" ? <Raw desk={desk} />
				: <Chat desk={desk} compare={mode === "compare"} />}
		</>
	);
}

export default function Playground() {
	const keys = useResource<Key[]>("token/?p=0");
	const models = useResource<string[]>("user/available_models");
	return (
		<>
			<PageHead title={t("nav.playground")} />
			<Loaded from={keys}>{(k) => <Loaded from={models}>{(m) => !k.some(isUsable)
				? <div class="card"><Empty text={t("playground.noKey")}><LinkButton kind="main" href={href("keys/new")}>{t("playground.makeKey")}</LinkButton></Empty></div>
				: m.length === 0 ? <div class="card"><Empty text={t(role.value >= ROLE.admin ? "playground.noModelsAdmin" : "playground.noModels")}>{role.value >= ROLE.admin && <LinkButton kind="main" href={href("channels/new")}>{t("playground.addChannel")}</LinkButton>}</Empty></div>
				: <Modes keys={k.filter(isUsable)} available={m} />}</Loaded>}</Loaded>
		</>
	);
}
