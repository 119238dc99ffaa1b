import { beforeAll, expect, test, vi } from "vitest";

// what the module needs of a browser
vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => {} }));
vi.stubGlobal("document", { documentElement: { lang: "", dataset: {} } });
vi.stubGlobal("navigator", { languages: ["en"] });

let i18n: typeof import("./index");
beforeAll(async () => {
	i18n = await import("./index");
	await i18n.loadWords("common");
});

test("fills in names", () => expect(i18n.t("remove", { name: "x" })).toBe("Remove x"));
test("plurals of English", () => expect([1, 2, 1000].map((n) => i18n.tn("list.rows", n))).toEqual(["1 row", "2 rows", "1,000 rows"]));
test("the other language, for what is loaded already", async () => {
	await i18n.setLanguage("zh-CN");
	expect(i18n.t("save")).toBe("保存");
	expect(i18n.tn("list.rows", 1)).toBe("1 行");
});
