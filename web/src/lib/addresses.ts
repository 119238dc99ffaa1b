// addresses.ts — the address that customers' programs use
import { homeUrl } from "../api/client";
import { status } from "../api/session";

/** What the operator set; "": nothing yet, since one-api's built-in value names nobody's server. */
export function ownAddress(): string {
	const set = status.value?.server_address?.replace(/\/$/, "") ?? "";
	return set === "http://localhost:3000" ? "" : set;
}

/** What the operator set, else the address in use. */
export const serverAddress = (): string => ownAddress() || homeUrl.replace(/\/$/, "");

export const apiBaseUrl = (): string => `${serverAddress()}/v1`;
