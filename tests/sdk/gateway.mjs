// gateway.mjs — the real stack for the SDK test: fake_upstream, nginx and both programs
//
//	const gateway = await start({ MODEL: "script of fake_upstream" });
//	await gateway.api("POST", "/api/channel/", { … });
//	await gateway.stop();
//
// A second argument of start holds settings of the programs (conf/oneapi.env.example).
// Everything lives in a temporary folder and on free ports of 127.0.0.1. MODE names the build, as
// in the Makefile; BIN_DIR, another folder of programs with tests/ beside it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const root = resolve(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), "../..");
const bin = resolve(process.env.BIN_DIR ?? join(root, "build", process.env.MODE || "release", "bin"));
const rootAccess = "access-token-of-root-for-tests";

export const rootKey = "sk-key-of-root-for-the-sdk-tests";

async function freePort() {
	const server = createServer().listen(0, "127.0.0.1");

	await once(server, "listening");
	const { port } = server.address();
	server.close();
	await once(server, "close");
	return port;
}

// Polls until get() gives something truthy, and returns that.
export async function eventually(what, get, limit_ms = 60000) {
	const until = Date.now() + limit_ms;

	for (;;) {
		const value = await get();

		if (value)
			return value;
		if (Date.now() > until)
			throw new Error(`${what}: not within ${limit_ms} ms`);
		await sleep(50);
	}
}

async function startUpstream(scripts) {
	const child = spawn(join(bin, "../tests/fake_upstream"), ["--scripts", scripts],
		{ stdio: ["ignore", "pipe", "inherit"] });

	for await (const line of createInterface({ input: child.stdout }))
		return { child, url: `http://127.0.0.1:${line.replace("listening ", "")}` };
	throw new Error("fake_upstream did not start");
}

// In a folder and an environment of its own: settings of an installation are not for a test.
async function startGateway(dir, port, settings) {
	const log = await open(join(dir, "log"), "w");
	const env = {
		PATH: process.env.PATH,
		TMPDIR: tmpdir(),
		BIN_DIR: bin,
		PORT: String(port),
		DATA_DIR: join(dir, "data"),
		INITIAL_ROOT_TOKEN: rootKey,
		INITIAL_ROOT_ACCESS_TOKEN: rootAccess,
		CATALOG_POLL_MS: "50",
		GLOBAL_API_RATE_LIMIT: "0",
		...settings,
	};
	const child = spawn("bash", [join(root, "conf/run.sh")],
		{ cwd: dir, env, stdio: ["ignore", log.fd, log.fd] });

	await log.close();
	return child;
}

async function end(child) {
	if (child.exitCode !== null || child.signalCode !== null)
		return;
	child.kill("SIGTERM");
	await once(child, "exit");
}

export async function start(scripts, settings = {}) {
	const dir = await mkdtemp(join(tmpdir(), "oneapi-sdk."));
	const url = `http://127.0.0.1:${await freePort()}`;

	await mkdir(join(dir, "scripts"));
	for (const [model, text] of Object.entries(scripts))
		await writeFile(join(dir, "scripts", `${model}.script`), text);
	const upstream = await startUpstream(join(dir, "scripts"));
	const programs = await startGateway(dir, new URL(url).port, settings);
	const killAll = () => { programs.kill(); upstream.child.kill(); };

	process.on("exit", killAll); // a test that dies leaves nothing behind

	const gateway = {
		url,
		upstream: upstream.url,

		// One call of /api as root; its data, or an error with its message.
		async api(method, path, body) {
			const reply = await fetch(url + path, {
				method,
				headers: { Authorization: rootAccess, "Content-Type": "application/json" },
				body: body && JSON.stringify(body),
			});
			const json = await reply.json();

			if (!json.success)
				throw new Error(`${method} ${path}: ${json.message}`);
			return json.data;
		},

		// What fake_upstream was sent last, and its counters.
		async lastUpstreamBody() {
			const last = await (await fetch(`${upstream.url}/_last`)).json();

			return JSON.parse(last.body);
		},
		async upstreamStats() {
			return (await fetch(`${upstream.url}/_stats`)).json();
		},

		async stop() {
			await Promise.all([end(programs), end(upstream.child)]);
			process.off("exit", killAll);
			await rm(dir, { recursive: true });
		},
	};

	try {
		await eventually("the gateway answers", async () => {
			if (programs.exitCode !== null)
				throw new Error("the gateway did not start");
			return (await fetch(`${url}/api/status`).catch(() => null))?.ok;
		}, 120000);
	} catch (error) {
		console.error(await readFile(join(dir, "log"), "utf8"));
		await gateway.stop();
		throw error;
	}
	return gateway;
}
