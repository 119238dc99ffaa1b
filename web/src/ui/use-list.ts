// use-list.ts — the state of a list: search, filters, order, page; all of it in the address
//
//	const list = useList<Channel>({ name: "channels", path: "channel/", search: "channel/search", filters: ["status"] });
//
// With list.paging pages have a size and the server tells the total. Without, there are ten rows and
// the next page may exist when a page is full. A search gives all that matches, so it is paged here.
import { useRef } from "preact/hooks";
import { readPages } from "../api/pages";
import { useResource } from "../api/resource";
import { can, type Capability } from "../api/session";
import type { ApiError } from "../api/errors";
import { prefs, setPrefs } from "../lib/prefs";
import { queryString } from "../lib/query";
import { route, setQuery } from "../lib/router";

export interface ListPlan {
	/** for what is remembered about it */
	name: string;
	/** with a slash or a query at the end, as the API has it */
	path: string;
	search?: string;
	/** names of filters in the address, sent to the server that knows them */
	filters?: string[];
	/** whether a row that a search found passes a filter: searches know no filters */
	passes?(row: never, filters: Record<string, string>): boolean;
	/** the server sorts by ?sort=&dir= */
	sorts?: Capability;
	/** members of the address that are always sent */
	params?: Record<string, string | number | undefined>;
	/** the orders that one-api has: sent as ?order= */
	orders?: string[];
}

export interface List<T> {
	name: string;
	rows: T[] | undefined;
	error: ApiError | undefined;
	busy: boolean;
	/** the rows are still those of another page, search or order */
	stale: boolean;
	keyword: string;
	filters: Record<string, string>;
	order: string;
	orders: string[];
	/** any column with an order may be sorted, either way */
	sorts: boolean;
	page: number;
	size: number;
	total: number | undefined;
	hasNext: boolean;
	/** something narrows it */
	narrowed: boolean;
	setKeyword(text: string): void;
	setFilter(name: string, value: string): void;
	setOrder(order: string): void;
	setPage(page: number): void;
	setSize(size: number): void;
	clear(): void;
	reload(): Promise<void>;
	/** of all pages */
	readAll(): Promise<T[]>;
	patch(change: (row: T) => T): void;
}

export const pageSizes = [10, 20, 50, 100];

export function useList<T>(plan: ListPlan): List<T> {
	const { query } = route.value;
	const paging = can("list.paging");
	const keyword = plan.search ? query.q ?? "" : "";
	const page = Math.max(0, (Number(query.p) || 1) - 1);
	const wished = prefs.value.pageSize?.[plan.name] ?? 20;
	const size = paging || keyword ? wished : 10;
	const names = plan.filters ?? [];
	const filters = Object.fromEntries(names.map((n) => [n, query[n] ?? ""]));
	const order = query.order ?? "";
	const sorts = plan.sorts !== undefined && (can("list.sort") || can(plan.sorts));
	const [sort, up] = order.startsWith("-") ? [order.slice(1), true] : [order, false];
	const sent = {
		...plan.params,
		...(keyword ? { keyword } : { ...filters, p: page }),
		...(keyword ? {} : sorts ? { sort: sort || undefined, dir: sort ? (up ? "asc" : "desc") : undefined } : { order: plan.orders?.includes(order) ? order : undefined }),
		...(paging && !keyword ? { page_size: size } : {}),
	};
	const source = useResource<T[]>(`${keyword ? plan.search : plan.path}?${queryString(sent)}`);
	const found = source.data ?? undefined;
	const { passes } = plan;
	const all = keyword && passes ? found?.filter((row) => passes(row as never, filters)) : found;
	const rows = keyword ? all?.slice(page * size, (page + 1) * size) : all;
	const total = keyword ? all?.length : source.total;
	// the rows of before stay until others are there, or else what has the focus goes with them
	const last = useRef<{ rows: T[]; total: number | undefined } | null>(null);
	const stale = rows === undefined && !source.error ? last.current : null;
	if (rows)
		last.current = { rows, total };
	return {
		name: plan.name,
		rows: stale?.rows ?? rows, total: stale ? stale.total : total, stale: stale !== null,
		page, size, keyword, filters, order,
		orders: plan.orders ?? [],
		sorts,
		error: source.error,
		busy: source.busy,
		hasNext: total !== undefined ? (page + 1) * size < total : (rows?.length ?? 0) >= size,
		narrowed: keyword !== "" || Object.values(filters).some(Boolean),
		setKeyword: (text) => setQuery({ q: text, p: "" }, true),
		setFilter: (name, value) => setQuery({ [name]: value, p: "" }),
		setOrder: (value) => setQuery({ order: value, p: "" }),
		setPage: (n) => setQuery({ p: n > 0 ? n + 1 : "" }),
		setSize: (n) => {
			setPrefs({ pageSize: { ...prefs.value.pageSize, [plan.name]: n } });
			setQuery({ p: "" }, true);
		},
		clear: () => setQuery({ q: "", p: "", ...Object.fromEntries(names.map((n) => [n, ""])) }),
		reload: source.reload,
		readAll: async () => keyword ? all ?? [] : readPages<T>(plan.path, sent),
		patch: (change) => source.patch((rowsNow) => rowsNow.map(change)),
	};
}
