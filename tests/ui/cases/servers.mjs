// servers.mjs — the pages and both programs behind Apache and lighttpd, as the examples in conf/ put them
import assert from "node:assert/strict";

import { newPage } from "../browser.mjs";
import { browser, gateway, key, root, settled, signInByForm } from "../common.mjs";
import { startServer } from "../web-servers.mjs";

/** Status, a stream that comes in pieces, the files and their headers. */
async function asks(url) {
	assert.equal((await (await fetch(`${url}api/status`)).json()).success, true);
	const told = await (await fetch(`${url}api/user/self`, { headers: { Authorization: "a".repeat(32) } })).json();
	assert.equal(told.data.username, "root", "the Authorization header arrives");
	const answer = await fetch(`${url}v1/chat/completions`, {
		method: "POST", headers: { "Authorization": `Bearer ${key.full}`, "Content-Type": "application/json", "Accept-Encoding": "gzip" },
		body: JSON.stringify({ model: "stream-30-100", stream: true, messages: [{ role: "user", content: "go on" }] }),
	});
	assert.equal(answer.status, 200);
	assert.match(answer.headers.get("content-type"), /^text\/event-stream/);
	const began = Date.now(), at = [];
	let text = "";
	for await (const piece of answer.body) {
		at.push(Date.now() - began);
		text += new TextDecoder().decode(piece);
	}
	assert.match(text, /data: \[DONE\]\s*$/);
	assert.ok(at.length > 10 && at.at(-1) - at[0] > 1500, `in pieces, not at once: ${at}`);
	const page = await fetch(url);
	assert.match(page.headers.get("content-type"), /^text\/html/);
	assert.match(page.headers.get("content-security-policy"), /script-src 'self'/);
	assert.equal(page.headers.get("cache-control"), "no-cache");
	const asset = await fetch(`${url}${/assets\/\w+-[\w-]+\.js/.exec(await page.text())[0]}`);
	assert.match(asset.headers.get("cache-control"), /immutable/);
	assert.match(asset.headers.get("content-type"), /javascript/);
}

/** Old addresses, signing in, a page of each kind: nothing leaves the folder. */
async function looksAt(url) {
	const { context, page, faults } = await newPage(browser, url);
	for (const [path, hash] of [["login", "#/login"], ["register?aff=abcd", "#/register?aff=abcd"], ["dashboard", "#/login?next=overview"], ["user/reset?email=a%40b.c&token=1", "#/user/reset?email=a%40b.c&token=1"]]) {
		await page.goto(`${url}${path}`);
		await page.waitForURL((u) => u.hash === hash);
	}
	await page.goto(`${url}token`);
	await signInByForm(page, root);
	await page.getByRole("heading", { name: "API keys" }).waitFor();
	for (const name of ["Logs", "Channels", "Settings"]) {
		await page.locator("nav.side a.nav", { hasText: name }).click();
		await page.getByRole("heading", { level: 1, name }).waitFor();
		await settled(page);
	}
	assert.ok(page.url().startsWith(`${url}#/`));
	assert.deepEqual(faults, []);
	await context.close();
}

const behind = (name) => async () => {
	const server = await startServer(name, gateway.sockets);
	if (!server)
		return console.log(`# SKIP behind ${name}: it is not installed`);
	try {
		await Promise.all([asks(server.url), asks(server.below)]);
		await looksAt(server.url);
		await looksAt(server.below);
	} finally {
		await server.stop();
	}
};

export default {
	"B1 B2 behind Apache, at the root and in a folder: pages, status, a stream": behind("apache2"),
	"B1 B2 behind lighttpd, at the root and in a folder: pages, status, a stream": behind("lighttpd"),
};
