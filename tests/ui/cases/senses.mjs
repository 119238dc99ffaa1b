// senses.mjs — less motion, forced colours, everything twice as large
import assert from "node:assert/strict";

import { signedIn, visit } from "../common.mjs";

/** What opens with a movement: the slowest animation or transition in milliseconds. */
async function motionOf(page) {
	await page.addInitScript(() => {
		globalThis.slowest = 0;
		const look = () => {
			for (const a of document.getAnimations())
				globalThis.slowest = Math.max(globalThis.slowest, Number(a.effect?.getComputedTiming().duration) || 0);
			requestAnimationFrame(look);
		};
		requestAnimationFrame(look);
	});
	await visit(page, "keys");
	await page.getByRole("button", { name: "New key" }).click();
	await page.getByRole("dialog").waitFor();
	await page.getByRole("switch").first().click();
	await page.waitForTimeout(300);
	return page.evaluate(() => globalThis.slowest);
}

/** Where a state must be seen: page, element, what makes the state. */
const states = {
	"the page of the menu": ["keys", "nav.side a.nav:not([aria-current])", (e) => e.setAttribute("aria-current", "page")],
	"a switch": ["keys/new", "input[role=switch]", (e) => { e.checked = !e.checked; }],
	"a check mark": ["channels", "tbody input[type=checkbox]", (e) => { e.checked = !e.checked; }],
	"the chosen provider": ["channels/new", ".tile[aria-checked=false]", (e) => e.setAttribute("aria-checked", "true")],
	"the chosen one of several": ["overview", ".segments [aria-pressed=false], .segments [aria-checked=false]", (e) => { for (const a of ["aria-pressed", "aria-checked"]) if (e.hasAttribute(a)) e.setAttribute(a, "true"); }],
	"a row with the focus of the keys": ["channels", "tbody tr", (e) => e.classList.add("here")],
	"a field with a fault": ["keys/new", "dialog input.input", (e) => e.setAttribute("aria-invalid", "true")],
	"a link with the focus": ["keys", "nav.side a.nav:not([aria-current])", (e) => e.focus({ focusVisible: true })],
	"a button with the focus": ["keys", "main .button", (e) => e.focus({ focusVisible: true })],
};

export default {
	async "B29 nothing moves for those who asked for it"() {
		const still = await signedIn({ reducedMotion: "reduce" });
		assert.ok(await motionOf(still.page) <= 1, "no movement");
		await still.context.close();
		const moving = await signedIn({ reducedMotion: "no-preference" });
		assert.ok(await motionOf(moving.page) >= 100, "else there is one, so it would have been seen");
		await moving.context.close();
	},

	async "B29 with forced colours each state can still be seen"() {
		const { context, page, faults } = await signedIn({ reducedMotion: "reduce", forcedColors: "active" });
		const unseen = [];
		for (const [what, [hash, where, change]] of Object.entries(states)) {
			await visit(page, hash);
			const element = page.locator(where).first();
			await element.waitFor();
			const box = await element.boundingBox();
			const around = { x: Math.max(0, box.x - 6), y: Math.max(0, box.y - 6), width: box.width + 12, height: box.height + 12 };
			await page.mouse.move(0, 0);
			const before = await page.screenshot({ clip: around, caret: "hide" });
			await element.evaluate(change);
			if (before.equals(await page.screenshot({ clip: around, caret: "hide" })))
				unseen.push(what);
		}
		assert.deepEqual(unseen, []);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B29 at 200 % every field can be brought into view, and what saves stays within reach"() {
		const { context, page, faults } = await signedIn({ reducedMotion: "reduce", width: 640, height: 400, deviceScaleFactor: 2 });
		const hidden = [];
		for (const [hash, last] of [["keys/new", "Create key"], ["channels/new", "Save and test"], ["users/new", "Create user"], ["settings/quota", "Save changes"]]) {
			await visit(page, hash);
			if (hash.startsWith("settings")) {
				await page.locator("main input[type=text], main input:not([type])").last().fill("12");
				await page.getByText(/\d changed in/).waitFor();
			}
			hidden.push(...await page.evaluate(async (h) => {
				const found = [];
				const layer = document.querySelector("dialog[open]") ?? document.querySelector("main");
				for (const e of layer.querySelectorAll("input, select, textarea, button")) {
					if (e.offsetParent === null || e.disabled || e.type === "file" || e.closest("details:not([open])"))
						continue;
					e.focus();
					await new Promise((go) => requestAnimationFrame(go));
					const r = e.getBoundingClientRect();
					const there = document.elementFromPoint(Math.min(innerWidth - 1, r.left + Math.min(r.width / 2, 40)), r.top + Math.min(r.height / 2, 20));
					if (!there || !(e === there || e.contains(there) || there.contains(e) || e.labels?.[0]?.contains(there)))
						found.push(`${h}: ${e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent} lies behind ${there?.outerHTML.slice(0, 80)}`);
				}
				return found;
			}, hash));
			const save = page.getByRole("button", { name: last, exact: true });
			await save.click({ trial: true });
		}
		assert.deepEqual(hidden, []);
		assert.deepEqual(faults, []);
		await context.close();
	},
};
