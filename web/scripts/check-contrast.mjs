// check-contrast.mjs — every text token on every ground 4.5:1, edges of controls 3:1, in all themes
import { readFileSync } from "node:fs";

const css = readFileSync(new URL("../src/theme/themes.css", import.meta.url), "utf8");
const blocks = [...css.matchAll(/\[data-theme="(\w+)"\]\[data-mode="(\w+)"\] \{([^}]*)\}/g)];

function luminance(hex) {
	const [r, g, b] = [1, 3, 5].map((at) => {
		const c = parseInt(hex.slice(at, at + 2), 16) / 255;
		return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a, b) {
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (high + 0.05) / (low + 0.05);
}

const grounds = ["bg", "surface", "sunken"];
const pairs = [
	...["text", "text2", "text3", "accent"].flatMap((ink) => grounds.map((on) => [ink, on, 4.5])),
	...["ok", "warn", "danger", "info"].flatMap((ink) => [[ink, `${ink}-soft`, 4.5], [ink, "surface", 4.5], [ink, "bg", 4.5]]),
	["on-accent", "accent", 4.5], ["text", "accent-soft", 4.5], ["control", "surface", 3], ["control", "bg", 3],
];
let faults = 0;
for (const [, theme, mode, body] of blocks) {
	const token = Object.fromEntries([...body.matchAll(/--([\w-]+): (#\w{6})/g)].map((m) => [m[1], m[2]]));
	for (const [ink, on, least] of pairs) {
		const got = ratio(token[ink], token[on]);
		if (got < least) {
			console.error(`${theme} ${mode}: ${ink} on ${on} is ${got.toFixed(2)}:1, not ${least}:1`);
			faults++;
		}
	}
}
if (blocks.length !== 6 || faults)
	process.exit(1);
