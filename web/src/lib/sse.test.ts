import { describe, expect, test } from "vitest";
import { EventReader, looksBuffered } from "./sse";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("EventReader", () => {
	const stream = "data: {\"a\":\"您好\"}\n\n: keep-alive\n\ndata: one\ndata: two\r\n\r\ndata:[DONE]\n\n";
	const want = ['{"a":"您好"}', "one\ntwo", "[DONE]"];
	test("whole", () => expect(new EventReader().push(bytes(stream))).toEqual(want));
	test("in every possible cut", () => {
		const all = bytes(stream);
		for (let at = 1; at < all.length; at++) {
			const reader = new EventReader();
			expect([...reader.push(all.slice(0, at)), ...reader.push(all.slice(at))], `cut at ${at}`).toEqual(want);
		}
	});
	test("byte by byte", () => {
		const reader = new EventReader();
		expect([...bytes(stream)].flatMap((b) => reader.push(Uint8Array.of(b)))).toEqual(want);
	});
});

describe("looksBuffered", () => {
	const at = (...times: number[]) => times.map((t) => ({ at: t, bytes: 100 }));
	test.each([
		["spread out", at(100, 600, 1100, 1900), 2000, false], ["all at the end", at(1990, 1995, 2000), 2000, true],
		["short streams tell nothing", at(990, 1000), 1000, false], ["no bytes", [], 3000, false],
	])("%s", (_, arrivals, total, want) => expect(looksBuffered(arrivals, total)).toBe(want));
});
