// looks.mjs — accessibility, languages, narrow and large windows, weight
import assert from "node:assert/strict";
import { axe, newPage, wear } from "../browser.mjs";
import { browser, gateway, served, key, signedIn, visit } from "../common.mjs";

const people = ["overview", "playground", "playground?mode=image", "playground?mode=raw", "keys", "models", "logs", "wallet", "account", "account/sign-in", "account/preferences", "channels", "users", "codes", "settings", "settings/prices", "settings/limits", "diagnostics", "audit", "setup"];
const layers = ["keys/new", `keys/${key.id}`, "models/gpt-4o", "channels/new", `channels/${served.id}`, "users/new", "users/1", "codes/new"];
const guests = ["", "login", "register", "reset", "about"];
const looks = ["default", "berry", "air"].flatMap((theme) => ["light", "dark"].map((mode) => ({ theme, mode })));

/** These have every component: in each look. The others in the first and in one more, in turn; with FULL=1
 * everything everywhere, for when colours or components change (some minutes). */
const rich = ["overview", "keys", "channels", "channels/new", "settings", "logs"];
let turn = 0;

/** All rules in the first look; in the others only what colours can break. */
async function check(page, where) {
	const found = [];
	const other = 1 + turn++ % (looks.length - 1);
	for (const [i, look] of looks.entries()) {
		if (i > 0 && i !== other && !rich.includes(where) && !process.env.FULL)
			continue;
		await wear(page, look);
		found.push(...(await axe(page, i === 0 ? undefined : ["color-contrast"])).map((x) => `${where} ${look.theme} ${look.mode}: ${x}`));
	}
	return found;
}

export default {
	async "B25 axe finds nothing on any page and in any drawer, in any theme"() {
		const found = [];
		const left = [...people, ...layers];
		const some = async () => {
			const mine = await signedIn({ reducedMotion: "reduce" });
			for (let hash; (hash = left.shift()) !== undefined;) {
				await visit(mine.page, hash);
				found.push(...await check(mine.page, hash));
			}
			await mine.context.close();
		};
		await Promise.all([some(), some()]); // two cores
		const guest = await newPage(browser, gateway.url, { reducedMotion: "reduce" });
		for (const hash of guests) {
			await visit(guest.page, hash);
			found.push(...await check(guest.page, hash));
		}
		await guest.context.close();
		assert.deepEqual([...new Set(found)], []);
	},

	async "B25 axe finds nothing in dialogs and menus, nor in Chinese"() {
		const found = [];
		const { context, page } = await signedIn({ reducedMotion: "reduce" });
		const dialogs = {
			"connect": ["keys?q=everyday", () => page.getByRole("button", { name: "Connect…" }).click()],
			"import": ["channels", () => page.getByRole("button", { name: "Import…" }).click()],
			"bulk": ["channels?q=made-up", async () => { await page.getByLabel("Select this page").check(); await page.getByRole("button", { name: "Edit…" }).click(); }],
			"menu": ["channels?q=made-up", () => page.getByRole("button", { name: "More for made-up" }).click()],
			"delete": ["keys?q=everyday", async () => { await page.getByRole("button", { name: "More for everyday" }).click(); await page.getByRole("menuitem", { name: "Delete" }).click(); }],
			"prices": ["models", () => page.getByRole("button", { name: "Edit prices" }).click()],
			"palette": ["overview", () => page.keyboard.press("Control+k")],
			"shortcuts": ["overview", () => page.keyboard.press("?")],
			"second factor": ["account/sign-in", () => page.getByRole("button", { name: "Set up an authenticator app" }).click()],
		};
		for (const [name, [hash, openIt]] of Object.entries(dialogs)) {
			await visit(page, hash);
			await openIt();
			await page.getByRole(name === "menu" ? "menu" : "dialog").first().waitFor();
			found.push(...await check(page, name));
		}
		await context.close();
		const chinese = await signedIn({ reducedMotion: "reduce", prefs: { language: "zh-CN" } });
		for (const hash of [...people, ...layers]) {
			await visit(chinese.page, hash);
			found.push(...(await axe(chinese.page)).map((x) => `zh ${hash}: ${x}`));
		}
		await chinese.context.close();
		assert.deepEqual([...new Set(found)], []);
	},

	async "B27 B28 B29 no page is wider than the window, from 320 pixels; no word is missing or cut off"() {
		const found = [];
		for (const language of ["zh-CN", "en"]) {
			const { context, page, faults } = await signedIn({ prefs: { language }, reducedMotion: "reduce", forcedColors: language === "en" ? "active" : "none" });
			for (const hash of [...people, ...layers]) {
				await visit(page, hash);
				for (const width of [320, 390, 680, 1360]) {
					await page.setViewportSize({ width, height: 860 });
					const seen = await page.evaluate(() => ({
						wide: document.documentElement.scrollWidth - innerWidth,
						cut: [...document.querySelectorAll("button.button, h1, h2")].filter((e) => e.offsetParent && !e.matches(".clip, .off-screen, .name") && e.scrollWidth > e.clientWidth + 2).map((e) => e.textContent),
						text: document.body.innerText,
						cjk: document.documentElement.lang === "en" ? document.body.innerText.match(/[\u4e00-\u9fff]+/g) : null,
					}));
					if (seen.wide > 0)
						found.push(`${language} ${hash} at ${width}: ${seen.wide} pixels too wide`);
					for (const text of seen.cut)
						found.push(`${language} ${hash} at ${width}: cut off: ${text}`);
					const raw = seen.text.match(/\b(?:common|keys|channels|editor|logs|users|codes|settings|options|overview|playground|models|account|wallet|setup|diagnostics|audit|home|list|nav|form|limits|jobs|import)\.[a-zA-Z]\w*(?:\.\w+)*/g);
					if (raw)
						found.push(`${language} ${hash}: ${raw.join(" ")}`);
					const other = (seen.cjk ?? []).filter((w) => w !== "切换为中文" && w !== "简体中文");
					if (other.length)
						found.push(`${language} ${hash}: ${other.join(" ")}`);
				}
			}
			found.push(...faults);
			await context.close();
		}
		assert.deepEqual([...new Set(found)], []);
	},

	async "B27 on a phone everything that is pressed is large enough"() {
		const { context, page } = await signedIn({ width: 390, hasTouch: true, isMobile: true });
		const small = [];
		for (const hash of ["overview", "keys", "channels", "logs", "wallet", "keys/new"]) {
			await visit(page, hash);
			small.push(...(await page.locator("button:visible, .button:visible, input.input:visible, select.input:visible").evaluateAll((all) => all
				.map((e) => [e, e.getBoundingClientRect()]).filter(([e, r]) => r.height > 0 && r.height < 40 && !e.closest("td, th, .table, .hint, p, li") && !e.matches(".link, .name"))
				.map(([e, r]) => `${e.textContent || e.getAttribute("aria-label")}: ${Math.round(r.width)}×${Math.round(r.height)}`))).map((x) => `${hash} ${x}`));
		}
		assert.deepEqual([...new Set(small)], []);
		await context.close();
	},
};
