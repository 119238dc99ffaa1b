// check-size.mjs [--print] [FOLDER] — the size budget of dist/ or FOLDER; the build fails above it
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const folder = process.argv.slice(2).find((word) => !word.startsWith("--")) ?? "dist";
const dist = fileURLToPath(new URL(`../${folder}`, import.meta.url));
const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8"));
const size = (file) => {
	const bytes = readFileSync(join(dist, file));
	return { gzip: gzipSync(bytes, { level: 6 }).length, raw: bytes.length };
};

function withImports(name, seen = new Set()) {
	if (!seen.has(name)) {
		seen.add(name);
		(manifest[name].imports ?? []).forEach((n) => withImports(n, seen));
	}
	return seen;
}
const filesOf = (...names) => [...new Set(names.flatMap((n) => [...withImports(n)])
	.flatMap((n) => [manifest[n].file, ...(manifest[n].css ?? [])]))];
const entry = Object.keys(manifest).find((n) => n.startsWith("_shell-")); // with main.tsx in it
const sum = (files) => files.map(size).reduce((a, b) => ({ gzip: a.gzip + b.gzip, raw: a.raw + b.raw }), { gzip: 0, raw: 0 });
const assets = (pattern) => readdirSync(join(dist, "assets")).filter((f) => pattern.test(f)).map((f) => `assets/${f}`);
const css = assets(/\.css$/);

const budgets = [];
const check = (name, files, gzip, raw = Infinity) => budgets.push({ name, ...sum(files), limit: gzip, rawLimit: raw });
const kB = 1024;
for (const [page, area] of [["sign-in", "home"], ["overview", "overview"]]) {
	const file = Object.keys(manifest).find((n) => n === `src/pages/${page}.tsx`);
	if (!file)
		continue; // not written yet
	const words = ["common", area].map((a) => `src/i18n/zh/${a}.json`);
	check(`first load of ${page}`, ["index.html", ...assets(/^boot-/), "favicon.svg", ...css, ...filesOf(entry, file, ...words)]
		.filter((f, i, all) => all.indexOf(f) === i), 60 * kB, 190 * kB);
}
const first = new Set(filesOf(entry));
const larger = { "channel-editor": 22, playground: 20, settings: 22 };
for (const name of Object.keys(manifest).filter((n) => /^src\/pages\/[\w-]+\.tsx$/.test(n))) {
	const page = /([\w-]+)\.tsx$/.exec(name)[1];
	check(`page ${page}`, filesOf(name).filter((f) => !first.has(f)), (larger[page] ?? 18) * kB);
}
check("CSS", css, 12 * kB);

function total(folder) {
	return readdirSync(folder, { withFileTypes: true }).reduce((n, e) =>
		n + (e.isDirectory() ? total(join(folder, e.name)) : statSync(join(folder, e.name)).size), 0);
}
const whole = total(dist);
if (process.argv.includes("--print")) {
	budgets.forEach((b) => console.log(`${(b.gzip / kB).toFixed(1).padStart(6)} KB gzip ${(b.raw / kB).toFixed(1).padStart(7)} KB  ${b.name}`));
	console.log(`${(whole / kB).toFixed(0)} KB in dist`);
}
const over = budgets.filter((b) => b.gzip > b.limit || b.raw > b.rawLimit);
over.forEach((b) => console.error(`too large: ${b.name}, ${b.gzip} bytes gzip of ${b.limit}, ${b.raw} raw`));
if (whole > 1.2 * 1024 * kB)
	console.error(`too large: dist, ${whole} bytes`);
process.exit(over.length || whole > 1.2 * 1024 * kB ? 1 : 0);
