// modes.mjs — the playground beside chatting: vectors, pictures, speech, raw requests; what is kept
import assert from "node:assert/strict";

import { axe, wear } from "../browser.mjs";
import { ask, gateway, key, makeChannel, makeUser, settled, signedIn, visit } from "../common.mjs";
import { eventually } from "../gateway.mjs";

const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const wav = Buffer.from("UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=", "base64");

/** Both looks, for what the other tests never open. */
async function looksFine(page) {
	const found = [];
	for (const mode of ["light", "dark"]) {
		await wear(page, { mode });
		found.push(...(await axe(page)).map((x) => `${mode}: ${x}`));
	}
	assert.deepEqual([...new Set(found)], []);
}

export default {
	async "B16 playground: a key that may not use the chosen model has another"() {
		await gateway.api("POST", "token/", { name: "mini-only", unlimited_quota: true, expired_time: -1, models: "gpt-4o-mini" });
		const { context, page, faults } = await signedIn();
		await visit(page, "playground");
		await page.getByLabel("Key", { exact: true }).selectOption({ label: "everyday" });
		await page.getByLabel("Model", { exact: true }).selectOption("gpt-4o");
		await page.getByLabel("Key", { exact: true }).selectOption({ label: "mini-only" });
		assert.equal(await page.getByLabel("Model", { exact: true }).inputValue(), "gpt-4o-mini");
		await page.getByLabel("Message").fill("Hello");
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByText(/first .* total/).waitFor();
		assert.deepEqual(faults, []);
		await context.close();
		const { data } = await gateway.api("GET", "token/search?keyword=mini-only");
		await gateway.api("DELETE", `token/${data[0].id}`);
	},

	async "B16 playground: vectors, a picture, speech both ways, any request; an error is told"() {
		await makeChannel("media", { models: "text-embedding-3-small,dall-e-3,tts-1,whisper-1" });
		await eventually("the relay serves it", async () => (await fetch(`${gateway.url}v1/embeddings`, {
			method: "POST", headers: { Authorization: `Bearer ${key.full}`, "Content-Type": "application/json" }, body: JSON.stringify({ model: "text-embedding-3-small", input: "x" }),
		})).status === 200);
		const { context, page, faults } = await signedIn({ acceptDownloads: true, reducedMotion: "reduce" });
		await visit(page, "playground?mode=embeddings");
		await page.getByLabel("Texts").fill("a cat\na dog");
		const [sent] = await Promise.all([page.waitForRequest(/v1\/embeddings/), page.getByLabel("Texts").press("Control+Enter")]);
		assert.deepEqual(sent.postDataJSON(), { model: "text-embedding-3-small", input: ["a cat", "a dog"], encoding_format: "float" });
		await page.getByText(/2 vectors/).waitFor();
		await page.getByRole("cell", { name: "2. a dog" }).waitFor();
		await looksFine(page);

		await page.getByRole("button", { name: "Image", exact: true }).click();
		assert.equal(await page.getByLabel("Model", { exact: true }).inputValue(), "dall-e-3", "the likely model is chosen");
		await page.getByLabel("What to draw").fill("a lighthouse");
		await page.getByRole("button", { name: "Draw" }).click();
		await page.getByRole("img", { name: "a lighthouse" }).waitFor({ state: "attached" });
		await page.getByRole("button", { name: "Get code" }).click();
		await page.getByRole("dialog").getByText(/"prompt":"a lighthouse"/).waitFor();
		await page.keyboard.press("Escape");

		await page.getByRole("button", { name: "Speech", exact: true }).click();
		await page.getByLabel("What to say").fill("Good morning");
		await page.getByRole("button", { name: "Speak", exact: true }).click();
		await page.locator("audio").waitFor({ state: "attached" });
		const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
		assert.equal(file.suggestedFilename(), "speech.mp3");
		await page.getByRole("button", { name: "Speech to text" }).click();
		await page.getByLabel("Recording").setInputFiles({ name: "said.wav", mimeType: "audio/wav", buffer: wav });
		await page.getByRole("button", { name: "Write it down" }).click();
		await page.getByText("fake transcript").waitFor();
		await looksFine(page);

		await page.getByRole("button", { name: "Raw", exact: true }).click();
		await page.getByLabel("Address").fill("embeddings");
		assert.match(await page.getByLabel("Body").inputValue(), /"model": "text-embedding-3-small"/);
		await page.getByLabel("Body").fill('{"model": 7');
		assert.equal(await page.getByRole("button", { name: "Send" }).isDisabled(), true, "no JSON, no sending");
		await page.getByLabel("Body").fill('{"model": "nobody-has-it", "input": "x"}');
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByText(/HTTP (404|503)/).waitFor();
		await page.getByText("Headers", { exact: true }).click();
		await page.getByText(/content-type: application\/json/).waitFor();
		await page.getByLabel("Address").fill("models");
		await page.getByLabel("Method").selectOption("GET");
		await page.getByRole("button", { name: "Send" }).click();
		await page.getByText("HTTP 200").waitFor();
		await looksFine(page);
		assert.deepEqual(faults, []);
		await context.close();
	},

	async "B16 playground: pictures go with a message; the talk is kept for who asks, until signing out"() {
		const user = await makeUser();
		const { context, page, faults } = await signedIn({}, user);
		const made = await page.request.post(`${gateway.url}api/token/`, { data: { name: "talk", unlimited_quota: true, expired_time: -1 } });
		const { data } = await made.json();
		await eventually("the key works", async () => (await ask(`sk-${data.key.replace(/^sk-/, "")}`)).status === 200);
		await visit(page, "playground?model=gpt-4o");
		await page.getByText("Picture", { exact: true }).locator("input").setInputFiles([{ name: "dot.png", mimeType: "image/png", buffer: png }, { name: "x.svg", mimeType: "image/svg+xml", buffer: Buffer.from("<svg/>") }]);
		await page.getByText("x.svg is no PNG, JPEG, WebP or GIF").waitFor();
		await page.getByLabel("Message").fill("What is this?");
		const [sent] = await Promise.all([page.waitForRequest(/chat\/completions/), page.getByRole("button", { name: "Send" }).click()]);
		const [message] = sent.postDataJSON().messages;
		assert.deepEqual(message.content.map((c) => c.type), ["text", "image_url"]);
		assert.equal(message.content[1].image_url.url, `data:image/png;base64,${png.toString("base64")}`);
		await page.getByText(/total \d/).waitFor();
		const stored = () => page.evaluate(() => localStorage.getItem("gateway.talk"));
		assert.equal(await stored(), null, "nothing is kept unasked");
		await page.getByLabel("Keep on this device").check();
		await eventually("it is kept", async () => /What is this/.test(await stored() ?? ""));
		assert.doesNotMatch(await stored(), /data:image/, "without pictures");
		await page.reload();
		await settled(page);
		await page.getByText("What is this?").waitFor();
		await page.getByText("1 picture was not kept.").waitFor();
		await page.getByLabel("Keep on this device").uncheck();
		assert.equal(await stored(), null, "gone when it is no longer wanted");
		await page.getByLabel("Keep on this device").check();
		await page.getByRole("button", { name: user.username }).click();
		await page.getByRole("menuitem", { name: "Sign out" }).click();
		await page.getByLabel("User name or e-mail").waitFor();
		assert.equal(await stored(), null, "gone with the session");
		assert.deepEqual(faults, []);
		await context.close();
	},
};
