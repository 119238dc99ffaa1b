// jobs.mjs — long work: in the browser, where it can be paused, and on the server, where it goes on alone
import assert from "node:assert/strict";

import { gateway, makeChannel, signedIn, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";

async function testAll(page) {
	await page.getByRole("button", { name: "Test", exact: true }).first().click();
	await page.getByRole("menuitem", { name: "Test all", exact: true }).click();
}

export default {
	async "B8 jobs: testing all shows what failed, also after leaving the page, and offers to switch it off"() {
		const row = await makeChannel("broken", { models: "error-401" });
		const { context, page, faults } = await signedIn({ permissions: ["clipboard-read", "clipboard-write"] });
		await visit(page, "channels");
		await testAll(page);
		await page.getByRole("link", { name: "API keys" }).click();
		await page.getByText(/\d failed/).waitFor();
		await page.getByRole("button", { name: /^Disable (it|the \d+ failed)$/ }).click();
		await eventually("it is off", async () => (await gateway.api("GET", `channel/${row.id}`)).data.status === 2);
		await page.getByRole("button", { name: "Details" }).click();
		await page.getByRole("button", { name: "Copy report" }).click();
		await eventually("the report names it", () => page.evaluate(async () => /broken #\d+\tfailed\t/.test(await navigator.clipboard.readText())));
		assert.deepEqual(faults, []);
		await context.close();
		await gateway.api("DELETE", `channel/${row.id}`);
	},

	async "B8 jobs: pause, go on, stop, retry; a limit in the middle is waited for"() {
		const { context, page } = await signedIn();
		const rows = Array.from({ length: 6 }, (_, i) => ({ id: i + 1, name: `c${i + 1}`, type: 50, status: 1, models: "m", group: "default", priority: 0, weight: 1, balance: 0, used_quota: 0, created_time: 1, test_time: 0, response_time: 0, balance_updated_time: 0, config: "", model_mapping: "" }));
		let limited = 0;
		const tested = [];
		await page.route("**/api/channel/?*", (r) => r.fulfill({ json: { success: true, message: "", data: rows, total: 6 } }));
		await page.route("**/api/channel/test/*", (r) => {
			if (limited++ === 1)
				return r.fulfill({ status: 429, headers: { "Retry-After": "1" }, body: "" });
			tested.push(new URL(r.request().url()).pathname.split("/").pop());
			return r.fulfill({ json: { success: true, message: "hi", time: 0.1, model: "m", action: "" } });
		});
		await visit(page, "channels");
		await testAll(page);
		await page.getByRole("button", { name: "Pause" }).click();
		const paused = tested.length;
		await page.getByText(/paused/).waitFor();
		assert.ok(paused < 6);
		await page.getByRole("button", { name: "Go on" }).click();
		await page.getByText(/^6 of 6/).waitFor({ timeout: 90_000 });
		assert.deepEqual([...new Set(tested)].sort(), ["1", "2", "3", "4", "5", "6"], "the limited one came again");
		await page.getByRole("button", { name: "Close" }).click();
		await testAll(page);
		await page.getByRole("button", { name: "Stop" }).click();
		await page.getByText(/stopped/).waitFor();
		await page.getByRole("button", { name: "Retry failed" }).click();
		await page.getByText(/^6 of 6/).waitFor({ timeout: 90_000 });
		await context.close();
	},

	async "jobs: the server tests all by itself and tells how far it is"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "channels");
		await page.getByRole("button", { name: "Test", exact: true }).first().click();
		await page.getByRole("menuitem", { name: "Test all on the server" }).click();
		await page.getByText(/The server has begun with \d+ channel/).waitFor();
		await page.getByRole("button", { name: "Test", exact: true }).first().click();
		await page.getByRole("menuitem", { name: "Work on the server" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByText("finished").first().waitFor({ timeout: 90_000 });
		await dialog.getByRole("button", { name: "Details" }).first().click();
		await dialog.getByText("made-up").first().waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},
};
