// start.mjs — the first minutes: set-up, sign-in, old addresses, a sub-folder
import assert from "node:assert/strict";

import { newPage } from "../browser.mjs";
import { browser, gateway } from "../common.mjs";
import { eventually, mountBelow, start } from "../gateway.mjs";

export default {
	async "B5 first run: from a fresh installation to a streamed answer, with what is on the screen alone"() {
		const fresh = await start();
		const { context, page, faults } = await newPage(browser, fresh.url);
		await page.goto(fresh.url);
		await page.getByRole("link", { name: "Sign in" }).first().click();
		await page.getByLabel("User name or e-mail").fill("root");
		await page.getByLabel("Password", { exact: true }).fill(fresh.password);
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("heading", { name: "Set up your gateway" }).waitFor();
		await page.getByRole("button", { name: "Continue" }).click();
		await page.getByRole("radio", { name: "OpenAI-compatible" }).click();
		await page.getByLabel("Key", { exact: true }).fill("sk-up");
		await page.getByLabel("Base URL").fill(`${fresh.provider}/v1`);
		await page.getByLabel("Models").fill("gpt-4o-mini, gpt-4o ");
		await page.getByRole("button", { name: "Connect", exact: true }).click();
		await page.getByText(/gpt-4o-mini answered in/).waitFor();
		await page.getByRole("button", { name: "Continue" }).click();
		await page.reload(); // resumed where it was
		await page.getByRole("button", { name: "Create key" }).click();
		await page.getByText("Waiting for your request").waitFor();
		await eventually("the relay has taken up the channel", async () => {
			await page.getByRole("button", { name: "Run it here" }).click();
			return page.getByText("You are ready.").waitFor({ timeout: 2000 }).then(() => true, () => false);
		}, 20_000);
		await page.getByRole("link", { name: "Playground" }).click();
		await page.getByLabel("Message").fill("Hello");
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByText(/first .* total/).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
		await fresh.stop();
	},

	async "B3 sign-in: a wrong password keeps the name, an ended session keeps the form"() {
		const { context, page, faults } = await newPage(browser, gateway.url);
		await page.goto(`${gateway.url}#/keys`);
		await page.getByLabel("User name or e-mail").fill("root");
		await page.getByLabel("Password", { exact: true }).fill("not-this-one");
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("alert").waitFor();
		assert.equal(await page.getByLabel("User name or e-mail").inputValue(), "root");
		await page.getByLabel("Password", { exact: true }).fill(gateway.password);
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("heading", { name: "API keys" }).waitFor(); // the page that asked
		await page.getByRole("button", { name: "New key" }).click();
		await page.getByLabel("Name", { exact: true }).fill("half-typed");
		await context.clearCookies();
		await page.getByRole("button", { name: "Create key" }).click();
		await page.getByText("Please sign in again").waitFor();
		await page.getByLabel("Password", { exact: true }).fill(gateway.password);
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByText("“half-typed” is ready").waitFor(); // the call was repeated
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B2 old addresses lead to their pages, with their query"() {
		const { context, page } = await newPage(browser, gateway.url);
		for (const [path, hash] of [["login", "#/login"], ["register?aff=abcd", "#/register?aff=abcd"], ["user/reset?email=a%40b.c&token=1", "#/user/reset?email=a%40b.c&token=1"], ["about", "#/about"]]) {
			await page.goto(`${gateway.url}${path}`);
			await page.waitForURL((u) => u.hash === hash);
		}
		assert.equal((await page.goto(`${gateway.url}oauth/github?code=1&state=2`)).status(), 200);
		await page.waitForURL((u) => u.hash.startsWith("#/oauth/github?code=1&state=2"));
		await context.close();
	},

	async "B1 in a sub-folder: all requests stay below it, old addresses, sign-in and a page work"() {
		const below = await mountBelow(gateway.url);
		const { context, page, faults } = await newPage(browser, below.url); // a request elsewhere is a fault
		await page.goto(`${below.url}token/`);
		await page.getByLabel("User name or e-mail").fill("root");
		await page.getByLabel("Password", { exact: true }).fill(gateway.password);
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("heading", { name: "API keys" }).waitFor();
		await page.getByRole("link", { name: "Logs" }).click();
		await page.getByRole("heading", { name: "Logs" }).waitFor();
		assert.ok(page.url().startsWith(below.url));
		assert.deepEqual(faults, []);
		await context.close();
		below.stop();
	},

	async "files: the policy allows no inline script, names with a hash are kept, pages are asked for"() {
		const page = await fetch(gateway.url);
		assert.match(page.headers.get("content-security-policy"), /script-src 'self'/);
		assert.equal(page.headers.get("cache-control"), "no-cache");
		const asset = /assets\/index-[\w-]+\.js/.exec(await page.text())[0];
		const script = await fetch(`${gateway.url}${asset}`, { headers: { "Accept-Encoding": "gzip" } });
		assert.match(script.headers.get("cache-control"), /immutable/);
		assert.equal(script.headers.get("content-encoding"), "gzip");
	},
};
