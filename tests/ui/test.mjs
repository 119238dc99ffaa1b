// test.mjs — the web UI in a real browser, through nginx and the real programs
//
//	node test.mjs [WORD]		after `make all web`; or `make ui`. With WORD: only tests whose name has it;
//					CASES=logs,keys: only those files
//					FOLDER=1: every case with the UI mounted in a sub-folder; without it the
//					few that `below` names, one of each kind of page
//
// The tests are in cases/, each independent of the others; `B7` in a name is its row in the list of what
// must pass. Ends with `N passed, N failed`. Where there is no Chromium it says so and passes nothing.
import { binary, hasBrowser } from "./browser.mjs";

if (!hasBrowser) {
	console.log(`# SKIP the web UI in a browser: there is no ${binary}`);
	console.log("0 passed, 0 failed, 1 skipped");
	process.exit(0);
}

const { browser } = await import("./common.mjs");
const { inFolder, place, stopAll } = await import("./gateway.mjs");
for (const signal of ["SIGINT", "SIGTERM"])
	process.once(signal, () => void stopAll().finally(() => process.exit(1))); // leaves nothing running
const files = process.env.CASES?.split(",") ?? ["start", "accounts", "channels", "jobs", "keys", "keyboard", "playground", "modes", "logs", "operate", "habits", "settings", "tables", "audit", "safety", "servers", "senses", "speed", "looks"];
const tests = {};
for (const file of files)
	Object.assign(tests, (await import(`./cases/${file}.mjs`)).default);

const below = [
	"B5 first run: from a fresh installation", "B13 keys: made, copied", "B15 logs: every filter", "B16 playground: stops a stream",
	"B20 settings: found by", "B4 accounts:", "B1 ",
];

let passed = 0, failed = 0;
for (const start of below) {
	if (!process.env.CASES && !Object.keys(tests).some((name) => name.startsWith(start)))
		throw new Error(`no test is called ${start}…`);
}
for (const [name, run] of Object.entries(tests)) {
	if (process.argv[2] && !name.includes(process.argv[2]))
		continue;
	const began = Date.now();
	inFolder(process.env.FOLDER || below.some((start) => name.startsWith(start)));
	try {
		await run();
		passed++;
		console.log(`ok   ${name}${place.folder && ` in ${place.folder}`}  (${((Date.now() - began) / 1000).toFixed(1)} s)`);
	} catch (e) {
		failed++;
		console.log(`FAIL ${name}${place.folder && ` in ${place.folder}`}\n${e.stack ?? e}`);
	}
	for (const context of browser.contexts()) {
		if (process.env.SHOT && context.pages()[0])
			await context.pages()[0].screenshot({ path: process.env.SHOT });
		await context.close();
	}
}
await browser.close();
await stopAll();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
