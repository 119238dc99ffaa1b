// audit.mjs — who changed what
import assert from "node:assert/strict";

import { gateway, makeChannel, makeUser, option, signedIn, visit } from "../common.mjs";

export default {
	async "audit: who, what, before and after; narrowed by object; pages; root's alone"() {
		await option("GroupRatio", '{"default":1,"vip":0.5}');
		await option("GroupRatio", '{"default":1,"vip":0.25,"svip":0.1}');
		const made = await makeChannel("audited", { priority: 1 });
		await gateway.api("PUT", "channel/", { id: made.id, priority: 9 });
		const { context, page, faults } = await signedIn({ reducedMotion: "reduce" });
		await visit(page, "overview");
		await page.getByRole("link", { name: "Audit", exact: true }).click();
		await page.getByRole("heading", { name: "Audit" }).waitFor();
		await page.getByLabel("Object").selectOption("option");
		await page.waitForURL(/subject=option/);
		await page.getByRole("row").filter({ hasText: "GroupRatio" }).first().getByRole("button").first().click();
		const sheet = page.getByRole("dialog");
		await sheet.getByRole("row", { name: /vip 0\.5 0\.25/ }).waitFor();
		await sheet.getByRole("row", { name: /svip – 0\.1/ }).waitFor();
		assert.equal(await sheet.getByRole("row", { name: /^default/ }).count(), 0, "what stayed is not told");
		const link = page.url();
		await sheet.getByRole("button", { name: "Only this object" }).click();
		await page.getByText("Object is GroupRatio").waitFor();
		await visit(page, link.replace(/.*#\//, ""));
		await page.getByRole("dialog").getByText("PUT /api/option").waitFor();

		await visit(page, `audit?subject=channel&subject_id=${made.id}`);
		await page.getByRole("cell", { name: "priority: 1 → 9" }).waitFor();
		await page.getByRole("button", { name: `Remove Object is ${made.id}` }).click();
		await page.waitForURL((url) => !/subject_id/.test(url.hash));
		await page.getByLabel("Time range").selectOption("custom");
		await page.getByLabel("To", { exact: true }).fill("2001-01-01T00:00");
		await page.getByText("Nothing matches these filters.").or(page.getByText("Nothing was changed in this range.")).waitFor();
		assert.deepEqual(faults, []);
		await context.close();

		const boss = await makeUser();
		await gateway.api("POST", "user/manage", { username: boss.username, action: "promote" });
		const theirs = await signedIn({}, boss);
		await visit(theirs.page, "audit");
		await theirs.page.getByRole("heading", { name: "You cannot see this page" }).waitFor();
		assert.equal(await theirs.page.getByRole("link", { name: "Audit", exact: true }).count(), 0);
		await theirs.context.close();
		await option("GroupRatio", '{"default":1,"vip":1,"svip":1}');
	},
};
