import { expect, test } from "vitest";
import { readImport } from "./channel-import";

const defaults = { type: 1, base_url: "", models: ["gpt-4o"], group: [], priority: 5 };
const names = (text: string) => readImport(text, defaults).channels.map((c) => [c.name, c.key]);

test.each([
	["main | sk-1\nspare | sk-2", [["main", "sk-1"], ["spare", "sk-2"]]],
	["sk-1\n\nsk-1\nsk-2", [["import-1", "sk-1"], ["import-2", "sk-2"]]],
	["a\tsk-1", [["a", "sk-1"]]],
	["hunyuan | 1|2|3", [["hunyuan", "1|2|3"]]],
	["1|2|3", [["import-1", "1|2|3"]]],
	["", []],
])("lines %j", (text, want) => expect(names(text)).toEqual(want));
test("what all have in common", () => expect(readImport("x | y", defaults).channels[0]).toEqual({ type: 1, base_url: "", models: "gpt-4o", group: "default", priority: 5, weight: 1, name: "x", key: "y" }));
test("rows of JSON keep what they say, without ids and counters", () =>
	expect(readImport('[{"id":7,"name":"a","key":"k","type":14,"used_quota":9,"models":"m"},{"name":"b"}]', defaults)).toEqual({
		channels: [{ type: 14, base_url: "", models: "m", group: "default", priority: 5, weight: 1, name: "a", key: "k" }], keyless: 1, bad: false,
	}));
test("broken JSON", () => expect(readImport("[{", defaults).bad).toBe(true));
