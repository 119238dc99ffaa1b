// test.mjs — the web UI in a real browser, through nginx and the real programs
//
//	node test.mjs [WORD]		after `make all web`; or `make ui`. With WORD: only tests whose name has it
//
// Ends with `N passed, N failed`. Where there is no Chromium it says so and passes nothing.
import assert from "node:assert/strict";

import { axe, binary, hasBrowser, newPage, open } from "./browser.mjs";
import { eventually, mountBelow, start } from "./gateway.mjs";

if (!hasBrowser) {
	console.log(`# SKIP the web UI in a browser: there is no ${binary}`);
	console.log("0 passed, 0 failed, 1 skipped");
	process.exit(0);
}

const gateway = await start();
const browser = await open();
const root = { username: "root", password: gateway.password };
const channel = {
	type: 50, name: "made-up", key: "sk-up", base_url: `${gateway.provider}/v1`, group: "default",
	models: "gpt-4o,gpt-4o-mini,stream-400-50,error-401", priority: 3, weight: 1,
};

const cookies = {}; // of each user: signing in is limited to some twenty times

async function signedIn(options = {}, user = root) {
	const opened = await newPage(browser, gateway.url, options);
	if (!cookies[user.username]) {
		const answer = await opened.context.request.post(`${gateway.url}api/user/login`, { data: user });
		assert.equal((await answer.json()).success, true, "signing in by the API");
		cookies[user.username] = await opened.context.cookies();
	}
	await opened.context.addCookies(cookies[user.username]);
	return opened;
}

/** Goes to a page and waits for its heading. */
async function visit(page, hash) {
	await page.goto(`${gateway.url}#/${hash}`);
	await page.reload();
	await page.locator("h1").first().waitFor();
	await page.locator("[aria-busy=true]").waitFor({ state: "detached" }).catch(() => {});
}

