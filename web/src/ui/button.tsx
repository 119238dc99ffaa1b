// button.tsx — Button, IconButton, LinkButton; a promise given to onClick shows as busy
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import { showError } from "./toast";

interface Look {
	kind?: "main" | "bad" | "plain" | undefined;
	small?: boolean | undefined;
	icon?: IconName | undefined;
	class?: string | undefined;
}

const classes = ({ kind, small, class: more }: Look): string =>
	["button", kind, small && "small", more].filter(Boolean).join(" ");

interface ButtonProps extends Look {
	children?: ComponentChildren;
	onClick?(e: MouseEvent): unknown;
	submit?: boolean;
	disabled?: boolean | undefined;
	busy?: boolean;
	title?: string;
	[aria: `aria-${string}`]: string | boolean | undefined;
}

export function Button({ children, onClick, submit, disabled, busy, title, ...rest }: ButtonProps) {
	const [waiting, setWaiting] = useState(false);
	const click = async (e: MouseEvent): Promise<void> => {
		const result = onClick?.(e);
		if (!(result instanceof Promise))
			return;
		setWaiting(true);
		try {
			await result;
		} catch (fault) {
			showError(fault);
		} finally {
			setWaiting(false);
		}
	};
	const { kind, small, icon, class: more, ...aria } = rest;
	return (
		<button type={submit ? "submit" : "button"} class={classes({ kind, small, class: more })} title={title}
			disabled={disabled || waiting || busy} aria-busy={waiting || busy || undefined} onClick={click} {...aria}>
			{icon && <Icon name={icon} />}{children}
		</button>
	);
}

/** No label: only for close, row menu, copy, show and hide, and the top bar. */
export function IconButton({ icon, label, small = true, ...rest }:
	{ icon: IconName; label: string; onClick?(e: MouseEvent): unknown; small?: boolean; "aria-pressed"?: boolean }) {
	return (
		<Button kind="plain" class="icon" small={small} title={label} aria-label={label} {...rest}><Icon name={icon} /></Button>
	);
}

export function LinkButton({ href, children, icon, outside, ...look }:
	Look & { href: string; children: ComponentChildren; outside?: boolean }) {
	return (
		<a class={classes(look)} href={href} {...(outside ? { target: "_blank", rel: "noopener" } : {})}>
			{icon && <Icon name={icon} />}{children}
		</a>
	);
}
