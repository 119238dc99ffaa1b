// what a server has while its pages are built anew
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { swap, tidy } from "./swap.mjs";

const gone = spawnSync(process.execPath, ["-e", ""]).pid;
let top;
beforeEach(() => { top = mkdtempSync(join(tmpdir(), "web-build.")); });
afterEach(() => rmSync(top, { recursive: true }));

function folder(name, text) {
	mkdirSync(join(top, name));
	writeFileSync(join(top, name, "index.html"), text);
	return join(top, name);
}
const page = (name) => readFileSync(join(top, name, "index.html"), "utf8");

test("the new one takes the old one's place, and nothing else stays", () => {
	swap(folder("dist.1", "new"), folder("dist", "old"));
	expect([page("dist"), readdirSync(top)]).toEqual(["new", ["dist"]]);
});
test("the first build", () => {
	swap(folder("dist.1", "new"), join(top, "dist"));
	expect([page("dist"), readdirSync(top)]).toEqual(["new", ["dist"]]);
});
test("without a new one the old one stays", () => {
	expect(() => swap(join(top, "dist.1"), folder("dist", "old"))).toThrow();
	expect([page("dist"), readdirSync(top)]).toEqual(["old", ["dist"]]);
});
test("what a killed build left is taken away, what a running one makes is not", () => {
	for (const name of ["dist", `dist.${gone}`, `dist.${gone}.old`, `dist.${process.ppid}`, "other.1"])
		folder(name, "");
	tidy(join(top, "dist"));
	expect(readdirSync(top)).toEqual(["dist", `dist.${process.ppid}`, "other.1"].sort());
});
test.each(["check-i18n.mjs", "vite.js", "check-size.mjs"])("when %s fails, the old pages stay", (bad) => {
	const step = (path, name, text) => { mkdirSync(join(top, path), { recursive: true }); writeFileSync(join(top, path, name), text); };
	const fails = (name) => name === bad ? "process.exit(1)" : "";
	folder("dist", "old");
	step("scripts", "check-i18n.mjs", fails("check-i18n.mjs"));
	step("scripts", "check-size.mjs", fails("check-size.mjs"));
	step("node_modules/vite/bin", "vite.js", `const { mkdirSync } = require("node:fs"); mkdirSync(process.argv.at(-1)); ${fails("vite.js")}`);
	for (const name of ["build.mjs", "swap.mjs"])
		cpSync(join(dirname(fileURLToPath(import.meta.url)), name), join(top, "scripts", name));
	expect(spawnSync(process.execPath, [join(top, "scripts/build.mjs")]).status).toBe(1);
	expect([page("dist"), readdirSync(top)]).toEqual(["old", ["dist", "node_modules", "scripts"]]);
});
