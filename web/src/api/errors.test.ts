import { describe, expect, test } from "vitest";
import { ApiError, judge } from "./errors";

const failure = (status: number, body: string, retryAfter: string | null = null): ApiError => {
	try {
		judge(status, body, retryAfter);
	} catch (e) {
		return e as ApiError;
	}
	throw new Error("was taken for a success");
};

describe("judge", () => {
	test("success keeps what stands beside data", () => expect(judge(200, '{"success":true,"message":"","data":[1],"total":7}', null)).toMatchObject({ data: [1], total: 7 }));
	test("an answer without an envelope", () => expect(judge(200, '{"object":"list","data":[]}', null)).toMatchObject({ object: "list" }));
	test.each([
		["auth", 401, '{"success":false,"message":"Not logged in"}'],
		["denied", 200, '{"success":false,"message":"Insufficient permission"}'],
		["denied", 403, '{"success":false,"message":"state"}'],
		["limited", 429, ""],
		["app", 200, '{"success":false,"message":"Name too long"}'],
		["app", 404, '{"error":{"message":"Invalid URL (GET /api/x)"}}'],
		["server", 500, ""],
		["server", 502, "<html>bad gateway</html>"],
		["notapi", 200, "<!doctype html><title>Welcome</title>"],
		["notapi", 200, ""],
		["notapi", 404, "<html>404</html>"],
	] as const)("%s: %d %s", (kind, status, body) => expect(failure(status, body).kind).toBe(kind));
	test("how long to wait", () => expect(failure(429, "", "7").retryAfter).toBe(7));
	test("what was received, not more than 200 characters", () => expect(failure(200, "x".repeat(999)).received).toHaveLength(200));
	test("the message of an error object", () => expect(failure(404, '{"error":{"message":"gone","code":"c"}}')).toMatchObject({ message: "gone", code: "c" }));
});
