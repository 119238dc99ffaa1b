// addresses.ts — the address that customers' programs use
import { homeUrl } from "../api/client";
import { status } from "../api/session";

/** What the operator set, else the address in use; one-api's built-in value names nobody's server. */
export function serverAddress(): string {
	const set = status.value?.server_address?.replace(/\/$/, "") ?? "";
	return !set || set === "http://localhost:3000" ? homeUrl.replace(/\/$/, "") : set;
}

export const apiBaseUrl = (): string => `${serverAddress()}/v1`;
