// safety.mjs — hostile texts, a server that misbehaves, an upgrade under one's feet
import assert from "node:assert/strict";
import { newPage } from "../browser.mjs";
import { browser, channel, gateway, signedIn, visit } from "../common.mjs";

export default {
	async "B22 hostile texts execute nothing"() {
		const evil = '<img src=x onerror="window.evil=1"><script>window.evil=1</script><a href="javascript:window.evil=1">x</a>';
		for (const key of ["Notice", "About", "HomePageContent", "Footer"])
			await gateway.api("PUT", "option/", { key, value: evil });
		await gateway.api("POST", "channel/", { ...channel, name: evil.slice(0, 60) });
		const { context, page } = await signedIn();
		for (const hash of ["", "about", "channels", "logs", "overview"]) {
			await visit(page, hash);
			assert.equal(await page.evaluate(() => globalThis.evil), undefined, `on ${hash}`);
		}
		assert.equal(await page.locator('a[href^="javascript:"]').count(), 0);
		for (const key of ["Notice", "About", "HomePageContent", "Footer"])
			await gateway.api("PUT", "option/", { key, value: "" });
		await context.close();
	},

	async "B23 /api that answers with a web page, with nothing, with a fault"() {
		const { context, page } = await newPage(browser, gateway.url);
		let body = "<html>Welcome to nginx!</html>", status = 200;
		await page.route("**/api/**", (r) => r.fulfill({ status, body, contentType: "text/html" }));
		await page.goto(gateway.url);
		await page.getByText("The gateway program does not answer here").waitFor();
		await page.getByText("Welcome to nginx!").waitFor();
		await page.getByRole("button", { name: "Apache" }).click();
		await page.getByText("CGIPassAuth On").waitFor();
		[status, body] = [500, ""];
		await page.reload();
		await page.getByText("The server reported a fault (HTTP 500)").waitFor();
		await page.unroute("**/api/**");
		await page.getByRole("button", { name: "Retry" }).click();
		await page.getByRole("link", { name: "Sign in" }).first().waitFor();
		await context.close();
	},

	async "B23 too many requests are waited for, no connection is told and ends by itself"() {
		const { context, page } = await signedIn();
		let limited = true;
		await page.route("**/api/token/?*", (r) => limited ? (limited = false, r.fulfill({ status: 429, headers: { "Retry-After": "1" }, body: "" })) : r.continue());
		const told = page.getByText("Too many requests: this continues in 1 second.").waitFor();
		await page.goto(`${gateway.url}#/keys`);
		await told;
		await page.getByRole("button", { name: "everyday", exact: true }).waitFor();
		await context.setOffline(true);
		await page.getByRole("link", { name: "Wallet" }).click();
		await page.getByText("The gateway cannot be reached.").first().waitFor();
		await context.setOffline(false);
		await page.getByText("The gateway cannot be reached.").first().waitFor({ state: "detached", timeout: 90_000 }).catch(async () => page.getByRole("button", { name: "Retry" }).first().click());
		await context.close();
	},

	async "B23 a server that is being looked after is asked again by itself"() {
		const { context, page, faults } = await signedIn();
		await page.clock.install();
		let away = true;
		await page.route("**/api/token/?*", (r) => away ? r.fulfill({ status: 503, headers: { "Retry-After": "7" }, body: "" }) : r.continue());
		await page.goto(`${gateway.url}#/keys`);
		await page.getByText("The server reported a fault (HTTP 503)").waitFor();
		await page.getByRole("button", { name: "Retry (7 s)" }).waitFor();
		away = false;
		await page.clock.runFor(7500);
		await page.getByRole("button", { name: "everyday", exact: true }).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B24 a new version was installed meanwhile: a missing page offers to reload"() {
		const { context, page } = await signedIn();
		await visit(page, "keys");
		await page.route("**/assets/wallet-*.js", (r) => r.fulfill({ status: 404, body: "" }));
		await page.getByRole("link", { name: "Wallet" }).click();
		await page.getByText("A new version was installed.").waitFor();
		await page.unroute("**/assets/wallet-*.js");
		await page.getByRole("button", { name: "Reload" }).click();
		await page.getByRole("heading", { name: "Wallet" }).waitFor();
		await context.close();
	},

	async "B24 a new version was installed meanwhile: what was typed is there again, secrets are not kept"() {
		const { context, page, faults } = await signedIn();
		await page.route("**/assets/wallet-*.js", (r) => r.fulfill({ status: 404, body: "" }));
		const upgraded = async () => {
			await page.getByText("A new version was installed.").waitFor();
			const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage }));
			await page.getByRole("button", { name: "Reload" }).click();
			await page.getByText("A new version was installed.").waitFor();
			return kept;
		};
		await visit(page, "settings/relay");
		await page.getByLabel(/Retries/).fill("7");
		await page.getByRole("link", { name: "Sign-in", exact: true }).click();
		await page.getByLabel(/^GitHub client secret/).fill("hidden-secret");
		await page.getByText("2 changed in").waitFor();
		await page.getByRole("link", { name: "Wallet" }).click();
		assert.doesNotMatch(await upgraded(), /hidden-secret/);
		await page.getByRole("link", { name: "Settings" }).click();
		await page.getByText("What you had not saved is here again.").waitFor();
		await page.getByText("1 changed in Relay").waitFor();
		await page.getByRole("link", { name: "Relay" }).click();
		assert.equal(await page.getByLabel(/Retries/).inputValue(), "7");
		await page.getByRole("button", { name: "Discard" }).click();

		await visit(page, "channels/new");
		await page.getByRole("radio", { name: "OpenAI-compatible" }).click();
		await page.getByLabel("Name", { exact: true }).fill("half-typed");
		await page.getByLabel("Key", { exact: true }).fill("sk-hidden");
		await page.getByLabel("Base URL").fill("https://half.example.org/v1");
		await page.evaluate(() => { location.hash = "#/wallet"; });
		assert.doesNotMatch(await upgraded(), /sk-hidden/);
		await page.evaluate(() => { location.hash = "#/channels/new"; });
		await page.getByText("What you had not saved is here again.").waitFor();
		assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "half-typed");
		assert.equal(await page.getByLabel("Base URL").inputValue(), "https://half.example.org/v1");
		assert.equal(await page.getByLabel("Key", { exact: true }).inputValue(), "");
		await page.reload(); // without an upgrade nothing is kept
		await page.getByLabel("Search providers").waitFor();
		assert.notEqual(await page.getByLabel("Name", { exact: true }).inputValue().catch(() => ""), "half-typed");
		assert.deepEqual(faults, []);
		await context.close();
	},
};
