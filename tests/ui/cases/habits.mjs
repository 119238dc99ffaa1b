// habits.mjs — bands of priority, "not this", start page, notes of the system
import assert from "node:assert/strict";

import { ask, gateway, key, makeChannel, plain, signedIn, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";

export default {
	async "B7 channels: bands say what is tried first, then, last"() {
		for (const [name, priority] of [["band-a", 91], ["band-b", 91], ["band-c", 90]])
			await makeChannel(name, { priority, models: "banded" });
		const { context, page, faults } = await signedIn();
		await visit(page, "channels?model=banded");
		await page.getByLabel("By priority").check();
		await page.waitForURL(/bands=1/);
		const rows = async () => (await page.locator("tbody tr").allTextContents()).map((x) => /Tried first · Priority 91|Last · Priority 90|band-\w/.exec(x)?.[0]);
		await eventually("two bands", async () => (await rows()).length === 5);
		const seen = await rows();
		assert.deepEqual([seen[0], seen[3], seen[4]], ["Tried first · Priority 91", "Last · Priority 90", "band-c"]);
		await page.getByRole("button", { name: "Name" }).click();
		await eventually("another order knows no bands", async () => (await page.locator("tr.band").count()) === 0);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B7 channels: all that match are selected, on all pages"() {
		await makeChannel("herd", { key: Array.from({ length: 25 }, (_, i) => `sk-herd-${i}`).join("\n"), models: "herded" });
		const herd = async () => (await gateway.api("GET", "channel/search?keyword=herd")).data.filter((c) => c.name === "herd");
		const { context, page, faults } = await signedIn();
		await visit(page, "channels?model=herded");
		await page.getByLabel("Select this page").check();
		await page.getByText("20 selected").waitFor();
		await page.getByRole("button", { name: "Select all 25 that match" }).click();
		await page.getByText("25 selected").waitFor();
		await gateway.api("POST", "channel/batch", { ids: (await herd()).map((c) => c.id), set: { status: 2 } }); // by somebody else
		const picked = page.getByRole("region", { name: "Selected rows" });
		await picked.getByRole("button", { name: "Enable" }).click();
		await eventually("all are on again", async () => (await herd()).every((c) => c.status === 1));
		await picked.waitFor({ state: "detached" });
		await page.getByLabel("Select this page").check();
		await page.getByRole("button", { name: "Select all 25 that match" }).click();
		await page.getByText("25 selected").waitFor();
		await picked.getByRole("button", { name: "Disable" }).click();
		await eventually("all are off", async () => (await herd()).every((c) => c.status === 2));
		assert.equal((await herd()).length, 25);
		await gateway.api("POST", "channel/batch", { ids: (await herd()).map((c) => c.id), action: "delete" });
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "an address that leads nowhere: what was likely meant, and the search"() {
		const { context, page, faults } = await signedIn();
		await page.goto(`${gateway.url}#/chanels`);
		await page.getByText("There is nothing at /chanels.").waitFor();
		await page.getByRole("main").getByRole("button", { name: "Search" }).click();
		await page.getByRole("dialog", { name: "Search" }).waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("main").getByRole("link", { name: "Channels" }).click();
		await page.getByRole("heading", { name: "Channels" }).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B15 logs: not this, with the server's help and without"() {
		for (const model of ["gpt-4o", "gpt-4o-mini"])
			await ask(key.full, { model });
		await eventually("both are logged", async () => new Set((await gateway.api("GET", "log/?p=0&page_size=100&type=2")).data.map((r) => r.model_name)).size >= 2);
		const { context, page, faults } = await signedIn();
		await visit(page, "logs?type=2");
		await page.getByRole("row").filter({ hasText: "gpt-4o-mini" }).first().getByRole("button", { name: /^More for/ }).click();
		const [sent] = await Promise.all([page.waitForRequest(/api\/log\/\?.*not_model_name=gpt-4o-mini/), page.getByRole("menuitem", { name: "Model is not gpt-4o-mini" }).click()]);
		assert.match(sent.url(), /type=2/);
		await page.getByText("Model is not gpt-4o-mini").waitFor();
		await eventually("they are gone", async () => await page.getByRole("row").filter({ hasText: "gpt-4o-mini" }).count() === 0);
		assert.ok(await page.getByRole("row").count() > 1, "the others stay");
		assert.equal(await page.getByText("is left out").count(), 0, "the server left them out");
		await plain(page);
		await page.reload();
		await page.getByText(/left out\.$/).waitFor();
		await eventually("the page leaves them out", async () => await page.getByRole("row").filter({ hasText: "gpt-4o-mini" }).count() === 0);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "account: the start page comes after signing in; a hidden tab tells when work has ended"() {
		const { context, page, faults } = await signedIn({ permissions: ["notifications"] });
		await page.addInitScript(() => {
			globalThis.told = [];
			globalThis.Notification = class { static permission = "granted"; static requestPermission = async () => "granted"; constructor(title, more) { globalThis.told.push([title, more.body]); } close() {} };
			Object.defineProperty(document, "hidden", { get: () => globalThis.away ?? false });
		});
		await visit(page, "account/preferences");
		await page.getByLabel("Start page").selectOption("logs");
		await page.getByRole("switch", { name: "Notify me when long work ends" }).check();
		await visit(page, "");
		await page.getByRole("heading", { name: "Logs" }).waitFor();
		await visit(page, "channels?q=made-up");
		await page.evaluate(() => { globalThis.away = true; });
		await page.getByRole("button", { name: "Test", exact: true }).first().click();
		await page.getByRole("menuitem", { name: "Test this page" }).click();
		await eventually("a note came", async () => (await page.evaluate(() => globalThis.told)).some(([title, body]) => title === "Testing channels" && /^\d+ of \d+/.test(body)));
		assert.deepEqual(faults, []);
		await context.close();
	},
};
