import { expect, test } from "vitest";
import { optionRow } from "../../data/options";
import { reviewOf } from "./review";

const same = (v: string): string => v;

test.each([
	["a text", "SystemName", "a", "b", [{ path: [], before: "a", after: "b" }]],
	["one member of many", "ModelPrice", '{"m":{"cached":0.5,"batch":0.4},"n":{"per_request":1}}', '{\n"m":{"cached":0.25,"batch":0.4},"n":{"per_request":1}}', [{ path: ["m", "cached"], before: "0.5", after: "0.25" }]],
	["a new entry", "ModelPrice", "", '{"m":{"batch":0.4}}', [{ path: ["m", "batch"], before: "", after: "0.4" }]],
	["an entry that goes", "ModelRatio", '{"m":1,"n":2}', '{"n":2}', [{ path: ["m"], before: "1", after: "" }]],
	["only written in another way", "ModelRatio", '{"m":1}', '{ "m": 1 }', [{ path: [], before: '{"m":1}', after: '{ "m": 1 }' }]],
	["no JSON at all", "ModelRatio", "{}", "{oops", [{ path: [], before: "{}", after: "{oops" }]],
	["a secret", "SMTPToken", "", "very-secret", [{ path: [], before: "••••••", after: "••••••" }]],
	["a long text", "Notice", "", "x".repeat(200), [{ path: [], before: "", after: `${"x".repeat(120)}…` }]],
])("%s", (_, key, before, after, want) => expect(reviewOf(optionRow(key), before, after, same)).toEqual(want));
