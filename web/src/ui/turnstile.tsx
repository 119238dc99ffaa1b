// turnstile.tsx — the human check, loaded from its maker only where the operator requires it
import { useEffect, useRef } from "preact/hooks";
import { status } from "../api/session";

interface TurnstileApi {
	render(box: HTMLElement, o: { sitekey: string; callback(token: string): void }): void;
}

export function Turnstile({ onToken }: { onToken(token: string): void }) {
	const box = useRef<HTMLDivElement>(null);
	useEffect(() => {
		if (!status.value?.turnstile_site_key)
			return;
		const show = (): void => (window as unknown as { turnstile?: TurnstileApi }).turnstile
			?.render(box.current!, { sitekey: status.value!.turnstile_site_key, callback: onToken });
		const script = document.createElement("script");
		script.src = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";
		script.onload = show;
		document.head.append(script);
		return () => script.remove();
	}, []);
	return status.value?.turnstile_site_key ? <div ref={box} /> : null;
}
