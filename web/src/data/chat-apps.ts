// chat-apps.ts — links that hand an address and a key to a chat program
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
