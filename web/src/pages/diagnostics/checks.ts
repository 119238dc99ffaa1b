// checks.ts — what a browser can find out about the installation by itself
import { apiUrl, homeUrl, v1Url } from "../../api/client";
import { can } from "../../api/session";
import { serverAddress } from "../../lib/addresses";
import { looksBuffered } from "../../lib/sse";

export type Verdict = "good" | "note" | "bad" | "unknown";
export type CheckName = "api" | "v1" | "authorization" | "stream" | "compression" | "caching" | "https" | "address" | "clock" | "body";

export interface Finding {
	verdict: Verdict;
	/** what was seen; no secrets */
	seen: string;
}

interface Check {
	name: CheckName;
	/** the web server's settings mend it */
	server: boolean;
	run(): Promise<Finding>;
}

const seen = (verdict: Verdict, text: string): Finding => ({ verdict, seen: text });
const isJson = (r: Response): boolean => /json/.test(r.headers.get("Content-Type") ?? "");

async function checkStream(): Promise<Finding> {
	if (!can("diag"))
		return seen("unknown", "");
	const began = performance.now();
	const answer = await fetch(apiUrl("diag/stream"), { credentials: "same-origin" });
	const arrivals: { at: number; bytes: number }[] = [];
	for (const reader = answer.body!.getReader(); ;) {
		const { done, value } = await reader.read();
		if (done)
			break;
		arrivals.push({ at: performance.now() - began, bytes: value.length });
	}
	const total = performance.now() - began;
	// five events, 200 ms apart: too short for the detector's own threshold
	const late = arrivals.length < 3 || looksBuffered(arrivals.map((a) => ({ ...a, at: a.at * 10 })), total * 10);
	return seen(late ? "bad" : "good", `${arrivals.length} × ${Math.round(total)} ms`);
}

export const checks: Check[] = [
	{
		name: "api", server: true,
		run: async () => {
			const r = await fetch(apiUrl("status"));
			return seen(r.ok && isJson(r) ? "good" : "bad", `HTTP ${r.status}, ${r.headers.get("Content-Type") ?? "–"}`);
		},
	},
	{
		name: "v1", server: true,
		run: async () => {
			const r = await fetch(v1Url("models"), { credentials: "omit" });
			return seen(isJson(r) && r.status === 401 ? "good" : "bad", `HTTP ${r.status}, ${r.headers.get("Content-Type") ?? "–"}`);
		},
	},
	{
		// a wrong key is told from a missing one: then the header arrived
		name: "authorization", server: true,
		run: async () => {
			const texts = await Promise.all([{}, { Authorization: "Bearer sk-diagnostics" }].map(async (headers) =>
				(await (await fetch(v1Url("models"), { credentials: "omit", headers: headers as Record<string, string> })).text()).replace(/\(request id[^)]*\)/, "")));
			return seen(texts[0] !== texts[1] ? "good" : "bad", (texts[1] ?? "").slice(0, 120));
		},
	},
	{ name: "stream", server: true, run: checkStream },
	{
		name: "compression", server: true,
		run: async () => {
			const script = document.querySelector<HTMLScriptElement>('script[type="module"]')?.src ?? homeUrl;
			const coding = (await fetch(script, { cache: "no-store" })).headers.get("Content-Encoding");
			return seen(coding ? "good" : "note", coding ?? "–");
		},
	},
	{
		name: "caching", server: true,
		run: async () => {
			const script = document.querySelector<HTMLScriptElement>('script[type="module"]')?.src ?? homeUrl;
			const [asset, page] = await Promise.all([fetch(script), fetch(homeUrl, { cache: "no-store" })]);
			const kept = asset.headers.get("Cache-Control") ?? "", asked = page.headers.get("Cache-Control") ?? "";
			return seen(/max-age=\d{5,}/.test(kept) && /no-cache|no-store|max-age=0/.test(asked) ? "good" : "note", `assets: ${kept || "–"}; index.html: ${asked || "–"}`);
		},
	},
	{
		name: "https", server: true,
		run: async () => seen(location.protocol === "https:" ? "good" : /^(localhost|127\.|\[::1\])/.test(location.hostname) ? "note" : "bad", location.protocol.replace(":", "")),
	},
	{
		name: "address", server: false,
		run: async () => seen(serverAddress() === homeUrl.replace(/\/$/, "") ? "good" : "note", `${serverAddress()} | ${homeUrl.replace(/\/$/, "")}`),
	},
	{
		name: "clock", server: false,
		run: async () => {
			const date = (await fetch(apiUrl("status"), { cache: "no-store" })).headers.get("Date");
			if (!date)
				return seen("unknown", "");
			const off = Math.round((Date.now() - Date.parse(date)) / 1000);
			return seen(Math.abs(off) <= 5 ? "good" : Math.abs(off) <= 60 ? "note" : "bad", `${off} s`);
		},
	},
	{
		// what is refused for its size never reaches the program; a refusal by the program is good news
		name: "body", server: true,
		run: async () => {
			const r = await fetch(v1Url("chat/completions"), { method: "POST", credentials: "omit", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ model: "x", pad: "x".repeat(2_000_000) }) });
			return seen(r.status === 413 ? "bad" : "good", `2 MB: HTTP ${r.status}`);
		},
	},
];
