// errors.ts — the one kind of failure that pages see
export type ErrorKind = "auth" | "denied" | "limited" | "app" | "server" | "offline" | "notapi";

export class ApiError extends Error {
	constructor(
		readonly kind: ErrorKind,
		message: string,
		readonly status = 0,
		/** stable name of the failure (capability error.code) */
		readonly code = "",
		/** seconds */
		readonly retryAfter = 0,
		/** the first characters of an answer that was no JSON */
		readonly received = "",
		/** what stands beside the message of a refusal */
		readonly data: unknown = null,
		/** a refused test of a channel: what the server did about it */
		readonly action = "",
	) {
		super(message);
	}
}

interface Envelope {
	success?: boolean;
	message?: string;
	code?: string;
	data?: unknown;
	action?: string;
	error?: { message?: string; code?: string };
}

const isDenied = (message: string): boolean =>
	/insufficient permission|无权进行此操作|权限不足|没有权限/i.test(message);

function parse(body: string): Envelope | null {
	try {
		const value: unknown = JSON.parse(body);
		return typeof value === "object" && value !== null ? value as Envelope : null;
	} catch {
		return null;
	}
}

/** What an answer means: its envelope, or the failure that it is. */
export function judge(status: number, body: string, retryAfter: string | null): Envelope {
	const envelope = parse(body);
	const message = envelope?.message ?? envelope?.error?.message ?? "";
	const code = envelope?.code ?? envelope?.error?.code ?? "";
	if (status === 401)
		throw new ApiError("auth", message, status, code);
	if (status === 429)
		throw new ApiError("limited", message, status, code, Number(retryAfter) || 10);
	if (status >= 500)
		throw new ApiError("server", message, status, code, Number(retryAfter) || 0, body.slice(0, 200));
	if (!envelope)
		throw new ApiError("notapi", "", status, "", 0, body.slice(0, 200));
	if (status === 403 || (envelope.success === false && (isDenied(message) || code === "A04")))
		throw new ApiError("denied", message, status, code);
	if (status >= 400 || envelope.success === false)
		throw new ApiError("app", message, status, code, 0, "", envelope.data, envelope.action);
	return envelope;
}
