/* Shows what api/status says. Every URL is relative to the page, so that the page works in any
 * folder; every text from the server is put in as text, never as HTML. */
"use strict";

const texts = {
	zh: {
		asking: "正在查询网关 …",
		up: "运行中",
		down: "网关没有应答",
		status: "状态",
		version: "版本",
		since: "启动时间",
		base: "API 地址",
		first: "第一个请求",
		hint: "把 sk-YOUR-KEY 换成你的密钥，并选择密钥可用的模型。",
		copy: "复制",
		copied: "已复制",
	},
	en: {
		up: "The gateway is running",
		down: "The gateway does not answer",
		copy: "Copy",
		copied: "Copied",
	},
};

const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const byId = (id) => document.getElementById(id);
const text = (name) => texts[language][name];

function translate() {
	document.documentElement.lang = language;
	for (const node of document.querySelectorAll("[data-t]")) {
		if (text(node.dataset.t))
			node.textContent = text(node.dataset.t);
	}
}

async function get(path) {
	const reply = await fetch(path, {
		headers: { Accept: "application/json" },
		signal: AbortSignal.timeout(10000),
	});
	const body = await reply.json();

	if (!reply.ok || !body.success)
		throw new Error(body.message || `status ${reply.status}`);
	return body.data;
}

function showState(name, style) {
	byId("state").textContent = text(name);
	byId("state").className = `state ${style}`;
}

function showStatus(status) {
	if (status.system_name) {
		byId("name").textContent = status.system_name;
		document.title = status.system_name;
	}
	byId("version").textContent = status.version;
	byId("since").textContent = new Date(status.start_time * 1000).toLocaleString();
	showState("up", "good");
}

function showRequest() {
	const base = new URL("v1", document.baseURI).href;

	byId("base").textContent = base;
	byId("curl").textContent = [
		`curl ${base}/chat/completions \\`,
		`  -H "Authorization: Bearer sk-YOUR-KEY" \\`,
		`  -H "Content-Type: application/json" \\`,
		`  -d '{"model": "gpt-4o-mini",`,
		`       "messages": [{"role": "user", "content": "Hello"}]}'`,
	].join("\n");
}

function offerCopy() {
	const button = byId("copy");

	if (!navigator.clipboard) {
		button.hidden = true;
		return;
	}
	button.addEventListener("click", async () => {
		await navigator.clipboard.writeText(byId("curl").textContent);
		button.textContent = text("copied");
		setTimeout(() => { button.textContent = text("copy"); }, 1500);
	});
}

async function showNotice() {
	const notice = await get("api/notice");

	byId("notice").textContent = notice;
	byId("notice").hidden = notice === "";
}

async function start() {
	translate();
	showRequest();
	offerCopy();
	try {
		showStatus(await get("api/status"));
	} catch (error) {
		showState("down", "bad");
		console.error(error);
		return;
	}
	showNotice().catch(console.error);
}

start();
