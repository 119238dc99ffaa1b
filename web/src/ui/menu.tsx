// menu.tsx — a button that opens a list of actions; arrows, Home, End, Esc and letters work
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import { Icon, type IconName } from "./icons";
import { showError } from "./toast";

export interface MenuItem {
	label: string;
	run?(): unknown;
	href?: string;
	bad?: boolean;
	checked?: boolean;
	/** a line above it */
	line?: boolean;
	/** stays open: for lists of check marks */
	stays?: boolean;
}

export function Menu({ label, icon, items, small, plain, children }: {
	/** the name of the button; shown only when there are no children and no icon */
	label: string;
	icon?: IconName;
	items: (MenuItem | false | null | undefined)[];
	small?: boolean;
	plain?: boolean;
	children?: ComponentChildren;
}) {
	const [open, setOpen] = useState(false);
	const box = useRef<HTMLDivElement>(null);
	const list = useRef<HTMLDivElement>(null);
	const typed = useRef({ text: "", at: 0 }); // letters in quick succession are one word
	const entries = (): HTMLElement[] => [...list.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? []];
	const close = (): void => {
		setOpen(false);
		box.current?.querySelector("button")?.focus();
	};
	useLayoutEffect(() => {
		if (!open)
			return;
		const at = box.current!.getBoundingClientRect();
		const size = list.current!.getBoundingClientRect();
		const below = at.bottom + size.height + 8 < innerHeight || at.top < size.height + 8;
		list.current!.style.top = `${below ? Math.min(at.bottom + 4, innerHeight - size.height - 8) : at.top - size.height - 4}px`;
		list.current!.style.left = `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px`;
		entries()[0]?.focus();
		typed.current = { text: "", at: 0 };
	}, [open]);
	useEffect(() => {
		if (!open)
			return;
		const away = (e: Event): void => { if (!box.current?.contains(e.target as Node)) setOpen(false); };
		addEventListener("pointerdown", away);
		addEventListener("scroll", away, true);
		return () => {
			removeEventListener("pointerdown", away);
			removeEventListener("scroll", away, true);
		};
	}, [open]);
	const key = (e: KeyboardEvent): void => {
		const all = entries();
		const at = all.indexOf(document.activeElement as HTMLElement);
		const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
		if (e.key === "Escape" || e.key === "Tab") {
			e.stopPropagation();
			e.preventDefault();
			close();
		} else if (e.key in to) {
			e.preventDefault();
			all[(to[e.key]! + all.length) % all.length]?.focus();
		} else if (e.key.length === 1) {
			const goesOn = e.timeStamp - typed.current.at < 700 && typed.current.text !== "";
			typed.current = { text: (goesOn ? typed.current.text : "") + e.key.toLowerCase(), at: e.timeStamp };
			const { text } = typed.current;
			[...all.slice(goesOn ? at : at + 1), ...all].find((x) => x.textContent?.trim().toLowerCase().startsWith(text))?.focus();
		}
	};
	const choose = (item: MenuItem): void => {
		if (!item.stays)
			close();
		void Promise.resolve(item.run?.()).catch(showError);
	};
	return (
		<div class="menu" ref={box} onClick={(e) => e.stopPropagation()}>
			<Button kind={plain || icon ? "plain" : undefined} class={icon && !children ? "icon" : undefined} small={small} title={icon && !children ? label : ""}
				aria-label={icon && !children ? label : undefined} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
				{icon && <Icon name={icon} />}{children ?? (!icon && <>{label}<Icon name="down" size={12} /></>)}
			</Button>
			{open && (
				<div class="menu-list" role="menu" aria-label={label} ref={list} onKeyDown={key}>
					{items.map((item) => item && (
						<>
							{item.line && <hr />}
							{item.href
								? <a role="menuitem" tabIndex={-1} href={item.href} onClick={() => setOpen(false)}>{item.label}</a>
								: <button type="button" tabIndex={-1} class={item.bad ? "danger" : ""} role={item.checked === undefined ? "menuitem" : "menuitemcheckbox"}
									aria-checked={item.checked} onClick={() => choose(item)}>
									{item.checked !== undefined && <span aria-hidden="true">{item.checked ? "✓" : "\u2003"}</span>}{item.label}
								</button>}
						</>
					))}
				</div>
			)}
		</div>
	);
}