const tests = {
	async "first run: from a fresh installation to a streamed answer, with what is on the screen alone"() {
		const { context, page, faults } = await newPage(browser, gateway.url);
		await page.goto(gateway.url);
		await page.getByRole("link", { name: "Sign in" }).first().click();
		await page.getByLabel("User name or e-mail").fill("root");
		await page.getByLabel("Password", { exact: true }).fill(gateway.password);
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("heading", { name: "Set up your gateway" }).waitFor();
		await page.getByRole("button", { name: "Continue" }).click();
		await page.getByRole("radio", { name: "OpenAI-compatible" }).click();
		await page.getByLabel("Key", { exact: true }).fill("sk-up");
		await page.getByLabel("Base URL").fill(channel.base_url);
		await page.getByLabel("Models").fill("gpt-4o-mini, gpt-4o ");
		await page.getByRole("button", { name: "Connect", exact: true }).click();
		await page.getByText(/gpt-4o-mini answered in/).waitFor();
		await page.getByRole("button", { name: "Continue" }).click();
		await page.reload(); // resumed where it was
		await page.getByRole("button", { name: "Create key" }).click();
		await page.getByText("Waiting for your request").waitFor();
		await new Promise((go) => setTimeout(go, 1500)); // the relay takes up new channels within a second
		await page.getByRole("button", { name: "Run it here" }).click();
		await page.getByText("You are ready.").waitFor();
		await page.getByRole("link", { name: "Playground" }).click();
		await page.getByLabel("Message").fill("Hello");
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByText(/first .* total/).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "sign-in: a wrong password keeps the name, an ended session keeps the form"() {
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

	async "old addresses lead to their pages, with their query"() {
		const { context, page } = await newPage(browser, gateway.url);
		for (const [path, hash] of [["login", "#/login"], ["register?aff=abcd", "#/register?aff=abcd"], ["user/reset?email=a%40b.c&token=1", "#/user/reset?email=a%40b.c&token=1"], ["about", "#/about"]]) {
			await page.goto(`${gateway.url}${path}`);
			await page.waitForURL((u) => u.hash === hash);
		}
		assert.equal((await page.goto(`${gateway.url}oauth/github?code=1&state=2`)).status(), 200);
		await page.waitForURL((u) => u.hash.startsWith("#/oauth/github?code=1&state=2"));
		await context.close();
	},

	async "in a sub-folder: all requests stay below it, old addresses, sign-in and a page work"() {
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

	async "channels: create for a provider with a key of three parts, change a priority, undo, delete"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "channels/new");
		await page.getByPlaceholder("Search providers").fill("hunyuan");
		await page.getByRole("radio", { name: "Tencent Hunyuan" }).click();
		await page.getByLabel("AppId", { exact: true }).fill("1");
		await page.getByRole("button", { name: "Save", exact: true }).click();
		await page.getByText("A key of this provider has the form AppId|SecretId|SecretKey").waitFor();
		await page.getByLabel("SecretId", { exact: true }).fill("2");
		await page.getByLabel("SecretKey", { exact: true }).fill("3");
		await page.getByRole("button", { name: /Add \d+ suggested/ }).click();
		await page.getByRole("button", { name: "Save", exact: true }).click();
		const priority = page.getByLabel("Priority of tencent-hunyuan");
		await priority.fill("7");
		await priority.press("Enter");
		const stored = async () => (await gateway.api("GET", "channel/search?keyword=tencent")).data[0];
		await eventually("the priority is stored", async () => (await stored()).priority === 7);
		await page.getByRole("button", { name: "Undo" }).click();
		await eventually("the priority is back", async () => (await stored()).priority === 0);
		await page.getByRole("button", { name: "More for tencent-hunyuan" }).click();
		await page.getByRole("menuitem", { name: "Delete" }).click();
		await page.getByRole("button", { name: "Delete tencent-hunyuan" }).click();
		await eventually("it is gone", async () => await stored() === undefined);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "channels: an edit leaves the stored key alone, several keys make several channels"() {
		const { context, page } = await signedIn();
		await visit(page, "channels/new");
		await page.getByRole("radio", { name: "OpenAI-compatible" }).click();
		await page.getByLabel("Name", { exact: true }).fill("twins");
		await page.getByLabel("Several keys at once").check();
		await page.getByLabel("Keys, one per line").fill("sk-1\nsk-2\n\nsk-1");
		await page.getByText("2 keys found").waitFor();
		await page.getByLabel("Base URL").fill(channel.base_url);
		await page.getByLabel("Models").fill("gpt-4o,");
		await page.getByRole("button", { name: "Save", exact: true }).click();
		await page.getByText("2 channels created").waitFor();
		const [one, two] = (await gateway.api("GET", "channel/search?keyword=twins")).data;
		await visit(page, `channels/${one.id}`);
		await page.getByLabel("Name", { exact: true }).fill("twin-one");
		const [sent] = await Promise.all([
			page.waitForRequest((r) => r.method() === "PUT"),
			page.getByRole("button", { name: "Save", exact: true }).click(),
		]);
		assert.equal(sent.postDataJSON().key, "");
		for (const c of [one, two])
			await gateway.api("DELETE", `channel/${c.id}`);
		await context.close();
	},

	async "channels: testing all shows progress and what failed, also after leaving the page"() {
		await gateway.api("POST", "channel/", { ...channel, name: "broken", models: "error-401" });
		const { context, page } = await signedIn();
		await visit(page, "channels");
		await page.getByRole("button", { name: "Test", exact: true }).first().click();
		await page.getByRole("menuitem", { name: "Test all" }).click();
		await page.getByRole("link", { name: "API keys" }).click();
		await page.getByText(/1 failed/).waitFor();
		await page.getByRole("button", { name: "Disable it" }).click();
		await eventually("it is off", async () => (await gateway.api("GET", "channel/search?keyword=broken")).data[0].status === 2);
		const [broken] = (await gateway.api("GET", "channel/search?keyword=broken")).data;
		await gateway.api("DELETE", `channel/${broken.id}`);
		await context.close();
	},

	async "keys: made, copied, disabled with a way back; the log of its use"() {
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
		await new Promise((go) => setTimeout(go, 1200));
		const answer = await fetch(`${gateway.url}v1/chat/completions`, {
			method: "POST", headers: { "Authorization": `Bearer ${key}`, "Content-Type": "application/json" },
			body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] }),
		});
		assert.equal(answer.status, 200);
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

	async "playground: stops a stream, shows an error whole, compares two models"() {
		const { data: [first] } = await gateway.api("GET", "channel/?p=0");
		await gateway.api("PUT", "channel/", { id: first.id, models: channel.models });
		await gateway.api("PUT", "option/", { key: "UnpricedModel", value: "free" });
		await new Promise((go) => setTimeout(go, 1200));
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

	async "users: made, topped up; a customer sees no page of operators"() {
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

	async "settings: found by their old name, changed over sections, saved in one go"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "settings");
		await page.getByLabel("Find a setting").fill("QuotaForNewUser");
		await page.getByLabel(/For new users/).fill("0.5");
		await page.getByLabel(/For new users/).blur();
		await page.getByLabel("Find a setting").fill("");
		await page.getByRole("link", { name: "Relay" }).click();
		await page.getByLabel(/Retries/).fill("2");
		await page.getByText("2 changed in Quota & invites, Relay").waitFor();
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByText("Saved").waitFor();
		const { data } = await gateway.api("GET", "option/");
		const option = (key) => data.find((o) => o.key === key).value;
		assert.equal(option("QuotaForNewUser"), "250000");
		assert.equal(option("RetryTimes"), "2");
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "prices: entered in dollars per million tokens, stored as ratios"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "models");
		await page.getByRole("button", { name: "Edit prices" }).click();
		await page.getByText("Paste from a spreadsheet").click();
		await page.locator("textarea").fill("stream-400-50\t3\t15");
		await page.getByRole("button", { name: "Take 1 line" }).click();
		await page.getByRole("button", { name: "Save prices" }).click();
		await page.getByText("Saved").waitFor();
		const { data } = await gateway.api("GET", "option/");
		const table = (key) => JSON.parse(data.find((o) => o.key === key).value);
		assert.equal(table("ModelRatio")["stream-400-50"], 1.5);
		assert.equal(table("CompletionRatio")["stream-400-50"], 5);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "hostile texts execute nothing"() {
		const evil = '<img src=x onerror="window.evil=1"><script>window.evil=1</script><a href="javascript:window.evil=1">x</a>';
		for (const key of ["Notice", "About", "HomePageContent", "Footer"])
			await gateway.api("PUT", "option/", { key, value: evil });
		await gateway.api("POST", "channel/", { ...channel, name: evil.slice(0, 60) });
		const { context, page } = await signedIn();
		for (const hash of ["", "about", "channels", "logs", "overview"]) {
			await visit(page, hash);
			await page.waitForTimeout(300);
			assert.equal(await page.evaluate(() => globalThis.evil), undefined, `on ${hash}`);
		}
		assert.equal(await page.locator('a[href^="javascript:"]').count(), 0);
		for (const key of ["Notice", "About", "HomePageContent", "Footer"])
			await gateway.api("PUT", "option/", { key, value: "" });
		await context.close();
	},

	async "/api that answers with a web page, with nothing, with a fault"() {
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
		await page.getByText("The server reported a fault.").waitFor();
		await page.unroute("**/api/**");
		await page.getByRole("button", { name: "Retry" }).click();
		await page.getByRole("link", { name: "Sign in" }).first().waitFor();
		await context.close();
	},

	async "axe finds nothing on any page, in any theme"() {
		const found = [];
		for (const theme of ["default", "berry", "air"]) {
			for (const mode of ["light", "dark"]) {
				const { context, page } = await signedIn({ prefs: { theme, mode } });
				for (const hash of ["overview", "playground", "keys", "keys/new", "models", "models/gpt-4o", "logs", "wallet", "account", "account/preferences", "channels", "channels/new", "users", "users/new", "codes/new", "settings", "settings/prices", "diagnostics", "setup"]) {
					await visit(page, hash);
					await page.waitForTimeout(250);
					found.push(...(await axe(page)).map((x) => `${theme} ${mode} ${hash}: ${x}`));
				}
				await context.close();
				const guest = await newPage(browser, gateway.url, { prefs: { theme, mode } });
				for (const hash of ["", "login", "register", "reset", "about"]) {
					await visit(guest.page, hash);
					found.push(...(await axe(guest.page)).map((x) => `${theme} ${mode} ${hash}: ${x}`));
				}
				await guest.context.close();
			}
		}
		assert.deepEqual([...new Set(found)], []);
	},

	async "no page is wider than the window, from 320 pixels; no word is missing in Chinese"() {
		const found = [];
		for (const width of [320, 390, 760, 1360]) {
			const { context, page, faults } = await signedIn({ prefs: { language: "zh-CN" }, width });
			for (const hash of ["overview", "playground", "keys", "keys/new", "models", "logs", "wallet", "account", "channels", "channels/new", "users", "codes/new", "settings", "diagnostics", "setup"]) {
				await visit(page, hash);
				await page.waitForTimeout(150);
				const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				if (wide > 0)
					found.push(`${hash} at ${width}: ${wide} pixels too wide`);
				const raw = (await page.locator("body").innerText()).match(/\b(?:common|keys|channels|editor|logs|users|codes|settings|options|overview|playground|models|account|wallet|setup|diagnostics|home|list|nav|form)\.[a-zA-Z]\w*(?:\.\w+)*/g);
				if (raw)
					found.push(`${hash}: ${raw.join(" ")}`);
			}
			found.push(...faults);
			await context.close();
		}
		assert.deepEqual(found, []);
	},
};

let passed = 0, failed = 0;
for (const [name, run] of Object.entries(tests)) {
	if (process.argv[2] && !name.includes(process.argv[2]))
		continue;
	try {
		await run();
		passed++;
		console.log(`ok   ${name}`);
	} catch (e) {
		failed++;
		console.log(`FAIL ${name}\n${e.stack ?? e}`);
	}
	for (const context of browser.contexts()) {
		if (process.env.SHOT && context.pages()[0])
			await context.pages()[0].screenshot({ path: process.env.SHOT });
		await context.close();
	}
}
await browser.close();
await gateway.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
