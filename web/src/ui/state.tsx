// state.tsx — empty, loading, failed, not allowed; pills, banners, bars and stats
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api/errors";
import type { Resource } from "../api/resource";
import { t } from "../i18n";
import { copy } from "../lib/copy";
import { pageTitle } from "../lib/router";
import { Button } from "./button";
import { RouteMark } from "./icons";
import { errorText } from "./toast";

export function Empty({ text, children }: { text: string; children?: ComponentChildren }) {
	return <div class="state"><RouteMark /><p>{text}</p>{children && <div class="row">{children}</div>}</div>;
}

/** What was tried, what came back, and another try. */
export function Failed({ error, retry }: { error: ApiError; retry?(): unknown }) {
	const [left, setLeft] = useState(0);
	useEffect(() => { // being looked after: it comes back by itself
		if (error.status !== 503 || !retry)
			return;
		let seconds = Math.min(60, error.retryAfter || 10);
		setLeft(seconds);
		const timer = setInterval(() => {
			setLeft(--seconds);
			if (seconds > 0)
				return;
			clearInterval(timer);
			retry();
		}, 1000);
		return () => clearInterval(timer);
	}, [error]);
	const details = `${error.kind} ${error.status}\n${error.message}\n${error.received}`.trim();
	return (
		<div class="state">
			<RouteMark />
			<div role="alert">
				<p><strong>{t(error.kind === "denied" ? "denied.title" : "failed.title")}</strong></p>
				<p>{error.status >= 400 ? `${errorText(error).replace(/[.\u3002]$/, "")} (HTTP ${error.status})` : errorText(error)}</p>
			</div>
			<div class="row">
				{retry && <Button kind="main" onClick={() => retry()}>{left > 0 ? t("retryIn", { n: left }) : t("retry")}</Button>}
				<Button onClick={() => copy(details)}>{t("failed.copy")}</Button>
			</div>
		</div>
	);
}

export function Skeleton({ lines = 5 }: { lines?: number }) {
	return (
		<div class="stack late" aria-busy="true" aria-label={t("loading")} role="status">
			{Array.from({ length: lines }, (_, i) => <div key={i} class="bone" style={{ width: `${90 - (i * 17) % 45}%` }} />)}
		</div>
	);
}

/** The three states before there is data. */
export function Loaded<T>({ from, children, lines }: { from: Resource<T>; children(data: T): ComponentChildren; lines?: number }) {
	if (from.data !== undefined)
		return <>{children(from.data)}</>;
	return from.error ? <Failed error={from.error} retry={from.reload} /> : <Skeleton {...(lines ? { lines } : {})} />;
}

export type Tone = "ok" | "warn" | "danger" | "info" | "off" | "";

/** A shape beside the words, so that colour is never alone. */
export function Pill({ tone = "", shape, children, title }: { tone?: Tone; shape?: "●" | "○" | "▲" | "◆"; children: ComponentChildren; title?: string }) {
	return <span class={`pill ${tone}`} title={title}>{shape && <span aria-hidden="true">{shape}</span>}{children}</span>;
}

export function Banner({ tone = "info", children, action }: { tone?: Tone; children: ComponentChildren; action?: ComponentChildren }) {
	return <div class={`banner ${tone}`} role={tone === "danger" ? "alert" : undefined}><div class="body">{children}</div>{action}</div>;
}

/** A share of one. */
export function Bar({ share, label, bad }: { share: number; label: string; bad?: boolean }) {
	const percent = Math.round(Math.max(0, Math.min(1, share)) * 100);
	return (
		<span class={bad ? "bar danger" : "bar"} role="img" aria-label={label} title={label}><i style={{ width: `${percent}%` }} /></span>
	);
}

export function Stat({ label, value, hint, children }: { label: string; value: ComponentChildren; hint?: string; children?: ComponentChildren }) {
	return (
		<div class="stack tight">
			<span class="second">{label}</span>
			<span class="figure" title={hint}>{value}</span>
			{children}
		</div>
	);
}

/** The one h1 of a page; its text is the window's title. */
export function PageHead({ title, children }: { title: string; children?: ComponentChildren }) {
	useEffect(() => { pageTitle.value = title; }, [title]);
	return <div class="head"><h1 tabIndex={-1}>{title}</h1>{children}</div>;
}
