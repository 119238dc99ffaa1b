// chat-apps.ts — links that hand an address and a key to a chat program
import { objectOf } from "../lib/text";

export interface ChatApp {
	name: string;
	/** {key} with sk-, {url} server address, {chat} the operator's chat link or the app's own site */
	link: string;
	site?: string;
	/** only where the operator has set a chat link */
	needsChat?: boolean;
}

export const chatApps: ChatApp[] = [
	{ name: "NextChat", site: "https://app.nextchat.dev", link: '{chat}/#/?settings={"key":"{key}","url":"{url}"}' },
	{ name: "AMA / BotGem", link: "ama://set-api-key?server={url!}&key={key}" },
	{ name: "OpenCat", link: "opencat://team/join?domain={url!}&token={key}" },
	{ name: "LobeChat", needsChat: true, link: '{chat}/?settings={"keyVaults":{"openai":{"apiKey":"{key}","baseURL":"{url}/v1"}}}' },
];

const ownMost = 20;

/** An address of any program, but nothing that a browser would run. */
export const isAppLink = (link: string): boolean => link.length <= 1000 && /^(?:\{chat\}|[a-z][\w+.-]*:)/i.test(link) && !/^(?:javascript|data|vbscript|file|blob):/i.test(link) && !/[\s\u0000-\u001f]/.test(link.split(":")[0]!);

/** The operator's own: option ChatApps, an object name → link. What is no link is left out. */
export function ownApps(text: string | undefined): ChatApp[] {
	return Object.entries(objectOf(text ?? ""))
		.filter((x): x is [string, string] => x[0].trim() !== "" && typeof x[1] === "string" && isAppLink(x[1].trim())).slice(0, ownMost)
		.map(([name, link]) => ({ name: name.trim().slice(0, 40), link: link.trim(), ...(link.includes("{chat}") ? { needsChat: true } : {}) }));
}

/** {url!} is percent-encoded. Null when the app cannot be offered here. */
export function chatLink(app: ChatApp, key: string, url: string, chat: string): string | null {
	if (app.needsChat && !chat)
		return null;
	return app.link
		.replaceAll("{url!}", encodeURIComponent(url))
		.replaceAll("{url}", url)
		.replaceAll("{key}", key)
		.replaceAll("{chat}", (chat || app.site || "").replace(/\/$/, ""));
}
