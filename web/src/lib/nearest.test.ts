import { expect, test } from "vitest";
import { nearest } from "./nearest";

const pages = [["overview", "Overview"], ["keys", "API keys"], ["models", "Models"], ["channels", "Channels"]].map((names) => ({ names }));

test.each([
	["chanels", "channels"], ["channel/5", "channels"], ["model", "models"], ["api keys", "keys"], ["keys/5/more", "keys"], ["OVER", "overview"], ["", "keys"],
])("“%s” is most like %s", (word, want) => expect(nearest(word, pages, 1)[0]!.names[0]).toBe(want));
test("no more than there are", () => expect(nearest("x", pages, 9)).toHaveLength(4));
