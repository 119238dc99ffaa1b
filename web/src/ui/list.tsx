// list.tsx — the table of a list page, with its states, pager, selection and keys
//
//	<ListTools list={list} hint={t("channels.search")}>…filters…</ListTools>
//	<ListTable list={list} columns={columns} rowKey={(c) => c.id} onOpen={(c) => go(`channels/${c.id}`)} … />
//
// On a phone a row is two lines: the columns with phone "main", "side" and "fact".
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { can } from "../api/session";
import { t, tn } from "../i18n";
import * as f from "../lib/format";
import { prefs, setPrefs } from "../lib/prefs";
import { Button, IconButton } from "./button";
import { Menu, type MenuItem } from "./menu";
import { Empty, Failed } from "./state";
import { pageSizes, type List } from "./use-list";

export interface Column<T> {
	id: string;
	title: string;
	cell(row: T): ComponentChildren;
	/** right-aligned figures */
	num?: boolean;
	/** the server's name of this order */
	order?: string;
	phone?: "main" | "side" | "fact";
	/** can not be hidden */
	fixed?: boolean;
	/** hidden until chosen */
	extra?: boolean;
}

export interface Picked<T> {
	/** the rows as they are now: those of other pages are read at that moment */
	read(): Promise<T[]>;
	clear(): void;
}

interface TableProps<T> {
	list: List<T>;
	columns: Column<T>[];
	rowKey(row: T): number | string;
	rowName(row: T): string;
	onOpen?(row: T): void;
	/** the one action that is visible, then the menu */
	action?(row: T): ComponentChildren;
	menu?(row: T): (MenuItem | false)[];
	/** a heading above the row */
	band?(row: T, index: number): ComponentChildren;
	/** a line below the row */
	below?(row: T): ComponentChildren;
	/** actions for the selected rows; rows can be selected when given */
	picked?(picked: Picked<T>): ComponentChildren;
	/** all rows of all pages may be selected */
	pickAll?: boolean;
	empty: ComponentChildren;
}

function hiddenOf<T>(name: string, columns: Column<T>[]): Set<string> {
	return new Set(prefs.value.hidden?.[name] ?? columns.filter((c) => c.extra).map((c) => c.id));
}

/** Search, the page's filters, column chooser; the page's main button comes last. */
export function ListTools<T>({ list, hint, children, columns, end }: {
	list: List<T>; hint?: string; children?: ComponentChildren; columns?: Column<T>[]; end?: ComponentChildren;
}) {
	const [text, setText] = useState(list.keyword);
	const timer = useRef(0);
	useEffect(() => setText(list.keyword), [list.keyword]);
	const search = (typed: string): void => {
		setText(typed);
		clearTimeout(timer.current);
		const word = typed.trim();
		if (word === "" || word.length >= 2 || /^\d+$/.test(word))
			timer.current = window.setTimeout(() => list.setKeyword(word), 250);
	};
	return (
		<div class="tools">
			{hint && <input class="input search" type="search" placeholder={hint} aria-label={hint} data-search value={text} onInput={(e) => search(e.currentTarget.value)} />}
			{children && <div class="filters">{children}</div>}
			<span class="grow" />
			{columns && columns.length > 0 && <span class="columns-menu"><Columns name={list.name} columns={columns} /></span>}
			{end}
		</div>
	);
}

function Columns<T>({ name, columns }: { name: string; columns: Column<T>[] }) {
	const hidden = hiddenOf(name, columns);
	const toggle = (id: string): void => {
		const next = new Set(hidden);
		if (!next.delete(id))
			next.add(id);
		setPrefs({ hidden: { ...prefs.value.hidden, [name]: [...next] } });
	};
	const { [name]: _, ...others } = prefs.value.hidden ?? {};
	return (
		<Menu label={t("list.columns")} items={[
			...columns.filter((c) => !c.fixed).map((c) => ({ label: c.title, checked: !hidden.has(c.id), stays: true, run: () => toggle(c.id) })),
			{ label: t("list.reset"), line: true, run: () => setPrefs({ hidden: others }) },
		]} />
	);
}

/** A filter among few values; nothing chosen is "any". */
export function Filter<T>({ list, name, label, options }: { list: List<T>; name: string; label: string; options: { value: string | number; label: string }[] }) {
	return (
		<select class="input" aria-label={label} value={list.filters[name] ?? ""} onChange={(e) => list.setFilter(name, e.currentTarget.value)}>
			<option value="">{label}</option>
			{options.map((o) => <option key={o.value} value={String(o.value)}>{o.label}</option>)}
		</select>
	);
}

