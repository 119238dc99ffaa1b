// keyboard.mjs — the daily work without a mouse: what is needed is reached with Tab, is seen to have the focus,
// works with Enter, Space or letters, and gives the focus back when it closes
import assert from "node:assert/strict";

import { newPage } from "../browser.mjs";
import { browser, gateway, makeChannel, makeKey, runHere, signedIn, visit } from "../common.mjs";
import { eventually, start } from "../gateway.mjs";

const isFocused = (where) => where.evaluate((e) => e === document.activeElement);

/** Tab until it has the focus, and a ring that can be seen. */
async function tabTo(page, where, step = "Tab") {
	await where.first().waitFor();
	for (let i = 0; !await isFocused(where.first()); i++) {
		assert.ok(i < 120, `Tab does not reach ${where}`);
		await page.keyboard.press(step);
	}
	assert.ok(await where.first().evaluate((e) => {
		const seen = [e, e.parentElement, e.labels?.[0]].filter(Boolean).map((x) => getComputedStyle(x));
		return seen.some((s) => (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none");
	}), `nothing shows that ${where} has the focus`);
}

async function pressOn(page, where, key = "Enter", step = "Tab") {
	await tabTo(page, where, step);
	await page.keyboard.press(key);
}

async function typeInto(page, where, text) {
	await tabTo(page, where);
	await page.keyboard.press("Control+a");
	await page.keyboard.type(text);
}

async function openMenu(page, menu) {
	await pressOn(page, menu);
	await page.locator("[role=menu] :focus").waitFor();
}

async function chooseIn(page, menu, letters) {
	await openMenu(page, menu);
	await page.keyboard.type(letters);
	await page.keyboard.press("Enter");
}

/** By the menu of its row, confirmed; path: where the API would find it. */
async function deleteBy(page, menu, name, path) {
	await chooseIn(page, menu, "del");
	await pressOn(page, page.getByRole("dialog").getByRole("button", { name: `Delete ${name}` }));
	await eventually("it is gone", async () => !(await gateway.api("GET", `${path}/search?keyword=${name}`)).data.length);
}

async function escapeDialog(page) {
	await page.keyboard.press("Escape");
	await page.getByRole("dialog").waitFor({ state: "detached" });
}

const field = (page, label) => page.getByLabel(label, { exact: true });
const button = (page, name) => page.getByRole("button", { name, exact: true });

export default {
	async "B26 keyboard only: first run, from signing in to the first answer"() {
		const fresh = await start();
		const { context, page, faults } = await newPage(browser, fresh.url);
		await page.goto(`${fresh.url}#/login`);
		await typeInto(page, page.getByLabel("User name or e-mail"), "root");
		await typeInto(page, field(page, "Password"), fresh.password);
		await page.keyboard.press("Enter");
		await pressOn(page, button(page, "Continue"));
		await typeInto(page, page.getByLabel("Search providers"), "compatible");
		await pressOn(page, page.getByRole("radio", { name: "OpenAI-compatible" }), "Space");
		await typeInto(page, field(page, "Key"), "sk-up");
		await typeInto(page, page.getByLabel("Base URL"), `${fresh.provider}/v1`);
		await typeInto(page, page.getByLabel("Models"), "gpt-4o-mini,");
		await pressOn(page, button(page, "Connect"));
		await page.getByText(/gpt-4o-mini answered in/).waitFor();
		await pressOn(page, button(page, "Continue"));
		await pressOn(page, button(page, "Create key"));
		await page.getByText("Waiting for your request").waitFor();
		await runHere(page, (run) => pressOn(page, run));
		await pressOn(page, page.getByRole("link", { name: "Playground" }));
		await page.getByRole("heading", { name: "Playground" }).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
		await fresh.stop();
	},

	async "B26 keyboard only: channels are found, put in order, chosen, opened; a menu gives the focus back"() {
		for (const name of ["hand-a", "hand-b", "hand-c"])
			await makeChannel(name, { priority: 50 + name.charCodeAt(5) });
		const { context, page, faults } = await signedIn();
		await visit(page, "channels");
		assert.ok(await isFocused(page.locator("h1")), "a new page begins at its heading");
		await pressOn(page, button(page, "Priority"));
		await page.waitForURL(/order=priority/);
		await eventually("in order", async () => /hand-c/.test(await page.getByRole("row").nth(1).innerText()));
		assert.ok(await isFocused(button(page, "Priority")), "the header keeps the focus");
		await page.locator("h1").focus();
		await page.keyboard.press("/");
		await page.keyboard.type("hand-");
		await page.waitForURL(/q=hand-/);
		await eventually("three rows", async () => await page.getByRole("button", { name: /^hand-/ }).count() === 3);
		const second = /hand-\w/.exec(await page.getByRole("row").nth(2).innerText())[0];
		await page.locator("h1").focus();
		await page.keyboard.press("j");
		await page.keyboard.press("j");
		await page.keyboard.press("x");
		await page.getByText("1 selected").waitFor();
		await page.keyboard.press("e");
		await page.waitForURL(/channels\/\d+/);
		assert.equal(await field(page, "Name").inputValue(), second);
		await escapeDialog(page);
		const more = page.getByRole("button", { name: "More for hand-a" });
		await openMenu(page, more);
		await page.keyboard.press("Escape");
		assert.ok(await isFocused(more), "back at the button of the menu");
		await deleteBy(page, more, "hand-a", "channel");
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B26 keyboard only: a channel with a key of three parts is made; nobody is caught in the editor"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "channels");
		const add = page.getByRole("link", { name: "Channel", exact: true }).or(page.getByRole("button", { name: /^(New c|C)hannel$/ })).first();
		await pressOn(page, add);
		const dialog = page.getByRole("dialog");
		await dialog.waitFor();
		await typeInto(page, dialog.getByLabel("Search providers"), "hunyuan");
		await pressOn(page, dialog.getByRole("radio", { name: "Tencent Hunyuan" }), "Space");
		await typeInto(page, field(dialog, "Name"), "by-hand");
		for (const [label, value] of [["AppId", "1"], ["SecretId", "2"], ["SecretKey", "3"]])
			await typeInto(page, field(dialog, label), value);
		await typeInto(page, dialog.getByLabel("Models"), "hunyuan-lite");
		await page.keyboard.press("Tab"); // leaving the field takes the name
		await dialog.getByRole("button", { name: "Remove hunyuan-lite" }).waitFor();
		const [sent] = await Promise.all([page.waitForRequest((r) => r.method() === "POST" && /api\/channel\/$/.test(r.url())), page.keyboard.press("Control+s")]);
		assert.deepEqual([sent.postDataJSON().key, sent.postDataJSON().models], ["1|2|3", "hunyuan-lite"]);
		await dialog.waitFor({ state: "detached" });
		await eventually("back where it was opened", () => isFocused(add));
		const outside = [];
		for (let i = 0; i < 60; i++) { // around the whole page, and no field keeps the Tab
			await page.keyboard.press("Tab");
			outside.push(await page.evaluate(() => document.activeElement.outerHTML.slice(0, 200)));
		}
		assert.ok(new Set(outside).size > 15, "Tab goes on");
		assert.deepEqual(faults, []);
		await context.close();
		const { data } = await gateway.api("GET", "channel/search?keyword=by-hand");
		await gateway.api("POST", "channel/batch", { ids: data.map((c) => c.id), action: "delete" });
	},

	async "B26 keyboard only: a key is copied, connected, disabled, deleted"() {
		await makeKey("hands");
		const { context, page, faults } = await signedIn({ permissions: ["clipboard-read", "clipboard-write"] });
		await visit(page, "keys?q=hands");
		await pressOn(page, button(page, "Copy the key hands"));
		await eventually("copied", async () => /^sk-\w{48}$/.test(await page.evaluate(() => navigator.clipboard.readText())));
		const connect = page.getByRole("button", { name: "Connect…" });
		await pressOn(page, connect);
		await page.getByRole("dialog").waitFor();
		await pressOn(page, page.getByRole("dialog").getByRole("button", { name: "Close" }));
		await page.getByRole("dialog").waitFor({ state: "detached" });
		assert.ok(await isFocused(connect), "back at Connect");
		const more = page.getByRole("button", { name: "More for hands" });
		await chooseIn(page, more, "dis");
		await eventually("it is disabled", async () => (await gateway.api("GET", "token/search?keyword=hands")).data[0].status === 2);
		await chooseIn(page, more, "del");
		await page.getByRole("dialog").waitFor();
		await escapeDialog(page);
		await eventually("back at the menu", () => isFocused(more));
		await deleteBy(page, more, "hands", "token");
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B26 keyboard only: a setting is found, switched, looked at, saved"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "settings");
		await page.keyboard.press("/");
		assert.ok(await isFocused(page.getByLabel("Find a setting")), "/ leads to the search");
		await page.keyboard.type("DisplayInCurrencyEnabled");
		const shown = page.locator("#option-DisplayInCurrencyEnabled").getByRole("switch").or(page.locator("input#option-DisplayInCurrencyEnabled")).first();
		const before = await shown.isChecked();
		await pressOn(page, shown, "Space");
		assert.equal(await shown.isChecked(), !before);
		await pressOn(page, button(page, "Review"));
		await page.getByRole("dialog").waitFor();
		await escapeDialog(page);
		assert.ok(await isFocused(button(page, "Review")), "back at Review");
		await pressOn(page, button(page, "Save changes"));
		await page.getByText("Saved", { exact: true }).waitFor();
		await tabTo(page, shown, "Shift+Tab");
		await page.keyboard.press("Space");
		await page.getByRole("button", { name: "Save changes" }).waitFor();
		await page.waitForTimeout(100); // no hand is faster
		await page.keyboard.press("Control+s");
		await eventually("it is as before", async () => (await gateway.api("GET", "option/")).data.find((o) => o.key === "DisplayInCurrencyEnabled").value === String(before));
		assert.deepEqual(faults, []);
		await context.close();
	},
};
