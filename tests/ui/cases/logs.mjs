// logs.mjs — the log and the overview
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { ask, gateway, makeKey, makeUser, signedIn, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";

async function callsLogged(name, n = 1) {
	const key = await makeKey(name);
	await eventually(`${name} works`, async () => (await ask(key.full)).status === 200);
	for (let i = 1; i < n; i++)
		await ask(key.full, { model: i % 2 ? "gpt-4o-mini" : "gpt-4o" });
	await eventually("all are logged", async () => (await gateway.api("GET", `log/?p=0&page_size=100&token_name=${name}`)).data.length >= n);
	return key;
}

export default {
	async "B15 logs: every filter is in the address, a row has one of its own, the cost is told, the chart drawn"() {
		await callsLogged("b15", 4);
		const { context, page, faults } = await signedIn();
		await visit(page, "logs");
		await page.getByLabel("Filter: model:gpt-4o key:prod").fill("model:gpt-4o-mini key:b15 type:usage");
		await page.keyboard.press("Enter");
		await page.getByText("Model is gpt-4o-mini").waitFor();
		await page.getByText("Key is b15").waitFor();
		await page.waitForURL(/type=2/);
		await page.getByLabel("Time range").selectOption("7d");
		await eventually("two rows", async () => await page.getByRole("row").count() === 3);
		await page.getByRole("button", { name: /^\d\d:\d\d:\d\d$/ }).first().click();
		await page.getByText(/× group 1 = \d+ units/).waitFor();
		const link = page.url();
		await page.goto("about:blank");
		await page.goto(link);
		await page.getByRole("dialog").getByText(/× group 1 = \d+ units/).waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Chart" }).or(page.getByRole("radio", { name: "Chart" })).first().click();
		await page.getByText(/The 2 requests of this page/).first().waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B28 the log's own texts are in the reader's language, the drawer has them as they were written"() {
		await gateway.api("PUT", "option/", { key: "DisplayTokenStatEnabled", value: "true" });
		const { context, page, faults } = await signedIn({ prefs: { language: "zh-CN" } });
		await visit(page, "logs?type=3");
		await page.getByText("修改设置 DisplayTokenStatEnabled").first().click();
		await page.getByRole("dialog").getByText("修改设置 DisplayTokenStatEnabled").waitFor();
		await page.getByRole("dialog").getByText("changed option DisplayTokenStatEnabled").waitFor();
		assert.deepEqual(faults, []);
		await context.close();
		const customer = await signedIn({ prefs: { language: "zh-CN" } }, await makeUser());
		await visit(customer.page, "wallet");
		await customer.page.getByText("充值：$5.00", { exact: true }).waitFor();
		await customer.context.close();
	},

	async "B15 logs: live reads again, and stops on another page; the export has what was filtered"() {
		await callsLogged("live", 12);
		const { context, page, faults } = await signedIn({ acceptDownloads: true });
		await page.clock.install();
		await visit(page, "logs?token_name=live&range=1h");
		const reads = [];
		page.on("request", (r) => { if (/api\/log\/\?/.test(r.url())) reads.push(r.url()); });
		await page.getByRole("switch", { name: "Live" }).or(page.getByLabel("Live", { exact: true })).first().check();
		await page.clock.runFor(5100);
		await eventually("it was read again", () => reads.length >= 1);
		await visit(page, "logs?token_name=live&range=1h&p=2");
		reads.length = 0;
		await page.clock.runFor(11_000);
		assert.equal(reads.length, 0, "nothing is asked on the second page");
		const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
		const text = readFileSync(await file.path(), "utf8");
		const lines = text.trim().split("\r\n");
		assert.match(text, /^\uFEFFid,time,type,user,key,model/);
		assert.ok(lines.length >= 13, `${lines.length} lines`);
		assert.deepEqual(lines.slice(1).filter((l) => !/,"?live"?,/.test(l)), []);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B6 overview: empty, with data, with one part that fails; figures lead to the log"() {
		const user = await makeUser();
		const fresh = await signedIn({}, user);
		await visit(fresh.page, "overview");
		await fresh.page.getByText("No requests yet.").waitFor();
		await fresh.context.close();
		await callsLogged("b6", 2);
		const { context, page, faults } = await signedIn();
		await eventually("the sums follow", async () => (await gateway.api("GET", "user/dashboard")).data.length > 0);
		await visit(page, "overview");
		await page.getByRole("link", { name: /Requests/ }).first().click();
		await page.getByRole("heading", { name: "Logs" }).waitFor();
		await page.waitForURL(/range=7d/);
		await page.route("**/api/user/dashboard*", (r) => r.fulfill({ status: 500, body: "" }));
		await visit(page, "overview");
		await page.getByText("This could not be loaded").waitFor();
		await page.getByRole("heading", { name: /Channel health/ }).waitFor();
		await page.unroute("**/api/user/dashboard*");
		await page.getByRole("button", { name: "Retry" }).click();
		await page.getByRole("link", { name: /Requests/ }).first().waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},
};
