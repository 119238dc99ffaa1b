// start.mjs — the first minutes: set-up, sign-in, old addresses, a sub-folder
import assert from "node:assert/strict";

import { newPage } from "../browser.mjs";
import { browser, gateway, root, runHere, settled, signInByForm } from "../common.mjs";
import { start } from "../gateway.mjs";

export default {
	async "B5 first run: from a fresh installation to a streamed answer, with what is on the screen alone"() {
		const fresh = await start();
		const { context, page, faults } = await newPage(browser, fresh.url);
		await page.goto(fresh.url);
		await page.getByRole("link", { name: "Sign in" }).first().click();
		const whereItStands = page.getByText("the user is root; the password stands in the terminal");
		await whereItStands.waitFor();
		await signInByForm(page, { username: "root", password: fresh.password });
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
		await runHere(page);
		await page.getByRole("link", { name: "Playground" }).click();
		await page.getByLabel("Message").fill("Hello");
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByText(/first .* total/).waitFor();
		assert.deepEqual(faults, []);
		await context.clearCookies();
		await page.goto("about:blank");
		await page.goto(`${fresh.url}#/login`);
		await page.getByLabel("User name or e-mail").waitFor();
		assert.equal(await whereItStands.count(), 0, "not for the customers of a site that is set up");
		await page.getByRole("link", { name: "Forgot" }).click();
		await whereItStands.waitFor();
		await context.close();
		await fresh.stop();
	},

	async "B5 first run: each step is there again after a reload; the factory's password has to go"() {
		const fresh = await start();
		const { context, page, faults } = await newPage(browser, fresh.url);
		let changed = false; // our programs make no such password; one that came with a database of one-api does
		await page.route("**/api/setup", async (r) => {
			const answer = await r.fetch();
			const body = await answer.json();
			await r.fulfill({ response: answer, json: { ...body, data: { ...body.data, default_root_password: !changed } } });
		});
		page.on("response", (r) => { changed ||= r.request().method() === "PUT" && /user\/self/.test(r.url()) && r.ok(); });
		const again = async (step) => { // as after closing the tab: nothing in the address but the page
			await page.goto("about:blank");
			await page.goto(`${fresh.url}#/setup`);
			await page.locator("[aria-current=step]", { hasText: step }).waitFor();
		};
		await page.goto(`${fresh.url}#/login`);
		await signInByForm(page, { username: "root", password: fresh.password });
		await page.getByRole("heading", { name: "Set up your gateway" }).waitFor();
		await page.goto(`${fresh.url}#/setup?step=call`);
		await page.reload();
		await page.locator("[aria-current=step]", { hasText: "Secure" }).waitFor();
		for (const bad of ["", "short", "123456"]) {
			await page.getByLabel("New password").fill(bad);
			await page.getByRole("button", { name: "Continue" }).click();
			assert.equal(await page.getByLabel("New password").getAttribute("aria-invalid"), "true", `“${bad}” will not do`);
		}
		await page.getByLabel("New password").fill("my-own-password");
		await page.getByRole("button", { name: "Continue" }).click();
		await page.getByRole("radio", { name: "OpenAI-compatible" }).waitFor();
		assert.equal((await (await fetch(`${fresh.url}api/user/login`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"username":"root","password":"my-own-password"}' })).json()).success, true);

		await again("Connect");
		await page.getByRole("radio", { name: "OpenAI-compatible" }).click();
		await page.getByLabel("Key", { exact: true }).fill("sk-up");
		await page.getByLabel("Base URL").fill("http://127.0.0.1:9/v1"); // nobody is there
		await page.getByLabel("Models").fill("gpt-4o-mini ");
		await page.getByRole("button", { name: "Connect", exact: true }).click();
		await page.getByRole("button", { name: "Test again" }).waitFor();
		await again("Test");
		await page.getByLabel("Base URL").fill(`${fresh.provider}/v1`);
		await page.getByRole("button", { name: "Test again" }).click();
		await page.getByText(/gpt-4o-mini answered in/).waitFor();
		await again("Key");
		await page.getByRole("button", { name: "Create key" }).click();
		await page.getByText("Waiting for your request").waitFor();
		const shown = (await page.locator("pre").first().innerText()).trim();
		await again("Call");
		assert.equal((await page.locator("pre").first().innerText()).trim(), shown, "the whole key, to be copied");
		await runHere(page);
		await again("Call");
		await page.getByText("You are ready.").waitFor(); // the request is still logged
		assert.deepEqual(faults, []);
		await context.close();
		await fresh.stop();
	},

	async "B3 sign-in: a wrong password keeps the name, an ended session keeps the form"() {
		const { context, page, faults } = await newPage(browser, gateway.url);
		await page.goto(`${gateway.url}#/keys`);
		await signInByForm(page, { username: "root", password: "not-this-one" });
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
		for (const [path, hash] of [["login", "#/login"], ["register?aff=abcd", "#/register?aff=abcd"], ["user/reset?email=a%40b.c&token=1", "#/user/reset?email=a%40b.c&token=1"], ["about", "#/about"], ["dashboard", "#/login?next=overview"]]) {
			await page.goto(`${gateway.url}${path}`);
			await page.waitForURL((u) => u.hash === hash);
		}
		assert.equal((await page.goto(`${gateway.url}oauth/github?code=1&state=2`)).status(), 200);
		await page.waitForURL((u) => u.hash.startsWith("#/oauth/github?code=1&state=2"));
		await context.close();
	},

	async "B1 old addresses, sign-in, every page of the menu: no request leaves the folder"() {
		const { context, page, faults } = await newPage(browser, gateway.url); // a request elsewhere is a fault
		const missing = [];
		page.on("response", (r) => { if (r.status() === 404) missing.push(r.url()); });
		await page.goto(`${gateway.url}token`); // the web server adds the slash, the stub the rest
		await signInByForm(page, root);
		await page.getByRole("heading", { name: "API keys" }).waitFor();
		const menu = page.locator("nav.side a.nav");
		const names = (await menu.locator(".label").allInnerTexts());
		assert.ok(names.length >= 9, names.join());
		for (const name of names) {
			await menu.filter({ hasText: name }).first().click();
			await page.getByRole("heading", { level: 1, name }).waitFor();
			await settled(page);
			assert.ok(page.url().startsWith(`${gateway.url}#/`), page.url());
		}
		await page.reload();
		await page.getByRole("heading", { level: 1, name: names.at(-1) }).waitFor();
		assert.deepEqual([...faults, ...missing], []);
		await context.close();
	},

	async "files: the policy allows no inline script, names with a hash are kept, pages are asked for"() {
		const page = await fetch(gateway.url);
		assert.match(page.headers.get("content-security-policy"), /script-src 'self'/);
		assert.equal(page.headers.get("cache-control"), "no-cache");
		const text = await page.text();
		const asset = /assets\/\w+-[\w-]+\.js/.exec(text)[0];
		for (const [, file] of text.matchAll(/<script[^>]* src="([^"]*)"/g))
			assert.match(file, /^\.\/assets\//, "every script of the page may be kept");
		const script = await fetch(`${gateway.url}${asset}`, { headers: { "Accept-Encoding": "gzip" } });
		assert.match(script.headers.get("cache-control"), /immutable/);
		assert.equal(script.headers.get("content-encoding"), "gzip");
	},
};
