import { beforeEach, expect, test, vi } from "vitest";
import { readPages } from "./pages";

const { call, can } = vi.hoisted(() => ({ call: vi.fn(), can: vi.fn() }));
vi.mock("./client", () => ({ call }));
vi.mock("./session", () => ({ can }));

const asked = (): string[] => call.mock.calls.map(([, path]) => path as string);
/** A server with so many rows, in pages of that size. */
const serve = (count: number, size: number, total?: number): void => {
	const rows = Array.from({ length: count }, (_, i) => i);
	call.mockImplementation((_, path: string) => {
		const p = Number(new URLSearchParams(path.split("?")[1]).get("p"));
		return Promise.resolve({ data: rows.slice(p * size, (p + 1) * size), ...(total === undefined ? {} : { total }) });
	});
};
beforeEach(() => void call.mockReset());

test("pages of a hundred, as many as the total says", async () => {
	can.mockReturnValue(true);
	serve(200, 100, 200);
	expect(await readPages("channel/", { status: 2, p: 7, page_size: 20 })).toHaveLength(200);
	expect(asked()).toEqual(["channel/?status=2&p=0&page_size=100", "channel/?status=2&p=1&page_size=100"]);
});
test("plain one-api: pages of ten, until one is not full", async () => {
	can.mockReturnValue(false);
	serve(20, 10);
	expect(await readPages("channel/")).toHaveLength(20);
	expect(asked()).toEqual(["channel/?p=0", "channel/?p=1", "channel/?p=2"]);
});
test("pages that do not end are given up", async () => {
	can.mockReturnValue(false);
	call.mockResolvedValue({ data: Array.from({ length: 10 }, () => 1) });
	await expect(readPages("channel/")).rejects.toThrow("no end");
	expect(call).toHaveBeenCalledTimes(1000);
});
