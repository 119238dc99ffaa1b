// fold.tsx — a fold whose content is made, and asks the server, when it is opened first
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export function Fold({ title, children }: { title: string; children: ComponentChildren }) {
	const [opened, setOpened] = useState(false);
	return <details onToggle={(e) => { if (e.currentTarget.open) setOpened(true); }}><summary>{title}</summary>{opened && <div class="stack" style={{ paddingTop: "12px" }}>{children}</div>}</details>;
}
