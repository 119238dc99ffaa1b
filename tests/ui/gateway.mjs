// gateway.mjs — the real stack for a test: both programs behind nginx, and a provider that is played
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../..", import.meta.url));
const build = process.env.BUILD_DIR ?? join(top, "build", process.env.MODE || "release");
const bin = process.env.BIN_DIR ?? join(build, "bin");
const fake = process.env.FAKE_UPSTREAM ?? join(build, "tests/fake_upstream");
const first = Number(process.env.TEST_PORT ?? 42100);

const isFree = (port) => new Promise((done) => {
	const server = createServer().once("error", () => done(false));
	server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
});

async function freePort(from) {
	for (let port = from; port < from + 200; port++) {
		if (await isFree(port))
			return port;
	}
	throw new Error(`no free port from ${from}`);
}

export async function eventually(what, isSo, ms = 10_000) {
	for (const end = Date.now() + ms; Date.now() < end; await new Promise((go) => setTimeout(go, 50))) {
		if (await isSo())
			return;
	}
	throw new Error(`still not so: ${what}`);
}

export async function start() {
	const folder = mkdtempSync(join(tmpdir(), "oneapi-ui."));
	const port = await freePort(first), upstream = await freePort(port + 1);
	const token = "a".repeat(32), password = "first-password";
	const provider = spawn(fake, ["--port", String(upstream)], { stdio: "ignore" });
	const run = spawn("bash", [join(top, "conf/run.sh")], {
		stdio: ["ignore", "pipe", "pipe"],
		env: {
			...process.env, PORT: String(port), DATA_DIR: folder, BIN_DIR: bin, GLOBAL_API_RATE_LIMIT: "0", CRITICAL_RATE_LIMIT: "0",
			INITIAL_ROOT_PASSWORD: password, INITIAL_ROOT_ACCESS_TOKEN: token,
		},
	});
	let said = "";
	for (const stream of [run.stdout, run.stderr])
		stream.on("data", (text) => { said += text; });
	const url = `http://127.0.0.1:${port}/`;
	const api = async (method, path, body) => {
		const answer = await fetch(`${url}api/${path}`, {
			method, headers: { Authorization: token, "Content-Type": "application/json" }, body: body && JSON.stringify(body),
		});
		return answer.json();
	};
	await eventually(`the stack answers (${said})`, () => fetch(`${url}api/status`).then((r) => r.ok, () => false), 20_000);
	return {
		url, password, api,
		provider: `http://127.0.0.1:${upstream}`,
		said: () => said,
		stop: async () => {
			run.kill("SIGTERM");
			provider.kill("SIGTERM");
			await new Promise((done) => run.once("exit", done));
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** The same gateway under /some/sub/folder/, as another web server would mount it; holdsBack: as one that
 * gives an answer on only when it has all of it. */
export async function mountBelow(url, folder = "/some/sub/folder/", { holdsBack = false } = {}) {
	const port = await freePort(first + 300);
	const server = createHttpServer((asked, answer) => {
		if (!asked.url.startsWith(folder))
			return answer.writeHead(404).end("not below the folder");
		const to = new URL(asked.url.slice(folder.length - 1), url);
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
	await new Promise((go) => server.listen(port, "127.0.0.1", go));
	return { url: `http://127.0.0.1:${port}${folder}`, stop: () => { server.closeAllConnections(); server.close(); } };
}
