// operate.mjs — users, codes, wallet, prices
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { gateway, makeChannel, makeUser, option, signedIn, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";

export default {
	async "B19 users: made, topped up; a customer sees no page of operators"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "users/new");
		await page.getByLabel("User name").fill("kim");
		await page.getByLabel("Password", { exact: true }).fill("kims-password");
		await page.getByRole("button", { name: "Create user" }).click();
		await page.getByText("kim can sign in now.").waitFor();
		await page.getByRole("button", { name: /^kim/ }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Balance" }).click();
		await page.getByRole("button", { name: "$5", exact: true }).click();
		await page.getByText("$0.00 → $5.00").waitFor();
		await page.getByRole("button", { name: "Save" }).click();
		await eventually("the balance is there", async () => (await gateway.api("GET", "user/search?keyword=kim")).data[0].quota === 2_500_000);
		assert.deepEqual(faults, []);
		await context.close();

		const kim = await signedIn({}, { username: "kim", password: "kims-password" });
		for (const hash of ["channels", "users", "codes", "settings", "diagnostics", "setup"]) {
			await visit(kim.page, hash);
			await kim.page.getByRole("heading", { name: "You cannot see this page" }).waitFor();
		}
		assert.equal(await kim.page.getByRole("link", { name: "Channels" }).count(), 0);
		await kim.context.close();
	},

	async "B14 prices: entered in dollars per million tokens, stored as ratios"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "models");
		await page.getByRole("button", { name: "Edit prices" }).click();
		await page.getByText("Paste from a spreadsheet").click();
		await page.locator("textarea").fill("stream-400-50\t3\t15");
		await page.getByRole("button", { name: "Take 1 line" }).click();
		await page.getByRole("button", { name: "Save prices" }).click();
		await page.getByText("Saved", { exact: true }).waitFor();
		const { data } = await gateway.api("GET", "option/");
		const table = (key) => JSON.parse(data.find((o) => o.key === key).value);
		assert.equal(table("ModelRatio")["stream-400-50"], 1.5);
		assert.equal(table("CompletionRatio")["stream-400-50"], 5);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B14 prices: a model has the fields of what it is sold by; what nobody priced may be sold by anything"() {
		await option("ModelPrice", JSON.stringify({ "dall-e-3": { batch: 0.4 }, "by-size": { per_image: { "1024x1024": 0.04, "*": 0.1 } } }));
		await makeChannel("shop", { models: "dall-e-3,my-voice,by-size" });
		await eventually("they are offered", async () => JSON.stringify((await gateway.api("GET", "pricing")).data.models).includes("my-voice"));
		const { context, page, faults } = await signedIn();
		await visit(page, "models");
		await page.getByRole("button", { name: "Edit prices" }).click();
		const drawer = page.getByRole("dialog"), find = drawer.getByRole("searchbox");
		await find.fill("dall-e-3");
		assert.equal(await drawer.getByLabel("Per picture dall-e-3").inputValue(), "0.12");
		assert.equal(await drawer.getByLabel(/1 M dall-e-3/).count(), 0, "no tokens");
		await drawer.getByLabel("Per picture dall-e-3").fill("0.2");
		await find.fill("whisper-1"); // served by nobody
		assert.equal(await drawer.getByLabel("Per minute whisper-1", { exact: true }).inputValue(), "0.006");
		await find.fill("by-size");
		await drawer.getByRole("link", { name: "by size and quality" }).waitFor();
		await find.fill("my-voice");
		await drawer.getByLabel("Input / 1 M my-voice").waitFor();
		await drawer.getByLabel("my-voice is sold by").selectOption("characters");
		await drawer.getByLabel("Per million characters my-voice").fill("12");
		await drawer.getByText("2 prices changed").waitFor();
		await drawer.getByRole("button", { name: "Save prices" }).click();
		await page.getByText("Saved", { exact: true }).waitFor();
		const { data } = await gateway.api("GET", "option/");
		assert.deepEqual(JSON.parse(data.find((o) => o.key === "ModelPrice").value), {
			"dall-e-3": { batch: 0.4, per_image: 0.2 }, "by-size": { per_image: { "1024x1024": 0.04, "*": 0.1 } }, "my-voice": { per_million_characters: 12 },
		});
		await page.getByRole("row", { name: /dall-e-3.*\$0\.20 a picture/ }).waitFor();
		await option("ModelPrice", "{}");
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B18 B17 codes: made in a batch, copied, downloaded; redeemed once, not twice, not when made up"() {
		const { context, page, faults } = await signedIn({ permissions: ["clipboard-read", "clipboard-write"], acceptDownloads: true });
		await visit(page, "codes/new");
		await page.getByLabel("Name", { exact: true }).fill("spring");
		await page.getByLabel("How many").fill("3");
		await page.getByRole("button", { name: "$5", exact: true }).click();
		await page.getByText("Together $15.00").waitFor();
		await page.getByRole("button", { name: "Create" }).click();
		await page.getByText("3 codes made").waitFor();
		await page.getByRole("button", { name: "Copy all" }).click();
		await page.getByText("Copied").waitFor();
		const codes = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
		assert.equal(codes.length, 3);
		const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: ".csv" }).click()]);
		assert.equal(file.suggestedFilename(), "spring.csv");
		const csv = readFileSync(await file.path(), "utf8");
		assert.deepEqual(codes.filter((c) => !csv.includes(`${c},spring,`)), []);
		await context.close();

		await option("TopUpLink", "https://shop.example.org/buy");
		const user = await makeUser();
		const theirs = await signedIn({}, user);
		await visit(theirs.page, "wallet");
		const redeem = async (text) => {
			await theirs.page.getByLabel("Code", { exact: true }).fill(text);
			await theirs.page.getByRole("button", { name: "Redeem" }).click();
		};
		await redeem(`your code: ${codes[0]} (spring)`);
		await theirs.page.getByText("$5.00 added. Your balance is $10.00.").waitFor();
		await redeem(codes[0]);
		await theirs.page.getByRole("alert").waitFor();
		await redeem("0".repeat(32));
		await theirs.page.getByRole("alert").waitFor();
		const link = new URL(await theirs.page.getByRole("link", { name: "Buy a code" }).getAttribute("href"));
		assert.equal(link.searchParams.get("username"), user.username);
		assert.equal(link.searchParams.get("user_id"), String(user.id));
		assert.match(link.searchParams.get("transaction_id"), /^[0-9a-f-]{36}$/);
		await option("TopUpLink", "");
		assert.deepEqual(faults, []);
		await theirs.context.close();
	},

	async "B19 users: what an administrator may do, and to whom"() {
		const boss = await makeUser(), customer = await makeUser();
		await gateway.api("POST", "user/manage", { username: boss.username, action: "promote" });
		const { context, page, faults } = await signedIn({}, boss);
		await visit(page, "users");
		assert.equal(await page.getByRole("link", { name: "Settings" }).count(), 0);
		await visit(page, "users/1");
		await page.getByText(/You may not change users|could not be loaded/).first().waitFor();
		await visit(page, `users/${customer.id}`);
		await page.getByRole("dialog").getByText("Rights").click();
		await page.getByRole("button", { name: "Disable" }).waitFor();
		assert.equal(await page.getByRole("button", { name: "Make administrator" }).count(), 0, "only root promotes");
		await page.getByRole("button", { name: "Disable" }).click();
		await eventually("the customer is off", async () => (await gateway.api("GET", `user/${customer.id}`)).data.status === 2);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B21 guests are asked to sign in wherever they go"() {
		const { context, page } = await signedIn();
		await context.clearCookies();
		for (const hash of ["channels", "users", "codes", "settings", "diagnostics", "setup", "keys", "logs", "wallet"]) {
			await visit(page, hash);
			await page.getByLabel("User name or e-mail").waitFor();
		}
		await context.close();
	},

	async "B14 models: prices of a group, a mark on what has none"() {
		const { data } = await gateway.api("GET", "option/");
		const before = data.find((o) => o.key === "GroupRatio").value;
		await option("GroupRatio", JSON.stringify({ ...JSON.parse(before), default: 2 }));
		const { context, page, faults } = await signedIn();
		await visit(page, "models?q=gpt-4o-mini");
		await page.getByRole("cell", { name: "$0.30" }).waitFor();
		await visit(page, "models?unpriced=1");
		await page.getByRole("row").filter({ hasText: "error-401" }).getByText("unpriced").waitFor();
		await visit(page, "models/gpt-4o");
		await page.getByRole("dialog").getByText("made-up").waitFor();
		assert.deepEqual(faults, []);
		await context.close();
		await option("GroupRatio", before);
	},
};
