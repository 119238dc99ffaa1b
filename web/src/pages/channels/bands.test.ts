import { expect, test } from "vitest";
import { bandsOf } from "./bands";

const turns = (priorities: number[], start: boolean, end: boolean): string => [...bandsOf(priorities.map((priority) => ({ priority })), start, end)].map(([i, b]) => `${i}:${b.priority} ${b.turn}`).join(", ");

test.each([
	["all on one page", [10, 10, 5, 0], true, true, "0:10 first, 2:5 then, 3:0 last"], ["all of the same", [3, 3], true, true, "0:3 only"], ["nothing", [], true, true, ""],
	["the first page of two", [10, 5], true, false, "0:10 first, 1:5 then"], ["the last page of two", [5, 0], false, true, "0:5 then, 1:0 last"], ["one in the middle", [5, 5], false, false, "0:5 then"],
])("%s", (_, priorities, start, end, want) => expect(turns(priorities, start, end)).toBe(want));
