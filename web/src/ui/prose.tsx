// prose.tsx — the operator's Markdown, HTML or framed address; sanitised, loaded only where shown
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";

async function render(text: string): Promise<string> {
	const [{ marked }, { default: purify }] = await Promise.all([import("marked"), import("dompurify")]);
	const html = await marked.parse(text);
	const clean = purify.sanitize(html, {
		USE_PROFILES: { html: true },
		FORBID_TAGS: ["form", "input", "button", "select", "textarea", "style", "dialog"],
		FORBID_ATTR: ["id", "name"],
		RETURN_DOM: true,
	}) as HTMLElement;
	for (const a of clean.querySelectorAll("a")) {
		a.rel = "noopener";
		a.target = "_blank";
	}
	for (const img of clean.querySelectorAll("img"))
		img.loading = "lazy";
	return clean.innerHTML;
}

export function Prose({ text, inline }: { text: string; inline?: boolean }) {
	const [html, setHtml] = useState<string | null>(null);
	useEffect(() => {
		let current = true;
		void render(text).then((h) => { if (current) setHtml(h); });
		return () => { current = false; };
	}, [text]);
	const Tag = inline ? "span" : "div";
	return <Tag class="prose" dangerouslySetInnerHTML={{ __html: html ?? "" }} />;
}

/** Another site may run its scripts in its frame; ours must not be given more rights that way. */
export function Frame({ url, title }: { url: string; title: string }) {
	const sandbox = "allow-scripts allow-forms allow-popups";
	const other = new URL(url, location.href).origin !== location.origin;
	return (
		<div class="stack tight grow">
			<iframe class="frame" src={url} title={title} sandbox={other ? `${sandbox} allow-same-origin` : sandbox} referrerpolicy="no-referrer" allow="clipboard-write" />
			<a href={url} target="_blank" rel="noopener">{t("frame.open")}</a>
		</div>
	);
}

/** Content of the operator: an https address is framed, anything else rendered. */
export function Content({ text, title }: { text: string; title: string }) {
	return /^https:\/\/\S+$/.test(text.trim()) ? <Frame url={text.trim()} title={title} /> : <Prose text={text} />;
}
