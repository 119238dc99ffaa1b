import { describe, expect, test } from "vitest";
import { jsonObjectFault, maskKey, pairsText, parsePairs, splitNames, toCsv } from "./text";

test.each([
	["a,b", ["a", "b"]], ["a， b、c；d\ne\tf", ["a", "b", "c", "d", "e", "f"]], ["a,,a , b", ["a", "b"]], ["", []], [" \n", []],
])("splitNames %j", (text, want) => expect(splitNames(text)).toEqual(want));

test.each([["abcdefghijklmnop", "sk-abcd…mnop"], ["sk-abcdefghijklmnop", "sk-abcd…mnop"], ["ab", "sk-ab"]])("maskKey %s", (key, want) => expect(maskKey(key)).toBe(want));

describe("toCsv", () => {
	test("quotes what needs it, begins with a BOM, ends lines with CR LF", () =>
		expect(toCsv(["a", "b"], [["x,y", 'say "hi"'], ["two\nlines", 3]])).toBe('\ufeffa,b\r\n"x,y","say ""hi"""\r\n"two\nlines",3\r\n'));
	test("no cell is a formula", () => expect(toCsv(["a"], [["=1+1"], ["@x"], [-5]])).toBe("\ufeffa\r\n'=1+1\r\n'@x\r\n-5\r\n"));
});

describe("jsonObjectFault", () => {
	test.each([['{"a":1}', null], ["", null], ["[1]", { line: 1, column: 1 }]])("%j", (text, want) => expect(jsonObjectFault(text)).toEqual(want));
	test.each([
		['{\n"a": x\n}', 2, 6], ['{"a":1,}', 1, 8], ['{"a":1', 1, 7], ['{"a" 1}', 1, 6], ["{'a':1}", 1, 2], ['{"a":01}', 1, 7], ['{"a":1} x', 1, 9],
	])("%j: where", (text, line, column) => expect(jsonObjectFault(text)).toEqual({ line, column }));
	test("agrees with the browser about what is JSON", () => {
		for (const good of ['{"a":[1,-2.5e3,true,null,{"b":"\\u00e9\\n"}],"c":{}}', '{ "a" : [ ] }'])
			expect(jsonObjectFault(good)).toBeNull();
	});
});

test("pairs there and back", () => expect(parsePairs(pairsText([["a", "b"], ["", "lost"], ["c", ""]]))).toEqual([["a", "b"], ["c", ""]]));
