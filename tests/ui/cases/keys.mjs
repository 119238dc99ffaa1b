// keys.mjs — API keys: made, handed over, limited, taken away
import assert from "node:assert/strict";

import { ask, gateway, makeKey, signedIn, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";

export default {
	async "B13 keys: made, copied, disabled with a way back; the log of its use"() {
		const { context, page, faults } = await signedIn({ permissions: ["clipboard-read", "clipboard-write"] });
		await visit(page, "keys/new");
		await page.getByLabel("Name", { exact: true }).fill("robot");
		await page.getByRole("button", { name: "$20" }).click();
		await page.getByText("Can spend up to $20.00 on any model").waitFor();
		await page.getByRole("button", { name: "Create key" }).click();
		await page.getByRole("button", { name: "Copy the key", exact: true }).click();
		await page.getByText("Copied").waitFor();
		const key = await page.evaluate(() => navigator.clipboard.readText());
		assert.match(key, /^sk-[A-Za-z0-9]{48}$/);
		await page.getByRole("button", { name: "Done" }).click();
		await eventually("the key works", async () => (await ask(key)).status === 200);
		await page.getByRole("button", { name: "More for robot" }).click();
		await page.getByRole("menuitem", { name: "Disable" }).click();
		await page.getByRole("button", { name: "Undo" }).click();
		await page.getByText("robot is enabled.").waitFor();
		await eventually("the call is logged", async () => (await gateway.api("GET", "log/?p=0&token_name=robot")).data.length === 1);
		await visit(page, "logs?token_name=robot");
		await page.getByText("Key is robot").waitFor();
		await page.getByRole("button", { name: /^\d\d:\d\d:\d\d$/ }).first().click();
		await page.getByText(/× group 1 = \d+ units/).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B13 keys: copied on plain http, connected, links, a used-up one asks for a limit first, deleted"() {
		const key = await makeKey("b13", { unlimited_quota: false, remain_quota: 0 });
		const { context, page, faults } = await signedIn();
		await page.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined })); // as on plain http
		await visit(page, "keys?q=b13");
		await page.getByRole("button", { name: "Copy the key b13" }).click();
		await page.getByRole("button", { name: "Copied" }).first().waitFor();
		await page.getByText("Used up").waitFor();
		await page.getByRole("button", { name: "Connect…" }).click();
		const links = page.getByRole("dialog").getByRole("link");
		const { server_address: set } = (await gateway.api("GET", "status")).data;
		const address = set && set !== "http://localhost:3000" ? set : gateway.url.replace(/\/$/, ""); // the built-in one names nobody's server
		assert.equal(await links.filter({ hasText: "OpenCat" }).getAttribute("href"), `opencat://team/join?domain=${encodeURIComponent(address)}&token=${key.full}`);
		assert.equal(await links.filter({ hasText: "LobeChat" }).count(), 0, "no link without a chat page");
		await page.getByRole("button", { name: "Test this key" }).click();
		await page.getByRole("alert").waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "More for b13" }).click();
		await page.getByRole("menuitem", { name: "Enable" }).click();
		await page.getByLabel(/May still spend/).fill("3");
		await page.getByRole("button", { name: "Save", exact: true }).click();
		await eventually("it has three dollars", async () => (await gateway.api("GET", `token/${key.id}`)).data.remain_quota === 1_500_000);
		await page.getByRole("button", { name: "More for b13" }).click();
		await page.getByRole("menuitem", { name: "Delete" }).click();
		await page.getByRole("button", { name: "Delete b13" }).click();
		await eventually("it is gone", async () => !(await gateway.api("GET", "token/search?keyword=b13")).data.length);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "keys: limits of its own; what was asked and answered is kept for a while and shown"() {
		const key = await makeKey("watched");
		const { context, page, faults } = await signedIn();
		await visit(page, `keys/${key.id}`);
		await page.getByText("Limits", { exact: true }).click();
		await page.getByLabel(/Requests a minute/).fill("7");
		await page.getByLabel(/Spend a day/).fill("2");
		await page.getByRole("button", { name: "Save limits" }).click();
		await page.getByText("The limits hold from now on.").waitFor();
		const row = (await gateway.api("GET", "limit/?page_size=100")).data.find((r) => r.scope === "key" && r.subject === String(key.id));
		assert.deepEqual([row.rpm, row.budget_day], [7, 1_000_000]);
		await page.getByText("Keep bodies for a while").click();
		await page.getByRole("button", { name: "For an hour" }).click();
		await page.getByRole("button", { name: "Save", exact: true }).click();
		await eventually("bodies are kept", async () => (await gateway.api("GET", `token/${key.id}`)).data.capture_until > Date.now() / 1000);
		await eventually("a call is logged", async () => {
			await ask(key.full, { messages: [{ role: "user", content: "remember me" }] });
			return (await gateway.api("GET", "log/?p=0&token_name=watched")).data.length > 0;
		});
		await visit(page, `keys/${key.id}`);
		await page.getByText("Limits", { exact: true }).click();
		await eventually("the limit is shown again", async () => await page.getByLabel(/Requests a minute/).inputValue() === "7");
		await visit(page, "logs?token_name=watched");
		await page.getByRole("button", { name: /^\d\d:\d\d:\d\d$/ }).first().click();
		await page.getByText("Bodies").click();
		await page.getByText("remember me").first().waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B26 keyboard only: a key is made, focus goes back to the button that opened it"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "keys");
		await page.keyboard.press("n");
		await page.getByRole("dialog").waitFor();
		await page.keyboard.type("typed");
		await page.keyboard.press("Control+s");
		await page.getByText("“typed” is ready").waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("dialog").waitFor({ state: "detached" });
		await page.keyboard.press("Control+k");
		await page.getByRole("dialog").waitFor();
		await page.keyboard.type("wallet");
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "Wallet" }).waitFor();
		await page.keyboard.press("g");
		await page.keyboard.press("k");
		await page.getByRole("heading", { name: "API keys" }).waitFor();
		await page.getByRole("button", { name: "New key" }).focus();
		await page.keyboard.press("Enter");
		await page.getByRole("dialog").waitFor();
		for (let i = 0; i < 40; i++) {
			await page.keyboard.press("Tab");
			assert.ok(await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest("dialog")), "focus stays in the dialog");
		}
		await page.keyboard.press("Escape");
		await eventually("focus is back", () => page.evaluate(() => document.activeElement?.textContent === "New key"));
		assert.deepEqual(faults, []);
		await context.close();
	},
};
