// tables.mjs — settings that are objects, edited as tables; price lists read in; prices for customers
import assert from "node:assert/strict";

import { axe, newPage } from "../browser.mjs";
import { browser, gateway, key, makeUser, option, signedIn, visit } from "../common.mjs";

const stored = async (name) => (await gateway.api("GET", "option/")).data.find((o) => o.key === name).value;

export default {
	async "B20 settings: limits, other prices, fallbacks and chat programs as tables, with JSON behind"() {
		await option("ModelPrice", '{"my-images":{"per_image":{"1024x1024":0.04},"batch":0.4,"per_million_trained":3}}');
		const { context, page, faults } = await signedIn({ reducedMotion: "reduce" });
		await visit(page, "settings/limits");
		await page.getByRole("button", { name: "Add a limit" }).click();
		await page.getByLabel("For", { exact: true }).selectOption("user@");
		await page.getByLabel("Requests a minute").fill("60");
		await page.getByLabel("Spend a month").fill("5");
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByText("An entry does not say whom it limits").waitFor();
		await page.getByLabel("Name of the group").fill("free");
		assert.deepEqual((await axe(page)), []);
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByText("Saved", { exact: true }).waitFor();
		assert.deepEqual(JSON.parse(await stored("RateLimits")), { "user@free": { rpm: 60, budget_month: 2_500_000 } });

		await visit(page, "settings/prices");
		const prices = page.locator("#option-ModelPrice");
		await prices.getByText("my-images").click();
		await prices.getByLabel("Dollars").fill("0.05");
		await prices.getByRole("button", { name: "Add a model" }).click();
		await prices.getByLabel("Model", { exact: true }).fill("claude-x");
		await prices.getByLabel("Add a price…").selectOption("cached");
		await prices.getByLabel("Cached input", { exact: true }).fill("0.1");
		await prices.getByRole("button", { name: "JSON" }).click();
		assert.deepEqual(JSON.parse(await prices.getByLabel("JSON").inputValue()), { "my-images": { per_image: { "1024x1024": 0.05 }, batch: 0.4, per_million_trained: 3 }, "claude-x": { cached: 0.1 } });
		await page.getByRole("button", { name: "Review", exact: true }).click();
		await page.getByRole("dialog").getByRole("row", { name: "Other prices › my-images › per_image › 1024x1024 0.04 0.05" }).waitFor();
		assert.equal(await page.getByRole("dialog").getByText("batch").count(), 0, "only what changes");
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByText("Saved", { exact: true }).first().waitFor();
		assert.deepEqual(JSON.parse(await stored("ModelPrice")), { "my-images": { per_image: { "1024x1024": 0.05 }, batch: 0.4, per_million_trained: 3 }, "claude-x": { cached: 0.1 } });

		await visit(page, "settings/content");
		const apps = page.locator("#option-ChatApps");
		await apps.getByRole("button", { name: "Add a row" }).click();
		await apps.getByLabel("Name", { exact: true }).fill("Desk");
		await apps.getByLabel("Link", { exact: true }).fill("javascript:alert(1)");
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByText("Each link begins with").waitFor();
		await apps.getByLabel("Link", { exact: true }).fill("desk://add?key={key}&url={url!}");
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByText("Saved", { exact: true }).first().waitFor();
		await visit(page, "keys?q=everyday");
		await page.getByRole("button", { name: "Connect…" }).click();
		assert.match(await page.getByRole("link", { name: "Desk" }).getAttribute("href"), new RegExp(`^desk://add\\?key=${key.full}&url=http%3A`));
		assert.deepEqual(faults, []);
		await context.close();
		for (const name of ["RateLimits", "ChatApps", "ModelFallbacks"])
			await option(name, "");
		await option("ModelPrice", "{}");
	},

	async "settings: limits of single keys are listed, edited and removed"() {
		await gateway.api("PUT", "limit/", { scope: "key", subject: String(key.id), rpm: 600, tpm: 0, tpd: 0, parallel: 0, budget_day: 0, budget_week: 0, budget_month: 0, timezone: "" });
		const { context, page, faults } = await signedIn();
		await visit(page, "settings/limits");
		const row = page.getByRole("row", { name: new RegExp(`Key ${key.id} 600 requests/min`) });
		await row.getByRole("button", { name: "Edit" }).click();
		await page.getByRole("dialog").getByLabel("Requests a minute").fill("900");
		await page.getByRole("dialog").getByRole("button", { name: "Save limits" }).click();
		await page.getByText("The limits hold from now on.").first().waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("row", { name: /900 requests\/min/ }).getByRole("button", { name: `Remove Key ${key.id}` }).click();
		await page.getByRole("dialog").getByRole("button", { name: `Remove Key ${key.id}` }).click();
		await page.getByRole("row", { name: /900 requests\/min/ }).waitFor({ state: "detached" });
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B14 models: a price list in JSON is looked at first; a provider filters; customers see what they pay"() {
		const { context, page, faults } = await signedIn({ reducedMotion: "reduce" });
		await visit(page, "models");
		await page.getByRole("button", { name: "Edit prices" }).click();
		await page.getByText("Import a price list in JSON").click();
		const box = page.getByRole("textbox", { name: "Import a price list in JSON" });
		await box.fill('{"gpt-4o":');
		await page.getByText("No prices can be read from this.").waitFor();
		await box.fill(JSON.stringify({ "gpt-4o": { input: 2.5, output: 10 }, "gpt-4o-mini": { input: 0.15, output: 0.9 }, "stream-30-100": { input: 4, output: 8 } }));
		await page.getByText("3 prices read. 1 is so already.").waitFor();
		await page.getByRole("row", { name: /gpt-4o-mini \$0\.15 \/ \$0\.60 \$0\.15 \/ \$0\.90/ }).waitFor();
		assert.deepEqual(await axe(page), []);
		await page.getByLabel("1 changed").uncheck();
		await page.getByRole("button", { name: "Take 1 price into the table" }).click();
		await page.getByRole("button", { name: "Save prices" }).click();
		await page.getByText("Saved", { exact: true }).waitFor();
		assert.equal(JSON.parse(await stored("ModelRatio"))["stream-30-100"], 2);
		assert.equal(JSON.parse(await stored("CompletionRatio"))["gpt-4o-mini"], 4, "what was not taken is as it was");
		assert.deepEqual(faults, []);
		await context.close();

		const theirs = await signedIn({}, await makeUser());
		await visit(theirs.page, "models");
		await theirs.page.getByRole("row", { name: /gpt-4o-mini.*\$0\.15.*\$0\.60/ }).waitFor();
		await visit(theirs.page, "models?maker=OpenAI");
		await theirs.page.getByRole("row", { name: /gpt-4o-mini/ }).waitFor();
		assert.equal(await theirs.page.getByRole("row", { name: /stream-30-100/ }).count(), 0, "of no known provider");
		assert.deepEqual(theirs.faults, []);
		await theirs.context.close();

		const guest = await newPage(browser, gateway.url);
		await visit(guest.page, "");
		await guest.page.getByText("gpt-4o-mini", { exact: true }).waitFor();
		await guest.context.close();
	},
};
