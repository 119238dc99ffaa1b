// playground.mjs — trying models through the real gateway
import assert from "node:assert/strict";

import { newPage } from "../browser.mjs";
import { browser, gateway, root, served, signedIn, signInByForm, visit } from "../common.mjs";
import { eventually, mountBelow } from "../gateway.mjs";

export default {
	async "B16 playground: stops a stream, shows an error whole, compares two models"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "playground?model=stream-400-50");
		await page.getByLabel("Message").fill("Go on");
		await page.getByRole("button", { name: "Send" }).click();
		await page.locator(".said", { hasText: "▌" }).waitFor();
		await page.getByRole("button", { name: "Stop" }).click();
		await page.getByText("stopped").waitFor();
		await page.getByLabel("Model", { exact: true }).selectOption("error-401");
		await page.getByLabel("Message").fill("Fail");
		await page.getByLabel("Message").press("Enter");
		await page.getByText("Whole answer").waitFor();
		await page.getByRole("button", { name: "Clear" }).click();
		await page.getByRole("button", { name: "Compare" }).click();
		await page.getByLabel("Model 1").selectOption("gpt-4o");
		await page.getByLabel("Model 2").selectOption("gpt-4o-mini");
		await page.getByLabel("Message").fill("Both");
		await page.getByRole("button", { name: "Send" }).click();
		await eventually("both answered", async () => await page.getByText(/total \d/).count() === 2);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B16 playground: a pinned channel is in the key; a web server that holds back the stream is named"() {
		const below = await mountBelow(gateway.url, "/held/", { holdsBack: true });
		const { context, page, faults } = await newPage(browser, below.url);
		await page.goto(`${below.url}#/login`);
		await signInByForm(page, root);
		await page.getByRole("heading", { name: /Overview|Set up/ }).waitFor();
		await visit(page, "playground?model=stream-30-100", below.url);
		await page.getByLabel("Channel").selectOption(String(served.id));
		await page.getByLabel("Message").fill("Go on");
		const [sent] = await Promise.all([page.waitForRequest(/chat\/completions/), page.getByRole("button", { name: "Send" }).click()]);
		assert.match(sent.headers().authorization, new RegExp(`^Bearer sk-\\w+-${served.id}$`));
		await page.getByText("the web server holds back the stream").waitFor({ timeout: 40_000 });
		assert.deepEqual(faults, []);
		await context.close();
		below.stop();
	},
};