/** What narrows a list, with a button that ends it; name: what that button removes. */
export function Chip({ text, name = text, onRemove }: { text: string; name?: string; onRemove(): void }) {
	return <span class="chip">{text}<button type="button" aria-label={t("remove", { name })} onClick={onRemove}>×</button></span>;
}

export function Pager<T>({ list }: { list: List<T> }) {
	const first = list.page * list.size + 1;
	const last = first + (list.rows?.length ?? 0) - 1;
	if (list.page === 0 && !list.hasNext && list.total === undefined)
		return null;
	return (
		<nav class="pager" aria-label={t("list.pages")}>
			<span>{last < first ? t("list.page", { n: list.page + 1 }) : list.total !== undefined
				? t("list.range", { first: f.number(first), last: f.number(last), total: f.number(list.total) })
				: t("list.page", { n: list.page + 1 })}</span>
			<span class="grow" />
			{list.total !== undefined && can("list.paging") && (
				<select class="input" style={{ width: "auto" }} aria-label={t("list.size")} value={String(list.size)} onChange={(e) => list.setSize(Number(e.currentTarget.value))}>
					{pageSizes.map((n) => <option key={n} value={String(n)}>{tn("list.rows", n)}</option>)}
				</select>
			)}
			<Button small icon="left" disabled={list.page === 0} onClick={() => list.setPage(list.page - 1)}>{t("list.previous")}</Button>
			<Button small disabled={!list.hasNext} onClick={() => list.setPage(list.page + 1)}>{t("list.next")}</Button>
		</nav>
	);
}

function Bones({ columns }: { columns: number }) {
	return (
		<table class="table late" aria-hidden="true"><tbody>
			{Array.from({ length: 6 }, (_, r) => (
				<tr key={r}>{Array.from({ length: columns }, (_x, c) => <td key={c}><div class="bone" style={{ width: `${50 + (r * 7 + c * 13) % 45}%`, minWidth: "40px" }} /></td>)}</tr>
			))}
		</tbody></table>
	);
}

const inControl = (e: Event): boolean => (e.target as HTMLElement).closest("a, button, input, select, textarea, label, .menu-list") !== null;

