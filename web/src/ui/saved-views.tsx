// saved-views.tsx — names for what the address says: search, filters, order
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { prefs, setPrefs } from "../lib/prefs";
import { go, route } from "../lib/router";
import { parseHash, queryString } from "../lib/query";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { TextField } from "./field";
import { useForm } from "./form";
import { Menu } from "./menu";

/** What a view remembers: not the page, not what is open. */
function current(): string {
	const { p: _p, open: _o, copy: _c, ...rest } = route.value.query;
	return queryString(Object.fromEntries(Object.entries(rest).filter(([, v]) => v).sort()));
}

export function SavedViews({ name }: { name: string }) {
	const [naming, setNaming] = useState(false);
	const form = useForm({ title: "" }, { title: (v) => v.trim() ? "" : t("form.required") });
	const views = prefs.value.views?.[name] ?? {};
	const keep = (next: Record<string, string>): void => setPrefs({ views: { ...prefs.value.views, [name]: next } });
	const here = Object.entries(views).find(([, q]) => q === current())?.[0];
	const add = async (e: Event): Promise<void> => {
		e.preventDefault();
		if (!await form.submit(async (v) => keep({ ...views, [v.title.trim()]: current() })))
			return;
		form.reset({ title: "" });
		setNaming(false);
	};
	const forget = (): void => {
		const { [here!]: _, ...rest } = views;
		keep(rest);
	};
	return (
		<>
			<Menu label={here ?? t("views")} items={[
				...Object.entries(views).map(([title, q]) => ({ label: title, checked: title === here, run: () => go(route.value.path.join("/"), parseHash(`?${q}`).query) })),
				{ label: t("views.save"), line: Object.keys(views).length > 0, run: () => setNaming(true) },
				...(here ? [{ label: t("views.forget", { name: here }), bad: true, run: forget }] : []),
			]} />
			{naming && (
				<Dialog title={t("views.save")} onClose={() => setNaming(false)}>
					<form class="stack" onSubmit={add} noValidate>
						<TextField form={form} name="title" label={t("views.name")} autofocus maxLength={40} />
						<div class="foot"><Button onClick={() => setNaming(false)}>{t("cancel")}</Button><Button kind="main" submit>{t("save")}</Button></div>
					</form>
				</Dialog>
			)}
		</>
	);
}
