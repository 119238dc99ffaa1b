import { expect, test } from "vitest";
import { cosine, kindOf, modelFor, pictureType } from "./modes";
import { pictureFault, shortened, sizeWithin } from "./pictures";

test.each([["text-embedding-3-small", "embeddings"], ["bge-m3", "embeddings"], ["dall-e-3", "image"], ["gpt-image-1", "image"], ["tts-1-hd", "speech"], ["whisper-1", "listen"], ["gpt-4o-mini-transcribe", "listen"], ["gpt-4o", "chat"]])("%s is for %s", (name, want) => expect(kindOf(name)).toBe(want));
test.each([
	["what was asked for", ["a", "tts-1"], "a", "a"], ["what its name promises", ["a", "tts-1"], "", "tts-1"], ["the first where none does", ["a", "b"], "gone", "a"], ["nothing of nothing", [], "", ""],
])("a model for speech: %s", (_, models, asked, want) => expect(modelFor("speech", models, asked)).toBe(want));

test.each([["same", [1, 2], [2, 4], 1], ["across", [1, 0], [0, 1], 0], ["against", [1, 0], [-3, 0], -1], ["of nothing", [0, 0], [1, 1], 0]])("cosine: %s", (_, a, b, want) => expect(cosine(a, b)).toBeCloseTo(want));
test.each([["iVBORw0KGgo", "image/png"], ["/9j/4AAQ", "image/jpeg"], ["UklGRhoA", "image/webp"], ["R0lGODdh", "image/gif"]])("a picture that begins with %s", (base64, want) => expect(pictureType(base64)).toBe(want));

test.each([
	["a picture", { type: "image/png", size: 10 }, 0, null], ["one too many", { type: "image/png", size: 10 }, 4, "pictureCount"],
	["SVG, which can hold scripts", { type: "image/svg+xml", size: 10 }, 0, "pictureType"], ["a film's worth", { type: "image/jpeg", size: 21 * 1024 * 1024 }, 0, "pictureSize"],
])("attaching %s", (_, file, already, want) => expect(pictureFault(file, already)).toBe(want));
test.each([[4000, 3000, 1600, 1200], [300, 200, 300, 200], [10, 16000, 1, 1600]])("%d × %d is drawn as", (w, h, width, height) => expect(sizeWithin(w, h)).toEqual({ width, height }));
test("long pictures are told, not shown", () => expect(shortened(`{"url":"data:image/png;base64,${"A".repeat(4096)}","x":"data:text/plain;base64,AA=="}`)).toBe('{"url":"data:image/png;base64,… 3 KB","x":"data:text/plain;base64,AA=="}'));
