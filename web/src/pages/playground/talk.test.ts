import { beforeAll, expect, test, vi } from "vitest";
import type { Turn } from "./talk";

// the browser that these modules ask when they are loaded
let fit: typeof import("./talk").fit, parseKept: typeof import("./talk").parseKept;
beforeAll(async () => {
	vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {}, removeItem: () => {} });
	vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => {} }));
	vi.stubGlobal("document", { documentElement: { dataset: {} }, querySelector: () => null });
	vi.stubGlobal("location", { href: "http://localhost/", hash: "" });
	({ fit, parseKept } = await import("./talk"));
});

const turn = (id: number, more: Partial<Turn> = {}): Turn => ({ id, asked: "?", pictures: [], answers: [{ model: "m", text: "!", running: false, figures: null, fault: null, stopped: false }], ...more });

test("pictures are not kept, what ran has stopped", () => {
	const [kept] = fit([turn(1, { pictures: ["data:a", "data:b"], answers: [{ ...turn(1).answers[0]!, running: true }] })]);
	expect(kept).toMatchObject({ pictures: [], lost: 2 });
	expect(kept!.answers[0]).toMatchObject({ running: false, stopped: true });
});
test("the oldest give way", () => {
	const all = [turn(1, { asked: "x".repeat(500) }), turn(2, { asked: "y".repeat(500) }), turn(3)];
	const kept = fit(all, 900);
	expect(kept.map((x) => x.id)).toEqual([2, 3]);
	expect(JSON.stringify(kept).length).toBeLessThanOrEqual(900);
	expect(fit(all, 10)).toEqual([]);
});
test.each([
	["nothing", null, null], ["one's own", JSON.stringify({ user: 7, turns: [turn(1)] }), 1], ["an empty one", JSON.stringify({ user: 7, turns: [] }), 0],
	["somebody else's", JSON.stringify({ user: 8, turns: [turn(1)] }), null], ["a broken one", "{", null], ["another program's", JSON.stringify({ user: 7, turns: [null] }), null],
	["an answer without a text", JSON.stringify({ user: 7, turns: [{ ...turn(1), answers: [{ model: "m" }] }] }), null],
])("reading %s", (_, text, want) => expect(parseKept(text, 7)?.length ?? null).toBe(want));
