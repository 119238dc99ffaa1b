// test.tsx — step 3: does it answer? Starts by itself; a failure comes with what usually helps
import { useEffect, useState } from "preact/hooks";
import { put } from "../../api/client";
import { invalidate } from "../../api/resource";
import type { Channel } from "../../api/types";
import { t } from "../../i18n";
import { testChannel, type TestResult } from "../../lib/channel-test";
import * as f from "../../lib/format";
import { splitNames } from "../../lib/text";
import { Button } from "../../ui/button";
import { SecretField, TextField } from "../../ui/field";
import { useForm } from "../../ui/form";
import { Banner, Skeleton } from "../../ui/state";

/** The likely cause of a refusal, from its status and words. */
function cause(text: string): "key" | "quota" | "model" | "address" | "other" {
	if (/\b401\b|invalid.{0,20}key|incorrect.{0,20}key|unauthorized|authentication/i.test(text))
		return "key";
	if (/\b(402|429)\b|quota|balance|billing/i.test(text))
		return "quota";
	if (/\b404\b|model.{0,30}(not|exist)/i.test(text))
		return "model";
	return /resolve|connect|refused|timed? ?out|certificate|TLS/i.test(text) ? "address" : "other";
}

export function TestStep({ channel, onDone, onSkip }: { channel: Channel; onDone(): void; onSkip(): void }) {
	const models = splitNames(channel.models);
	const [result, setResult] = useState<TestResult | null>(null);
	const form = useForm({ model: models.find((m) => /mini|flash|haiku|chat/.test(m)) ?? models[0] ?? "", key: "", base_url: channel.base_url });
	const run = async (): Promise<void> => {
		setResult(null);
		setResult(await testChannel(channel.id, form.values.model.trim()));
	};
	const change = async (): Promise<void> => {
		const { key, base_url } = form.values, model = form.values.model.trim();
		const added = model && !models.includes(model) ? { models: [...models, model].join(",") } : {};
		await put("channel/", { id: channel.id, ...(key ? { key } : {}), ...(base_url !== channel.base_url ? { base_url } : {}), ...added });
		invalidate("channel/");
		await run();
	};
	useEffect(() => void run(), [channel.id]);
	return (
		<div class="stack">
			{!result && <><p role="status">{t("setup.testText", { name: channel.name })}</p><Skeleton lines={2} /></>}
			{result?.ok && <Banner tone="ok">{t("setup.testOk", { model: result.model, time: f.elapsed(result.seconds * 1000), text: result.text })}</Banner>}
			{result && !result.ok && (
				<>
					<Banner tone="danger"><p>{result.text}</p><p>{t(`setup.cause.${cause(result.text)}`)}</p></Banner>
					<TextField form={form} name="model" label={t("setup.otherModel")} list={models} hint={t("setup.otherModelHint")} />
					<SecretField form={form} name="key" label={t("setup.otherKey")} exists />
					<TextField form={form} name="base_url" label={t("editor.base")} optional />
				</>
			)}
			<div class="foot">
				{result && !result.ok && <><span class="left"><Button kind="plain" onClick={onSkip}>{t("setup.skip")}</Button></span><Button kind="main" onClick={change}>{t("setup.testAgain")}</Button></>}
				{result?.ok && <Button kind="main" onClick={onDone}>{t("setup.next")}</Button>}
			</div>
		</div>
	);
}
