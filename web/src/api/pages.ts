// pages.ts — every row of a list that the server gives page by page
import { queryString } from "../lib/query";
import { call } from "./client";
import { can } from "./session";

/** A server whose pages do not end is not asked for ever. */
const most = 1000;

/** query: what is asked beside the page. */
export async function readPages<T>(path: string, query: Parameters<typeof queryString>[0] = {}): Promise<T[]> {
	const paged = can("list.paging"), size = paged ? 100 : 10;
	const all: T[] = [];
	for (let p = 0; p < most; p++) {
		const { data, total = Infinity } = await call<T[]>("GET", `${path}?${queryString({ ...query, p, page_size: paged ? size : undefined })}`);
		all.push(...data);
		if (data.length < size || all.length >= total)
			return all;
	}
	throw new Error(`${path}: no end after ${most} pages`);
}
