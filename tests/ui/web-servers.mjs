// web-servers.mjs — Apache and lighttpd with the examples of conf/, in front of the programs of a test: at the
// root and, by the example's own lines for that, in the folder /llm/
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { eventually, freePort, top } from "./gateway.mjs";

const isRoot = process.getuid() === 0;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin:/usr/local/sbin` };
const modules = ["mpm_event", "authz_core", "alias", "dir", "env", "filter", "mime", "headers", "deflate", "reqtimeout", "proxy", "proxy_fcgi"];

/** What the example says for a folder is a comment there: lines that do not begin as prose does. */
function withFolder(text, indent) {
	const at = text.indexOf(`${indent}# The same in a folder`);
	return text.slice(0, at) + text.slice(at).split("\n").map((l) => l.startsWith(`${indent}#`) && !/^\t?#( |$)/.test(l) ? l.replace("#", "") : l).join("\n");
}

const servers = {
	apache2: {
		example: "apache.conf.example",
		write: (text, folder, port) => `ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}
Mutex file:${folder}
ErrorLog ${folder}/log
Listen 127.0.0.1:${port}
${isRoot ? "User www-data\nGroup www-data" : ""}
${modules.map((m) => `LoadModule ${m}_module /usr/lib/apache2/modules/mod_${m}.so`).join("\n")}
TypesConfig ${folder}/types
StartServers 1
${withFolder(text, "\t").replace("127.0.0.1:8080", `127.0.0.1:${port}`)}`,
		args: (conf) => ["-d", "/", "-f", conf, "-DFOREGROUND"],
	},
	lighttpd: {
		example: "lighttpd.conf.example",
		write: (text, folder, port) => withFolder(text, "").replace(/^server\.(user|group)name.*\n/gm, "").replace("server.port = 8080", `server.port = ${port}`)
			.replace("/run/lighttpd.pid", `${folder}/pid`).replace("/var/log/lighttpd/error.log", `${folder}/log`).replace("/var/cache/lighttpd/uploads", folder)
			.replace(/^server\.max-(fds|connections).*\n/gm, ""),
		args: (conf) => ["-D", "-f", conf],
	},
};

/** Null where the program is not installed. */
export async function startServer(name, sockets) {
	if (spawnSync("sh", ["-c", `command -v ${name}`], { env }).status !== 0)
		return null;
	const folder = mkdtempSync(join(tmpdir(), `oneapi-${name}.`)), port = await freePort();
	const { example, write, args } = servers[name];
	chmodSync(folder, 0o755);
	cpSync(join(top, "web/dist"), join(folder, "web"), { recursive: true });
	if (isRoot) { // its workers are somebody else
		chmodSync(sockets, 0o711);
		["relay", "admin"].forEach((x) => chmodSync(join(sockets, `${x}.sock`), 0o666));
	}
	const text = readFileSync(join(top, "conf", example), "utf8").replaceAll("/run/oneapi/", `${sockets}/`).replaceAll("/usr/local/share/oneapi/web", join(folder, "web"));
	writeFileSync(join(folder, "types"), "text/html html\ntext/css css\ntext/javascript js\napplication/json json\nimage/svg+xml svg\n");
	writeFileSync(join(folder, "conf"), write(text, folder, port));
	let said = "";
	const run = spawn(name, args(join(folder, "conf")), { stdio: ["ignore", "pipe", "pipe"], env });
	for (const stream of [run.stdout, run.stderr])
		stream.on("data", (piece) => { said += piece; });
	const url = `http://127.0.0.1:${port}/`;
	const stop = async () => {
		const ended = new Promise((done) => run.once("exit", done));
		if (run.exitCode === null && run.kill("SIGTERM"))
			await ended;
		rmSync(folder, { recursive: true, force: true });
	};
	try {
		await eventually(`${name} answers`, () => fetch(url).then((r) => r.ok, () => false));
	} catch (e) {
		const log = existsSync(join(folder, "log")) ? readFileSync(join(folder, "log"), "utf8") : "";
		await stop();
		throw new Error(`${e.message}\n${said}${log}`);
	}
	return { url, below: `${url}llm/`, stop };
}
