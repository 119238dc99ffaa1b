// channels.mjs — upstream accounts: lists, editor, changes of many
import assert from "node:assert/strict";

import { callsOf, channel, gateway, makeChannel, plain, signedIn, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";

/** Each provider that asks for more than a name and a key, and some plain ones. What is typed by label; what is
 * sent: config is the whole of it, `other` the column that one-api reads as well; hidden: fields that make no sense
 * here; says: what helps; joined: how a key that lacks its last part is refused. */
const forms = [
	{ name: "OpenAI", type: { Key: "sk-1" }, sent: { type: 1, key: "sk-1", base_url: "" } },
	{ name: "Azure OpenAI", type: { "Key": "k", "Base URL": "https://r.openai.azure.com/" }, required: "Base URL", says: "those of your deployments", sent: { type: 3, key: "k", base_url: "https://r.openai.azure.com", other: "2024-03-01-preview", config: { api_version: "2024-03-01-preview" } } },
	{ name: "Azure OpenAI", type: { "Key": "k", "Base URL": "https://r.openai.azure.com", "API version": "2025-01-01" }, sent: { other: "2025-01-01", config: { api_version: "2025-01-01" } } },
	{ name: "Custom (older)", type: { "Key": "k", "Base URL": "https://old.example.org" }, required: "Base URL", says: "is the better choice", sent: { type: 8, base_url: "https://old.example.org" } },
	{ name: "Anthropic", type: { Key: "not-of-theirs" }, says: "mostly begin with sk-ant-", sent: { type: 14, key: "not-of-theirs" } },
	{ name: "Baidu Qianfan", type: { "API Key": "a", "Secret Key": "b" }, joined: "API Key|Secret Key", sent: { type: 15, key: "a|b" } },
	{ name: "Baidu Qianfan v2", type: { Key: "bce-v3" }, sent: { type: 47, key: "bce-v3" } },
	{ name: "Zhipu GLM", type: { Key: "id.secret" }, sent: { type: 16, key: "id.secret" } },
	{ name: "Qwen (DashScope)", type: { Key: "sk-q", Plugin: "pdf" }, sent: { type: 17, key: "sk-q", other: "pdf", config: { plugin: "pdf" } } },
	{ name: "Qwen (DashScope)", type: { Key: "sk-q" }, sent: { type: 17, other: "" } },
	{ name: "Qwen (Bailian)", type: { Key: "sk-q" }, hidden: ["Plugin"], sent: { type: 49, key: "sk-q" } },
	{ name: "Spark", type: { APPID: "1", APISecret: "2", APIKey: "3" }, joined: "APPID|APISecret|APIKey", sent: { type: 18, key: "1|2|3", other: "v3.1", config: { api_version: "v3.1" } } },
	{ name: "Spark v2", type: { Key: "pass:word" }, hidden: ["APPID", "API version"], sent: { type: 48, key: "pass:word" } },
	{ name: "AI Proxy library", type: { Key: "k", "Library id": "lib-7" }, required: "Library id", sent: { type: 21, other: "lib-7", config: { library_id: "lib-7" } } },
	{ name: "FastGPT", type: { APIKey: "fast", AppId: "app", "Base URL": "https://fast.example.org/api" }, sent: { type: 22, key: "fast-app", base_url: "https://fast.example.org/api" } },
	{ name: "Tencent Hunyuan", type: { AppId: "1", SecretId: "2", SecretKey: "3" }, joined: "AppId|SecretId|SecretKey", sent: { type: 23, key: "1|2|3" } },
	{ name: "Google Gemini", type: { Key: "g", "API version": "v1beta" }, sent: { type: 24, key: "g", other: "v1beta", config: { api_version: "v1beta" } } },
	{ name: "Gemini (OpenAI form)", type: { Key: "g" }, hidden: ["API version"], sent: { type: 51, key: "g" } },
	{ name: "Ollama", type: { "Key": "any", "Base URL": "http://10.0.0.5:11434/" }, says: "Any text will do", sent: { type: 30, key: "any", base_url: "http://10.0.0.5:11434" } },
	{ name: "AWS Bedrock", type: { "Access key": "A", "Secret key": "S", "Region": "eu-west-1" }, hidden: ["Key", "Base URL", "Several keys at once"], required: "Access key", sent: { type: 33, base_url: "", key: "A|S|eu-west-1", config: { ak: "A", sk: "S", region: "eu-west-1" } } },
	{ name: "Coze", type: { Key: "c", "Account or user id": "u7" }, required: "Account or user id", sent: { type: 34, config: { user_id: "u7" } } },
	{ name: "Cloudflare", type: { Key: "c", "Account or user id": "acc" }, required: "Account or user id", sent: { type: 37, config: { user_id: "acc" } } },
	{ name: "Doubao (Volcengine)", type: { Key: "ark" }, sent: { type: 40, key: "ark" } },
	{ name: "Vertex AI", type: { "Service account (JSON)": '{"project_id":"p1"}', "Region": "us-east1" }, hidden: ["Key", "Base URL"], required: "Service account (JSON)", sent: { type: 42, base_url: "", key: 'us-east1|p1|{"project_id":"p1"}', config: { region: "us-east1", vertex_ai_project_id: "p1", vertex_ai_adc: '{"project_id":"p1"}' } } },
	{ name: "Proxy", type: { "Key": "p", "Base URL": "https://p.example.org" }, hidden: ["Models"], required: "Base URL", sent: { type: 43, models: "" } },
	{ name: "OpenAI-compatible", type: { "Key": "c", "Base URL": "https://c.example.org/v1/" }, required: "Base URL", says: "As an SDK expects it, with /v1", sent: { type: 50, base_url: "https://c.example.org/v1" } },
];

const labelled = (where, label) => where.getByLabel(new RegExp(`^${label.replace(/[()]/g, "\\$&")}( \\(optional\\))?$`));

export default {
	async "B10 channels: create for a provider with a key of three parts, change a priority, undo, delete"() {
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

	async "B11 channels: an edit leaves the stored key alone, several keys make several channels"() {
		const { context, page } = await signedIn();
		await visit(page, "channels/new");
		await page.getByRole("radio", { name: "OpenAI-compatible" }).click();
		await page.getByLabel("Name", { exact: true }).fill("twins");
		await page.getByLabel("Several keys at once").check();
		await page.getByLabel("Keys, one per line").fill("sk-1\nsk-2\n\nsk-1");
		await page.getByText("2 keys found").waitFor();
		await page.getByLabel("Base URL").fill(channel.base_url);
		await page.getByRole("dialog").getByLabel("Models").fill("gpt-4o,");
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

	async "B10 channels: what the editor sends for each kind of provider"() {
		const { context, page } = await signedIn();
		let sent = null;
		await page.route("**/api/channel/", (r) => {
			if (r.request().method() !== "POST")
				return r.continue();
			sent = r.request().postDataJSON();
			return r.fulfill({ json: { success: false, message: "only looked at" } });
		});
		const dialog = page.getByRole("dialog");
		await visit(page, "channels");
		for (const { name, type, sent: want, hidden = [], required, says, joined } of forms) {
			sent = null;
			await page.evaluate(() => { location.hash = "#/channels"; });
			await dialog.waitFor({ state: "detached" });
			await page.evaluate(() => { location.hash = "#/channels/new"; });
			await page.getByPlaceholder("Search providers").fill(name);
			await page.getByRole("radio", { name, exact: true }).first().click();
			for (const label of hidden)
				assert.equal(await labelled(dialog, label).count(), 0, `${name} has no ${label}`);
			const fields = Object.entries(type);
			const last = required ?? (joined && fields.at(-1)[0]); // without it nothing is sent
			for (const [label, value] of fields) {
				if (label !== last)
					await labelled(dialog, label).fill(value);
			}
			if (want.models === undefined)
				await dialog.getByLabel("Models").first().fill("m-1,");
			const save = page.getByRole("button", { name: "Save", exact: true });
			if (last) {
				await save.click();
				await dialog.getByText(joined ? `A key of this provider has the form ${joined}` : "Please fill this in").first().waitFor();
				assert.equal(sent, null, `${name} needs ${last}`);
				await labelled(dialog, last).fill(type[last]);
			}
			if (says)
				await dialog.getByText(says).waitFor();
			await save.click();
			await page.getByText("only looked at").waitFor();
			const config = sent.config ? JSON.parse(sent.config) : {};
			assert.deepEqual({ ...Object.fromEntries(Object.keys(want).map((k) => [k, sent[k]])), config }, { config: {}, ...want }, name);
			assert.deepEqual([sent.group, sent.priority, sent.weight], ["default", 0, 1], name);
		}
		await context.close();
	},

	async "B7 channels: pages, search, filter and order, with what the server can and without"() {
		for (let i = 0; i < 12; i++)
			await gateway.api("POST", "channel/", { ...channel, name: `many-${i}`, priority: 100 + i, models: i < 3 ? "rare" : "gpt-4o", status: 1 });
		const { context, page, faults } = await signedIn();
		await visit(page, "channels");
		await page.getByText(/^1–\d+ of \d+$/).waitFor();
		await page.getByRole("button", { name: "Priority" }).click();
		await page.getByRole("row").nth(1).getByText("many-11").waitFor();
		await page.getByRole("button", { name: "Priority" }).click();
		await page.waitForURL(/order=-priority/);
		await visit(page, "channels?model=rare");
		await page.getByText("1–3 of 3").waitFor();
		await page.getByPlaceholder("Search name, id…").fill("many-1");
		await page.waitForURL(/q=many-1/);
		await eventually("the filter holds for what was found, too", async () => await page.getByRole("button", { name: /^many-/ }).count() === 1);
		await plain(page);
		await visit(page, "channels");
		await page.getByText(/^(Page 1|1–10 of \d+)$/).waitFor();
		assert.equal(await page.getByRole("button", { name: /#\d+$/ }).count(), 10);
		assert.equal(await page.getByRole("combobox").count(), 0, "no filter that the server does not know");
		assert.equal(await page.getByRole("columnheader").getByRole("button").count(), 0, "no order of one page alone");
		await page.getByRole("button", { name: "Next" }).click();
		await page.waitForURL(/p=2/);
		assert.deepEqual(faults, []);
		await context.close();
		const { data } = await gateway.api("GET", "channel/?page_size=100");
		await gateway.api("POST", "channel/batch", { ids: data.filter((c) => c.name.startsWith("many-")).map((c) => c.id), action: "delete" });
	},

	async "B9 channels: a change of many is foretold, and sent in one call or one by one"() {
		const rows = [await makeChannel("bulk-a", { priority: 7 }), await makeChannel("bulk-b"), await makeChannel("bulk-c")];
		for (const whole of [true, false]) {
			const { context, page, faults } = await signedIn();
			if (!whole)
				await plain(page);
			await visit(page, "channels?q=bulk-");
			await page.getByLabel("Select this page").check();
			await page.getByRole("button", { name: "Edit…" }).click();
			const dialog = page.getByRole("dialog");
			await dialog.getByLabel("Change").selectOption("priority");
			await dialog.getByLabel("Value").fill(whole ? "7" : "9");
			await dialog.getByText(whole ? "Will change 2 of 3." : "Will change 3 of 3.").waitFor();
			const calls = await callsOf(page, async () => {
				await dialog.getByRole("button", { name: "Apply" }).click();
				await eventually("all have it", async () => (await gateway.api("GET", "channel/search?keyword=bulk-")).data.every((c) => c.priority === (whole ? 7 : 9)));
			});
			assert.equal(calls.filter((c) => c === "channel/batch").length, whole ? 1 : 0);
			assert.deepEqual(faults, []);
			await context.close();
		}
		await gateway.api("POST", "channel/batch", { ids: rows.map((c) => c.id), action: "delete" });
	},

	async "B12 channels: every model is tested, those that work are kept"() {
		const row = await makeChannel("mixed", { models: "gpt-4o,error-401" });
		const { context, page, faults } = await signedIn();
		await visit(page, "channels?q=mixed");
		await page.getByRole("button", { name: "More for mixed" }).click();
		await page.getByRole("menuitem", { name: "Test its models…" }).click();
		await page.getByRole("button", { name: "Test 2 models" }).click();
		await page.getByRole("button", { name: "Keep only the working ones" }).click();
		await page.getByRole("button", { name: "Remove 1 model" }).click();
		await eventually("one model is left", async () => (await gateway.api("GET", `channel/${row.id}`)).data.models === "gpt-4o");
		assert.deepEqual(faults, []);
		await context.close();
		await gateway.api("DELETE", `channel/${row.id}`);
	},

	async "channels: pasted lines become channels; a view is kept under a name"() {
		const { context, page, faults } = await signedIn();
		await visit(page, "channels");
		await page.getByRole("button", { name: "Import…" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel("Lines").fill("pasted-a | sk-a\npasted-b | sk-b");
		await dialog.getByLabel("Models").first().fill("gpt-4o,");
		await dialog.getByText("2 channels found").waitFor();
		await dialog.getByRole("button", { name: "Import 2 channels" }).click();
		const made = async () => (await gateway.api("GET", "channel/search?keyword=pasted-")).data;
		await eventually("both are there", async () => (await made()).length === 2);
		await visit(page, "channels?status=1&q=pasted");
		await page.getByRole("button", { name: "Views" }).click();
		await page.getByRole("menuitem", { name: "Keep this view…" }).click();
		await page.getByRole("dialog").getByLabel("Name").fill("the pasted");
		await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
		await visit(page, "channels");
		await page.getByRole("button", { name: "Views" }).click();
		await page.getByRole("menuitemcheckbox", { name: "the pasted" }).click();
		await page.waitForURL(/q=pasted/);
		assert.deepEqual(faults, []);
		await context.close();
		await gateway.api("POST", "channel/batch", { ids: (await made()).map((c) => c.id), action: "delete" });
	},

	async "channels: of several keys a parked one is told and used again; other settings survive an edit"() {
		const row = await makeChannel("two-keys", { key: "sk-one1\nsk-two2", multi_key: true });
		await gateway.api("PUT", "channel/", { id: row.id, config: '{"key_mode":"random","strict_params":true}' });
		const { context, page, faults } = await signedIn();
		const parked = { hash: "a".repeat(32), tail: "two2", parked_at: 1700000000, cause: "401 invalid api key" };
		await page.route("**/keys", (r) => r.fulfill({ json: { success: true, message: "", data: [{ hash: "b", tail: "one1", parked_at: 0, cause: "" }, parked] } }));
		await visit(page, `channels/${row.id}`);
		await page.getByText("Stored keys").click();
		await page.getByText("401 invalid api key").waitFor();
		const [sent] = await Promise.all([page.waitForRequest(/unpark/), page.getByRole("button", { name: "Use again" }).click()]);
		assert.deepEqual(sent.postDataJSON(), { hash: parked.hash });
		await page.getByLabel("Name", { exact: true }).fill("two-keys-2");
		await page.getByRole("button", { name: "Save", exact: true }).click();
		await eventually("it is saved", async () => (await gateway.api("GET", `channel/${row.id}`)).data.name === "two-keys-2");
		const { strict_params, key_mode } = JSON.parse((await gateway.api("GET", `channel/${row.id}`)).data.config);
		assert.deepEqual([strict_params, key_mode], [true, "random"]);
		assert.deepEqual(faults, []);
		await context.close();
		await gateway.api("DELETE", `channel/${row.id}`);
	},

	async "B31 a list makes the same few calls however many rows there are"() {
		const { context, page } = await signedIn();
		const counts = [];
		for (const rows of [1, 20, 100]) {
			await page.route("**/api/channel/?*", (r) => r.fulfill({ json: { success: true, message: "", total: rows * 1000, data: Array.from({ length: rows }, (_, i) => ({ ...channel, id: i + 1, status: 1, balance: 0, used_quota: 0, created_time: 1, test_time: 0, response_time: 0, balance_updated_time: 0, config: "", model_mapping: "" })) } }));
			counts.push((await callsOf(page, () => visit(page, "channels"))).length);
		}
		assert.ok(counts.every((n) => n === counts[0]) && counts[0] <= 6, `calls: ${counts}`);
		await context.close();
	},
};
