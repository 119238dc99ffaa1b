// accounts.mjs — ways in: registration, reset, other sites, the second factor
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import { newPage } from "../browser.mjs";
import { browser, gateway, makeUser, option, signedIn, signInByForm, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";
import { takeMail } from "../mail.mjs";
import { openSite } from "../sign-in-site.mjs";

const mailOptions = (port) => ({ SMTPServer: "127.0.0.1", SMTPPort: String(port), SMTPAccount: "gateway@example.org", SMTPFrom: "gateway@example.org", SMTPToken: "x", ServerAddress: gateway.url.replace(/\/$/, "") });

/** The code of an authenticator app at a time (RFC 6238). */
function totp(secret, ms = Date.now()) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0")).join("");
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
	const step = Buffer.alloc(8);
	step.writeBigUInt64BE(BigInt(Math.floor(ms / 30_000)));
	const mac = createHmac("sha1", key).update(step).digest();
	const at = mac[19] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

export default {
	async "B4 accounts: registered with a code by mail and an invitation; a forgotten password is made anew"() {
		const mail = await takeMail();
		for (const [key, value] of Object.entries(mailOptions(mail.port)))
			await option(key, value);
		await option("EmailVerificationEnabled", "true");
		const { data: aff } = await gateway.api("GET", "user/aff");
		const { context, page, faults } = await newPage(browser, gateway.url);
		await page.goto(`${gateway.url}register?aff=${aff}`);
		await page.getByLabel("User name").fill("newcomer");
		await page.getByLabel("Password", { exact: true }).fill("first password");
		await page.getByLabel("E-mail").fill("new@example.org");
		assert.equal(await page.getByLabel(/Invitation code/).inputValue(), aff);
		await page.getByRole("button", { name: "Send code" }).click();
		await eventually("the mail is there", () => mail.texts().length === 1);
		await page.getByRole("button", { name: /Again in \d+ s/ }).waitFor();
		await page.getByRole("textbox", { name: "Code", exact: true }).fill("wrong");
		await page.getByRole("button", { name: "Register" }).click();
		await page.getByRole("alert").waitFor();
		await page.getByRole("textbox", { name: "Code", exact: true }).fill(/(?<!\d)\d{8}(?!\d)/.exec(mail.texts()[0].replace(/<[^>]*>/g, " "))[0]);
		await page.getByRole("button", { name: "Register" }).click();
		await page.getByRole("heading", { name: "Overview" }).waitFor();
		const { data: [made] } = await gateway.api("GET", "user/search?keyword=newcomer");
		assert.equal(made.inviter_id, 1);
		await context.clearCookies();
		await page.goto(`${gateway.url}#/reset`);
		await page.reload();
		await page.getByLabel("E-mail").fill("new@example.org");
		await page.getByRole("button", { name: "Send the mail" }).click();
		await page.getByText("If an account has this address").waitFor();
		await eventually("the second mail is there", () => mail.texts().length === 2);
		const link = /https?:\/\/[^"\s<]*user\/reset\?[^"\s<]*/.exec(mail.texts()[1])[0].replaceAll("&amp;", "&");
		await page.goto(link);
		await page.getByRole("button", { name: "Make a new password" }).click();
		await page.getByText("This is your new password.").waitFor();
		await page.getByRole("button", { name: "Show" }).click();
		const password = await page.locator("code").first().innerText();
		await page.goto(`${gateway.url}#/login`);
		await signInByForm(page, { username: "new@example.org", password });
		await page.getByRole("heading", { name: "Overview" }).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
		await option("EmailVerificationEnabled", "false");
		mail.stop();
	},

	async "B4 accounts: over another site, as somebody new, again, refused, and as a second way into an account"() {
		const site = await openSite();
		for (const [key, value] of Object.entries({ ...site.options, ServerAddress: gateway.url.replace(/\/$/, "") }))
			await option(key, value);
		const elsewhere = (faults) => faults.filter((x) => !x.startsWith(`asked another site: ${site.url}`));
		const { context, page, faults } = await newPage(browser, gateway.url);
		const throughIt = async () => {
			await page.goto("about:blank");
			await page.goto(`${gateway.url}#/login`);
			await page.getByRole("button", { name: "Continue with OIDC" }).click();
		};
		site.isNow("visitor");
		await throughIt();
		await page.getByRole("heading", { name: "Overview" }).waitFor();
		const visitors = async () => (await gateway.api("GET", "user/search?keyword=visitor")).data;
		assert.equal((await visitors()).length, 1, "an account was made");
		await context.clearCookies();
		await throughIt();
		await page.getByRole("heading", { name: "Overview" }).waitFor();
		assert.equal((await visitors()).length, 1, "the same account again");
		await context.clearCookies();

		site.refuses(true);
		await throughIt();
		await page.getByRole("button", { name: "Retry" }).waitFor({ timeout: 90_000 });
		assert.match(await page.getByRole("alert").or(page.locator(".banner")).first().innerText(), /\S{3}/);
		await page.getByRole("link", { name: "Back" }).click();
		await page.getByLabel("User name or e-mail").waitFor();
		site.refuses(false);
		await page.goto(`${gateway.url}oauth/oidc?code=made-up&state=made-up`);
		await page.getByRole("button", { name: "Retry" }).waitFor(); // at once: a wrong state does not get better
		assert.equal(site.used(), 2, "nobody asks for a token with a state that is not ours");
		assert.deepEqual(elsewhere(faults), []);
		await context.close();

		const user = await makeUser();
		const mine = await signedIn({}, user);
		site.isNow("second-way");
		await visit(mine.page, "account/sign-in");
		await mine.page.getByRole("button", { name: "Link", exact: true }).click();
		await mine.page.getByText("OIDC is linked.").waitFor();
		await mine.page.getByRole("heading", { name: "Account", exact: true }).waitFor();
		assert.match((await gateway.api("GET", `user/${user.id}`)).data.oidc_id, /sub-second-way$/);
		await mine.context.clearCookies();
		await mine.page.goto("about:blank");
		await mine.page.goto(`${gateway.url}#/login`);
		await mine.page.getByRole("button", { name: "Continue with OIDC" }).click();
		await mine.page.getByRole("button", { name: new RegExp(user.username) }).first().waitFor();
		assert.deepEqual(elsewhere(mine.faults), []);
		await mine.context.close();
		await option("OidcEnabled", "false");
		site.stop();
	},

	async "B3 accounts: signing out ends the session"() {
		const user = await makeUser();
		const { context, page } = await newPage(browser, gateway.url);
		await page.goto(`${gateway.url}#/login`);
		await signInByForm(page, user);
		await page.getByRole("heading", { name: "Overview" }).waitFor();
		await page.getByRole("button", { name: new RegExp(user.username) }).first().click();
		await page.getByRole("menuitem", { name: "Sign out" }).click();
		await page.getByRole("link", { name: "Sign in" }).or(page.getByRole("button", { name: "Sign in" })).first().waitFor();
		await page.goto(`${gateway.url}#/keys`);
		await page.getByLabel("User name or e-mail").waitFor();
		await context.close();
	},

	async "accounts: a second factor is set up, asked for at sign-in, a recovery code works, it is switched off"() {
		const user = await makeUser();
		const { context, page, faults } = await signedIn({}, user);
		await visit(page, "account/sign-in");
		await page.getByRole("button", { name: "Set up an authenticator app" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Password", { exact: true }).fill(user.password);
		await dialog.getByRole("button", { name: "Next" }).click();
		await dialog.getByRole("img", { name: "QR code of the secret" }).waitFor();
		await dialog.getByText("Type it in by hand").click();
		const secret = await dialog.locator("code, pre").first().innerText();
		await dialog.getByRole("textbox", { name: "Code" }).fill(totp(secret.trim()));
		await dialog.getByRole("button", { name: "Confirm" }).click();
		await page.getByText("Shown only now. Each replaces the app once").waitFor();
		const codes = (await page.getByRole("dialog").locator("pre").innerText()).trim().split("\n");
		await page.getByRole("button", { name: "I have kept them" }).click();
		await page.getByText("Signing in asks for a code.").waitFor();
		await context.clearCookies();
		await visit(page, "login");
		await signInByForm(page, user);
		await page.getByLabel("Code of your authenticator app").fill("000000");
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("alert").waitFor();
		await page.getByLabel("Code of your authenticator app").fill(codes[0]);
		await page.getByRole("button", { name: "Sign in" }).click();
		await page.getByRole("heading", { name: "Overview" }).waitFor();
		await visit(page, "account/sign-in");
		await page.getByText(new RegExp(`${codes.length - 1} recovery codes are left`)).waitFor();
		await page.getByRole("button", { name: "Switch it off" }).click();
		await page.getByRole("dialog").getByLabel("Code of your authenticator app").fill(codes[1]);
		await page.getByRole("dialog").getByRole("button", { name: "Switch it off" }).click();
		await page.getByText("The password alone is enough again.").waitFor();
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B4 accounts: a site that takes no new ones says whom to ask"() {
		const { context, page, faults } = await newPage(browser, gateway.url);
		await page.route("**/api/status", async (r) => {
			const answer = await r.fetch(), body = await answer.json();
			await r.fulfill({ response: answer, json: { ...body, data: { ...body.data, register: false } } });
		});
		await page.goto(`${gateway.url}#/register?aff=abcd`);
		await page.getByText("Ask the person who runs it").waitFor();
		assert.equal(await page.getByLabel("User name").count(), 0);
		await page.getByRole("link", { name: "Sign in" }).click();
		await page.getByLabel("Password", { exact: true }).waitFor();
		assert.equal(await page.getByRole("link", { name: "Register" }).count(), 0);
		assert.deepEqual(faults, []);
		await context.close();
	},
};
