import { expect, test } from "vitest";
import { formatSeconds, formatWhen, fromLocalInput, toLocalInput } from "./time";

const now = Date.UTC(2026, 5, 15, 12, 0, 0);
const s = now / 1000;

test.each([[s - 30, "30 sec. ago"], [s - 120, "2 min. ago"], [s - 7200, "2 hr. ago"], [s + 3600, "in 1 hr."]])("%d", (at, want) => expect(formatWhen(at, "en", now)).toBe(want));
test("a date beyond a day, with the year when it is another", () => {
	expect(formatWhen(s - 3 * 86400, "en", now)).toContain("Jun 12");
	expect(formatWhen(s - 400 * 86400, "en", now)).toContain("2025");
});
test.each([[940, "0.94 s"], [12_340, "12.3 s"], [123_400, "123 s"]])("%d ms", (ms, want) => expect(formatSeconds(ms, "en")).toBe(want));
test("local input there and back", () => expect(fromLocalInput(toLocalInput(s))).toBe(s));
test("no date", () => expect(fromLocalInput("soon")).toBeNull());
