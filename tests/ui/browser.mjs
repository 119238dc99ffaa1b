// browser.mjs — Debian's Chromium, a page that remembers what went wrong in it, and axe
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

export const binary = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const hasBrowser = existsSync(binary);

const flags = [
	"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync",
];

export async function open() {
	const { chromium } = await import("playwright-core");
	return chromium.launch({ executablePath: binary, args: flags });
}

let people = 0;

/** prefs: theme, mode, language … as the UI stores them. Each page is somebody at an address of their own, since
 *  signing in from one is limited to twenty times in twenty minutes. */
export async function newPage(browser, url, { prefs = {}, width = 1360, height = 860, ...more } = {}) {
	const address = `10.0.${++people >> 8}.${people & 255}`;
	const context = await browser.newContext({ viewport: { width, height }, extraHTTPHeaders: { "X-Forwarded-For": address }, ...more });
	await context.addInitScript((p) => {
		if (location.protocol !== "about:" && !localStorage.getItem("gateway.prefs"))
			localStorage.setItem("gateway.prefs", JSON.stringify(p));
	}, { language: "en", ...prefs });
	const page = await context.newPage();
	page.setDefaultTimeout(90_000); // against hanging only
	const faults = [];
	page.on("pageerror", (e) => faults.push(e.message));
	page.on("console", (m) => {
		// a 401 that asks who one is, and refusals that a test provokes, are no faults of the page
		if (m.type() === "error" && !/Failed to load resource/.test(m.text()))
			faults.push(m.text());
	});
	page.on("request", (r) => {
		if (!r.url().startsWith(url) && !/^(data|blob|about):/.test(r.url()))
			faults.push(`asked another site: ${r.url()}`);
	});
	return { context, page, faults };
}

/** The page in other looks, with nothing on its way any more: a colour in between is no colour. */
export const wear = (page, look) => page.evaluate(async (l) => {
	Object.assign(document.documentElement.dataset, l);
	await new Promise((go) => requestAnimationFrame(go));
	document.getAnimations().forEach((a) => a.finish());
}, look);

const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe finds, one line each; empty is good. rules: only these. */
export async function axe(page, rules) {
	if (!await page.evaluate(() => "axe" in globalThis)) {
		const { readFileSync } = await import("node:fs");
		await page.evaluate(readFileSync(axeSource, "utf8")); // evaluated, since the policy allows no inline script
	}
	return page.evaluate(async (only) => {
		const { violations } = await globalThis.axe.run(document, { runOnly: only ?? ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"] });
		return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} ${n.failureSummary.split("\n").slice(1, 2).join("").trim()}`));
	}, rules);
}
