import { expect, test } from "vitest";
import { actionParts, pageOf, sortOf } from "./rows";

test.each([[{ a: 1 }, { a: 2 }, "changed"], [null, { a: 1 }, "made"], [{ a: 1 }, null, "deleted"], [null, null, "done"]] as const)("%j to %j is %s", (before, after, want) => expect(sortOf({ before, after })).toBe(want));
test.each([["PUT /api/channel", "PUT", "/api/channel"], ["reset-password", "", "reset-password"]])("%s", (action, method, route) => expect(actionParts(action)).toEqual({ method, route }));
test.each([["channel", "7", "channels/7"], ["channel", "7,8", null], ["option", "Notice", "settings"], ["token", "3", null], ["log", "", null]])("%s %s is shown at %s", (subject, id, want) => expect(pageOf(subject, id)).toBe(want));
