// swap.mjs — a folder takes the place of another, which is gone afterwards
//
// Two renames: there is no moment in which half of a folder could be read.
import { readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** False where there is no such folder. */
function moved(from, to) {
	try {
		renameSync(from, to);
		return true;
	} catch (e) {
		if (e.code === "ENOENT")
			return false;
		throw e;
	}
}

/** When somebody else swaps at the same moment, the later one wins. */
export function swap(next, place) {
	const old = `${next}.old`;
	for (let tries = 0; ; tries++) {
		const had = moved(place, old);
		try {
			renameSync(next, place);
			break;
		} catch (e) {
			if (tries === 9 || !["EEXIST", "ENOTEMPTY"].includes(e.code)) {
				if (had)
					moved(old, place);
				throw e;
			}
			rmSync(old, { recursive: true, force: true });
		}
	}
	rmSync(old, { recursive: true, force: true });
}

function isAlive(pid) {
	try {
		process.kill(pid, 0);
		return true;
	} catch (e) {
		return e.code === "EPERM";
	}
}

/** Takes away `PLACE.PID` and `PLACE.PID.old` of this process and of those that are no more. */
export function tidy(place) {
	for (const name of readdirSync(dirname(place))) {
		const pid = name.startsWith(`${basename(place)}.`) && /\.(\d+)(\.old)?$/.exec(name)?.[1];
		if (pid && (Number(pid) === process.pid || !isAlive(Number(pid))))
			rmSync(join(dirname(place), name), { recursive: true, force: true });
	}
}