export function ListTable<T>(p: TableProps<T>) {
	const { list, rowKey } = p;
	const [chosen, setChosen] = useState<Set<number | string>>(new Set());
	const [here, setHere] = useState(-1);
	const hidden = hiddenOf(list.name, p.columns);
	const columns = p.columns.filter((c) => c.fixed || !hidden.has(c.id));
	const rows = list.rows ?? [];
	const chosenRows = rows.filter((row) => chosen.has(rowKey(row)));
	const [beyond, setBeyond] = useState(false); // rows of other pages are among the chosen
	const count = beyond ? chosen.size : chosenRows.length;
	const choose = (keys: (number | string)[], all = false): void => {
		setChosen(new Set(keys));
		setBeyond(all);
	};
	const place = [list.page, list.keyword, ...Object.values(list.filters)].join("\n");
	const placeNow = useRef(place);
	placeNow.current = place;
	useEffect(() => choose([]), [place]);
	const chooseAll = async (): Promise<void> => {
		const all = await list.readAll();
		if (placeNow.current === place)
			choose(all.map(rowKey), true);
	};
	const readChosen = async (): Promise<T[]> => beyond ? (await list.readAll()).filter((row) => chosen.has(rowKey(row))) : chosenRows;
	const toggle = (row: T): void => {
		const next = new Set(chosen);
		if (!next.delete(rowKey(row)))
			next.add(rowKey(row));
		choose(rows.map(rowKey).filter((k) => next.has(k)));
	};
	useLayoutEffect(() => { // the next key may come at once
		const key = (e: KeyboardEvent): void => {
			if (prefs.value.noShortcuts || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]") || inControl(e))
				return;
			const row = rows[here];
			if (e.key === "j")
				setHere((i) => Math.min(rows.length - 1, i + 1));
			else if (e.key === "k")
				setHere((i) => Math.max(0, i - 1));
			else if (e.key === "x" && row && p.picked)
				toggle(row);
			else if ((e.key === "Enter" || e.key === "e") && row && p.onOpen) {
				e.preventDefault(); // or the field that gets the focus gets the letter, too
				p.onOpen(row);
			} else if (e.key === "Escape")
				choose([]);
		};
		addEventListener("keydown", key);
		return () => removeEventListener("keydown", key);
	});
	if (list.rows === undefined)
		return <div class="card flush">{list.error ? <Failed error={list.error} retry={list.reload} /> : <Bones columns={columns.length} />}</div>;
	if (rows.length === 0 && list.page === 0)
		return <div class="card">{list.narrowed ? <Empty text={t("list.none")}><Button onClick={list.clear}>{t("list.clear")}</Button></Empty> : p.empty}</div>;
	const cell = (c: Column<T>): string => [c.num && "num", c.phone && `phone-${c.phone}`].filter(Boolean).join(" ");
	return (
		<>
			<div class="card flush">
				<div class={list.busy ? "thin busy" : "thin"} />
				<div class="table-box" aria-busy={list.stale || undefined}>
					<table class="table folds">
						<thead><tr>
							{p.picked && (
								<th class="pick"><input type="checkbox" aria-label={t("list.all")} checked={chosenRows.length === rows.length}
									onChange={(e) => choose(e.currentTarget.checked ? rows.map(rowKey) : [])} /></th>
							)}
							{columns.map((c) => <Head key={c.id} column={c} list={list} />)}
							{(p.action ?? p.menu) && <th class="acts"><span class="off-screen">{t("list.actions")}</span></th>}
						</tr></thead>
						<tbody>{rows.map((row, i) => {
							const below = p.below?.(row);
							const band = p.band?.(row, i);
							return (
								<>
									{band && <tr class="band"><th colSpan={columns.length + (p.picked ? 1 : 0) + (p.action ?? p.menu ? 1 : 0)}>{band}</th></tr>}
									<tr key={rowKey(row)} aria-selected={p.picked ? chosen.has(rowKey(row)) : undefined}
										class={[p.onOpen && "opens", here === i && "here", below && "open-below"].filter(Boolean).join(" ")}
										onClick={(e) => { if (!inControl(e) && !getSelection()?.toString()) p.onOpen?.(row); }}>
										{p.picked && (
											<td class="pick"><input type="checkbox" checked={chosen.has(rowKey(row))} onChange={() => toggle(row)}
												aria-label={t("list.choose", { name: p.rowName(row) })} /></td>
										)}
										{columns.map((c, at) => (
											<td key={c.id} class={cell(c)} data-label={c.num && c.phone === "fact" ? c.title : undefined}>
												{at === 0 && p.onOpen ? <button type="button" class="link name clip" style={{ maxWidth: "100%", color: "inherit", textDecoration: "none" }} onClick={() => p.onOpen!(row)}>{c.cell(row)}</button> : c.cell(row)}
											</td>
										))}
										{(p.action ?? p.menu) && (
											<td class="acts"><span class="row fixed" style={{ justifyContent: "flex-end", gap: "2px" }}>
												{p.action && <span class="one">{p.action(row)}</span>}
												{p.menu && <Menu label={t("list.menu", { name: p.rowName(row) })} icon="more" small items={p.menu(row)} />}
											</span></td>
										)}
									</tr>
									{below && <tr class="below"><td colSpan={columns.length + (p.picked ? 1 : 0) + (p.action ?? p.menu ? 1 : 0)}>{below}</td></tr>}
								</>
							);
						})}</tbody>
					</table>
				</div>
				<Pager list={list} />
			</div>
			{p.picked && count > 0 && (
				<div class="picked" role="region" aria-label={t("list.selected")}>
					<strong>{tn("list.chosen", count)}</strong>
					{p.pickAll && !beyond && chosenRows.length === rows.length && (list.total ?? 0) > rows.length && <Button small kind="plain" onClick={chooseAll}>{t("list.pickAll", { n: f.number(list.total!) })}</Button>}
					{p.picked({ read: readChosen, clear: () => choose([]) })}
					<span class="grow" />
					<IconButton icon="close" label={t("list.unselect")} onClick={() => choose([])} />
				</div>
			)}
		</>
	);
}

function Head<T>({ column, list }: { column: Column<T>; list: List<T> }) {
	const sorts = column.order && (list.sorts || list.orders.includes(column.order)) && !list.keyword;
	const down = sorts && list.order === column.order, up = sorts && list.order === `-${column.order}`;
	const next = down ? (list.sorts ? `-${column.order}` : "") : up ? "" : column.order!;
	return (
		<th class={column.num ? "num" : ""} aria-sort={down ? "descending" : up ? "ascending" : undefined}>
			{sorts ? <button type="button" onClick={() => list.setOrder(next)}>{column.title} <span aria-hidden="true">{down ? "↓" : up ? "↑" : "↕"}</span></button> : column.title}
		</th>
	);
}
