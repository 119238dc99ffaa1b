import { expect, test } from "vitest";
import { differences } from "./differences";

const from = (before: Record<string, unknown> | null, after: Record<string, unknown> | null): string[] =>
	differences({ before, after }).map((d) => `${d.path.join(".")}: ${d.before ?? "-"} > ${d.after ?? "-"}`);

test.each([
	["what is the same is left out", { name: "a", priority: 1 }, { name: "a", priority: 2 }, ["priority: 1 > 2"]],
	["what was made", null, { name: "a", status: 1 }, ["name: - > a", "status: - > 1"]],
	["what was deleted", { name: "a" }, null, ["name: a > -"]],
	["several objects", { "3": { status: 1 }, "5": { status: 1 } }, { "3": { status: 2 }, "5": { status: 2 } }, ["3.status: 1 > 2", "5.status: 1 > 2"]],
	["a table in a text, by its members", { value: '{"a":1,"b":2}' }, { value: '{"a":1,"b":3,"c":4}' }, ["value.b: 2 > 3", "value.c: - > 4"]],
	["a text that only looks like one", { value: "{cut" }, { value: '{"a":1}' }, ['value: {cut > {"a":1}']],
	["an empty text that becomes a table", { value: "" }, { value: '{"a":1}' }, ['value:  > {"a":1}']],
	["lists are whole", { models: ["a"] }, { models: ["a", "b"] }, ['models: ["a"] > ["a","b"]']],
	["nothing", null, null, []],
])("%s", (_, before, after, want) => expect(from(before, after)).toEqual(want));
