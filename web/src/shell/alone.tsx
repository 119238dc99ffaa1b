// alone.tsx — one centred card, for pages before or beside the signed-in frame
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { systemName } from "../api/session";
import { href, pageTitle } from "../lib/router";
import { RouteMark } from "../ui/icons";
import { Foot, LanguageButton, ModeButton } from "./frame";

/** One centred card over the route mark. */
export function Alone({ title, children, wide }: { title: string; children: ComponentChildren; wide?: boolean }) {
	useEffect(() => { pageTitle.value = title; }, [title]);
	return (
		<div class="alone">
			<RouteMark class="back-mark" thin />
			<header class="top">
				<a class="brand" href={href("")} style={{ padding: 0 }}><img src="./favicon.svg" alt="" width={28} height={28} /><span class="clip">{systemName.value}</span></a>
				<span class="grow" /><LanguageButton /><ModeButton />
			</header>
			<main class="middle"><div class="card" style={wide ? { width: "min(720px, 100%)" } : {}}><h1 tabIndex={-1}>{title}</h1>{children}</div></main>
			<Foot />
		</div>
	);
}
