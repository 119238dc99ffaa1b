// gateway.mjs — the real stack for a test: both programs behind nginx, and a provider that is played
//
// Each gateway is reached at the root, by the nginx of conf/run.sh, and in a folder, by one that is told
// what the end of conf/nginx/site.conf recommends; place.folder says which of the two its `url` is.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const top = fileURLToPath(new URL("../..", import.meta.url));
const build = process.env.BUILD_DIR ?? join(top, "build", process.env.MODE || "release");
const bin = process.env.BIN_DIR ?? join(build, "bin");
const fake = process.env.FAKE_UPSTREAM ?? join(build, "tests/fake_upstream");

/** Where the tests ask: at the root, or in this folder; "" is the root. */
export const place = { folder: "" };
const subFolder = "/some/sub/folder/";
export const inFolder = (on) => { place.folder = on ? subFolder : ""; };

const given = new Set();

/** One that nobody has, of the system's choice; each is given once. */
export async function freePort() {
	for (;;) {
		const port = await new Promise((done, failed) => {
			const server = createServer().once("error", failed);
			server.listen(0, "127.0.0.1", () => {
				const { port } = server.address();
				server.close(() => done(port));
			});
		});
		if (given.has(port))
			continue;
		given.add(port);
		return port;
	}
}

/** Waits for it; a minute, since a machine may be slow. */
export async function eventually(what, isSo, ms = 60_000) {
	for (const end = Date.now() + ms; Date.now() < end; await new Promise((go) => setTimeout(go, 50))) {
		if (await isSo())
			return;
	}
	throw new Error(`still not so: ${what}`);
}

/** nginx once more, in front of the same programs, with the locations that site.conf has for a folder. */
function startBelow(port, folder, sockets) {
	const conf = join(top, "conf/nginx");
	const example = /^# The same in a folder[^]*/m.exec(readFileSync(join(conf, "site.conf"), "utf8"))[0];
	const locations = example.split("\n").filter((line) => line.startsWith("#\t")).map((line) => line.slice(1)).join("\n")
		.replaceAll("/usr/local/share/oneapi/web/", join(top, "web/dist/")).replaceAll("/llm", subFolder.slice(0, -1))
		.replace(/oneapi-(\w+\.conf)/g, join(conf, "$1"));
	const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((x) => `${x}_temp_path ${folder}/below-${x};`).join("\n");
	const upstreams = ["relay", "admin"].map((x) => `upstream oneapi_${x} { server unix:${sockets}/${x}.sock; }`).join("\n");
	writeFileSync(join(folder, "below.conf"), `daemon off;
${process.getuid() === 0 ? "user root;" : ""}
error_log ${folder}/below.log warn;
pid ${folder}/below.pid;
events { worker_connections 256; }
http {
include /etc/nginx/mime.types;
access_log off;
${temporary}
${upstreams}
server {
listen 127.0.0.1:${port};
${locations}
}
}
`);
	return spawn("nginx", ["-e", join(folder, "below.log"), "-c", join(folder, "below.conf")], {
		stdio: "ignore", env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin:/usr/local/sbin` },
	});
}

const running = new Set();
/** Also those that a failed test left. */
export const stopAll = () => Promise.all([...running].map((stop) => stop()));

export async function start() {
	const folder = mkdtempSync(join(tmpdir(), "oneapi-ui."));
	const port = await freePort(), upstream = await freePort(), portBelow = await freePort();
	const token = "a".repeat(32), password = "first-password", sockets = join(folder, "run");
	const provider = spawn(fake, ["--port", String(upstream)], { stdio: "ignore" });
	const run = spawn("bash", [join(top, "conf/run.sh")], {
		stdio: ["ignore", "pipe", "pipe"],
		env: {
			...process.env, PORT: String(port), DATA_DIR: folder, BIN_DIR: bin, GLOBAL_API_RATE_LIMIT: "0", TRUSTED_PROXIES: "127.0.0.1", RUN_DIR_LINK: sockets,
			INITIAL_ROOT_PASSWORD: password, INITIAL_ROOT_ACCESS_TOKEN: token,
		},
	});
	let said = "";
	for (const stream of [run.stdout, run.stderr])
		stream.on("data", (text) => { said += text; });
	const atRoot = `http://127.0.0.1:${port}/`;
	const api = async (method, path, body) => {
		const answer = await fetch(`${atRoot}api/${path}`, {
			method, headers: { Authorization: token, "Content-Type": "application/json" }, body: body && JSON.stringify(body),
		});
		return answer.json();
	};
	await eventually(`the stack answers (${said})`, () => fetch(`${atRoot}api/status`).then((r) => r.ok, () => false), 120_000);
	running.add(stop);
	const below = startBelow(portBelow, folder, realpathSync(sockets));
	await eventually("it answers in a folder, too", () => fetch(`http://127.0.0.1:${portBelow}${subFolder}api/status`).then((r) => r.ok, () => false));
	return {
		get url() { return place.folder ? `http://127.0.0.1:${portBelow}${place.folder}` : atRoot; },
		password, api,
		get sockets() { return realpathSync(sockets); },
		provider: `http://127.0.0.1:${upstream}`,
		said: () => said,
		stop,
	};
	async function stop() {
		if (running.delete(stop)) {
			below.kill("SIGTERM");
			run.kill("SIGTERM");
			provider.kill("SIGTERM");
			await new Promise((done) => run.once("exit", done));
			rmSync(folder, { recursive: true, force: true });
		}
	}
}

/** The same gateway behind another web server, in a folder; holdsBack: one that gives an answer on only
 * when it has all of it. */
export async function mountBelow(url, folder, { holdsBack = false } = {}) {
	const server = createHttpServer((asked, answer) => {
		if (!asked.url.startsWith(folder))
			return answer.writeHead(404).end("not below the folder");
		const to = new URL(`./${asked.url.slice(folder.length)}`, url);
		const passed = request(to, { method: asked.method, headers: asked.headers }, (got) => {
			answer.writeHead(got.statusCode, got.headers);
			if (!holdsBack)
				return got.pipe(answer);
			const pieces = [];
			got.on("data", (piece) => pieces.push(piece));
			got.on("end", () => answer.end(Buffer.concat(pieces)));
		});
		passed.on("error", () => answer.destroy());
		asked.pipe(passed);
	});
	await new Promise((go) => server.listen(0, "127.0.0.1", go));
	return { url: `http://127.0.0.1:${server.address().port}${folder}`, stop: () => { server.closeAllConnections(); server.close(); } };
}
