// settings.mjs — the operator's switches
import assert from "node:assert/strict";
import { gateway, option, signedIn, visit } from "../common.mjs";

export default {
	async "B20 settings: found by their old name, changed over sections, saved in one go"() {
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
		await page.getByText("Saved", { exact: true }).waitFor();
		const { data } = await gateway.api("GET", "option/");
		const stored = (key) => data.find((o) => o.key === key).value;
		assert.equal(stored("QuotaForNewUser"), "250000");
		assert.equal(stored("RetryTimes"), "2");
		assert.deepEqual(faults, []);
		await context.close();
		for (const key of ["QuotaForNewUser", "RetryTimes"])
			await option(key, "0");
	},

	async "B20 settings: a review, values before switches, what failed stays, secrets are not sent, a lock-out is asked"() {
		const { context, page, faults } = await signedIn();
		const sent = [];
		await page.route("**/api/option/", (r) => {
			if (r.request().method() !== "PUT")
				return r.continue();
			const body = r.request().postDataJSON();
			sent.push(body.key);
			return body.key === "GitHubOAuthEnabled" ? r.fulfill({ json: { success: false, message: "not yet" } }) : r.continue();
		});
		await visit(page, "settings/sign-in");
		await page.getByLabel(/^GitHub client id/).fill("Iv1.test");
		await page.getByRole("switch", { name: /Sign in with GitHub/ }).or(page.getByLabel(/Sign in with GitHub/)).first().check();
		await page.getByRole("button", { name: "Review" }).click();
		await page.getByRole("dialog").getByText("Iv1.test").waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByText("not yet").first().waitFor();
		assert.deepEqual(sent, ["GitHubClientId", "GitHubOAuthEnabled"], "values first, and no secret");
		await page.getByText("1 changed in Sign-in").waitFor();
		await page.getByRole("button", { name: "Discard" }).click();
		await page.getByLabel(/^Password sign-in/).first().uncheck();
		await page.getByRole("button", { name: "Save changes" }).click();
		await page.getByRole("dialog").getByText("Everyone who has not linked another way").waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Discard" }).click();
		assert.deepEqual(faults, []);
		await context.close();
		await option("GitHubClientId", "");
	},

	async "settings: every option of the server is offered"() {
		const { context, page } = await signedIn();
		const { data } = await gateway.api("GET", "option/");
		const seen = new Set();
		for (const section of ["site", "sign-in", "mail", "prices", "quota", "relay", "limits", "monitoring", "content", "appearance"]) {
			await visit(page, `settings/${section}`);
			for (const id of await page.locator('[id^="option-"]').evaluateAll((all) => all.map((e) => e.id.replace("option-", ""))))
				seen.add(id);
		}
		assert.deepEqual(data.map((o) => o.key).filter((k) => !seen.has(k)), []);
		await context.close();
	},
};
