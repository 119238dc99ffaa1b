// common.mjs — what the cases share: one gateway that is set up, one browser, people who are signed in
import assert from "node:assert/strict";

import { newPage, open } from "./browser.mjs";
import { eventually, start } from "./gateway.mjs";

export const gateway = await start();
export const browser = await open();
export const root = { username: "root", password: gateway.password };
export const channel = {
	type: 50, name: "made-up", key: "sk-up", base_url: `${gateway.provider}/v1`, group: "default",
	models: "gpt-4o,gpt-4o-mini,stream-400-50,stream-30-100,error-401", priority: 3, weight: 1,
};

/** Makes a channel of that name and gives its row. */
export async function makeChannel(name, more = {}) {
	await gateway.api("POST", "channel/", { ...channel, name, ...more });
	const { data } = await gateway.api("GET", `channel/search?keyword=${encodeURIComponent(name)}`);
	return data.filter((c) => c.name === name).sort((a, b) => b.id - a.id)[0];
}

export async function makeKey(name, more = {}) {
	const { data } = await gateway.api("POST", "token/", { name, unlimited_quota: true, expired_time: -1, ...more });
	return { ...data, full: `sk-${data.key.replace(/^sk-/, "")}` };
}

let people = 0;
/** A new customer with five dollars, so that no case depends on another. */
export async function makeUser(more = {}) {
	const user = { username: `user${++people}`, password: "their-password", ...more };
	await gateway.api("POST", "user/", { ...user, display_name: user.username });
	const { data } = await gateway.api("GET", `user/search?keyword=${user.username}`);
	await gateway.api("POST", "topup", { user_id: data[0].id, quota: 2_500_000, remark: "" });
	return { ...user, id: data[0].id };
}

export const ask = (key, body = {}, more = {}) => fetch(`${gateway.url}v1/chat/completions`, {
	method: "POST", headers: { "Authorization": `Bearer ${key}`, "Content-Type": "application/json", ...more },
	body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }], ...body }),
});

export const option = (key, value) => gateway.api("PUT", "option/", { key, value });

/** One channel that answers, no price needed. Every case may count on it. */
await option("UnpricedModel", "free");
export const served = await makeChannel("made-up");
export const key = await makeKey("everyday");
await eventually("the relay serves the first channel", async () => (await ask(key.full)).status === 200);

const cookies = {}; // of each user: one sign-in serves all cases

export async function signedIn(options = {}, user = root) {
	const opened = await newPage(browser, gateway.url, options);
	if (!cookies[user.username]) {
		const answer = await opened.context.request.post(`${gateway.url}api/user/login`, { data: user });
		assert.equal((await answer.json()).success, true, "signing in by the API");
		cookies[user.username] = await opened.context.cookies();
	}
	await opened.context.addCookies(cookies[user.username]);
	return opened;
}

/** By the form that is on screen. */
export async function signInByForm(page, user) {
	await page.getByLabel("User name or e-mail").fill(user.username);
	await page.getByLabel("Password", { exact: true }).fill(user.password);
	await page.getByRole("button", { name: "Sign in" }).click();
}

/** The last step of the set-up: pressed again until the relay has taken up the channel. */
export const runHere = (page, press = (button) => button.click()) => eventually("the relay has taken up the channel", async () => {
	await press(page.getByRole("button", { name: "Run it here", exact: true }));
	return page.getByText("You are ready.").waitFor({ timeout: 2000 }).then(() => true, () => false);
});

/** Goes to a page and waits for its heading and its data. */
export async function visit(page, hash, url = gateway.url) {
	await page.goto("about:blank");
	await page.goto(`${url}#/${hash}`);
	await page.locator("h1").first().waitFor();
	await settled(page);
}

/** Nothing says any more that it is busy. */
export async function settled(page) {
	await page.waitForFunction(() => !document.querySelector("[aria-busy=true], .late"));
}

/** The server as plain one-api announces itself: without any capability. */
export const plain = (page) => page.route("**/api/status", async (r) => {
	const answer = await r.fetch();
	const body = await answer.json();
	delete body.data.capabilities;
	await r.fulfill({ response: answer, json: body });
});

/** Waits until the page has asked for nothing for a second; one that never rests is given half a minute. */
async function quiet(page) {
	const begun = Date.now();
	let last = begun;
	const note = () => { last = Date.now(); };
	page.on("request", note);
	while (Date.now() - last < 1000 && Date.now() - begun < 30_000)
		await page.waitForTimeout(100);
	page.off("request", note);
}

/** Which calls of /api run() makes. What the page before it still asks for on a busy machine is waited for. */
export async function callsOf(page, run) {
	const calls = [];
	const note = (r) => { if (/\/api\//.test(r.url())) calls.push(r.url().replace(/.*\/api\//, "")); };
	await quiet(page);
	page.on("request", note);
	await run();
	await quiet(page);
	page.off("request", note);
	return calls;
}
