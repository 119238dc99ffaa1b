// build.mjs — builds into a folder beside dist/ and puts it in its place at the end
//
// Whoever serves dist/ meanwhile serves the old pages; and keeps them when a word lacks its translation,
// a page is too large or anything else fails. Two builds at the same time do not meet.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { swap, tidy } from "./swap.mjs";

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(web, "dist"), next = `dist.${process.pid}`;

function run(...command) {
	const { status } = spawnSync(process.execPath, command, { cwd: web, stdio: "inherit" });
	if (status !== 0) {
		tidy(dist);
		process.exit(status || 1);
	}
}

tidy(dist);
run("scripts/check-i18n.mjs");
run("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn", "--outDir", next);
run("scripts/check-size.mjs", next);
swap(join(web, next), dist);
