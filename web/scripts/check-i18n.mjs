// check-i18n.mjs — both languages have every word, with the same {names}; every word is used; no
// Chinese characters outside of src/i18n/zh (names in src/data are the same in both languages)
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../src", import.meta.url));
const faults = [];
const read = (lang, file) => {
	const text = readFileSync(join(src, "i18n", lang, file), "utf8");
	const names = [...text.matchAll(/^\s*"([^"]+)":/gm)].map((m) => m[1]);
	names.filter((n, i) => names.indexOf(n) !== i).forEach((n) => faults.push(`${lang}/${file}: ${n} twice`));
	return JSON.parse(text);
};
const params = (text) => [...new Set(text.match(/\{\w+\}/g))].sort().join();
const areas = readdirSync(join(src, "i18n/en"));
const english = {};
for (const file of areas) {
	const en = read("en", file), zh = read("zh", file);
	for (const [key, text] of Object.entries(en)) {
		english[key] = text;
		if (key.endsWith(".one") && !(key in zh))
			continue; // Chinese has one form
		if (!zh[key])
			faults.push(`zh/${file}: ${key} is missing`);
		else if (params(zh[key]) !== params(text))
			faults.push(`zh/${file}: ${key} has other {names} than the English`);
		if (!key.startsWith("language.") && /[\u3000-\u9fff\uff00-\uffef]/.test(text))
			faults.push(`en/${file}: ${key} has Chinese characters`);
	}
	for (const key of Object.keys(zh)) {
		if (!(key in en))
			faults.push(`zh/${file}: ${key} is not in English`);
	}
}

function sources(folder) {
	return readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
		e.isDirectory() ? sources(join(folder, e.name)) : /\.tsx?$/.test(e.name) ? [join(folder, e.name)] : []);
}
let all = "";
for (const path of sources(src)) {
	const text = readFileSync(path, "utf8");
	if (path.endsWith(".tsx") && /[\u3000-\u303f\u4e00-\u9fff]/.test(text))
		faults.push(`${path}: Chinese characters; words belong into src/i18n`);
	if (!path.endsWith(".test.ts"))
		all += text;
}
const prefixes = [...all.matchAll(/`([a-z]+\.[\w.]*)\$\{/g)].map((m) => m[1]);
for (const key of Object.keys(english)) {
	const stem = key.replace(/\.(one|other)$/, "");
	if (!all.includes(`"${key}"`) && !all.includes(`"${stem}"`) && !prefixes.some((p) => key.startsWith(p)))
		faults.push(`en: ${key} is not used`);
}
if (faults.length) {
	console.error(faults.join("\n"));
	process.exit(1);
}
