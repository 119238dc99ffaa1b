// icons.tsx — line icons on a grid of 24, drawn for this UI
const paths = {
	overview: "M4 20V10m5 10V4m5 16v-8m5 8V7",
	playground: "M5 4l14 8-14 8z",
	keys: "M14.5 9.5a4.5 4.5 0 1 0-4 4.5L12 15.5h2V18h2.5v2.5H20V17l-5.8-5.8zM9 9h.01",
	models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
	logs: "M5 6h14M5 12h14M5 18h9",
	wallet: "M4 7h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2zm0 0a2 2 0 0 1 2-2h10v2M16 13.5h.01",
	chat: "M4 5h16v11H10l-4 4v-4H4z",
	channels: "M4 12h5c4 0 3-6 7-6h4M9 12h11M9 12c4 0 3 6 7 6h4",
	users: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zm-6 9c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6.5m1.500 3.300c2.200.7 3.500 2.900 3.500 5.700",
	codes: "M4 7h16v3.500a1.500 1.500 0 0 0 0 3V17H4v-3.500a1.500 1.500 0 0 0 0-3zM14 7v10",
	diagnostics: "M3 12h4l3-7 4 14 3-7h4",
	settings: "M4 7h9m5 0h2M4 17h2m5 0h9M13 7a2.500 2.500 0 1 0 5 0 2.500 2.500 0 0 0-5 0zM6 17a2.500 2.500 0 1 0 5 0 2.500 2.500 0 0 0-5 0z",
	close: "M6 6l12 12M18 6L6 18",
	more: "M12 5h.01M12 12h.01M12 19h.01",
	copy: "M9 9h11v11H9zM15 9V4H4v11h5",
	check: "M5 12.500l5 5 9-11",
	show: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
	hide: "M4 4l16 16M9.500 5.800A9.600 9.600 0 0 1 12 5.500c6 0 9.500 6.500 9.500 6.500a17 17 0 0 1-3 3.700M6.300 7.700A16 16 0 0 0 2.500 12S6 18.500 12 18.500a9 9 0 0 0 4-1",
	search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500L20 20",
	plus: "M12 5v14M5 12h14",
	left: "M15 5l-7 7 7 7",
	right: "M9 5l7 7-7 7",
	down: "M5 9l7 7 7-7",
	sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.500v2m0 15v2M2.500 12h2m15 0h2M5.300 5.300l1.400 1.400m10.600 10.600l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
	moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
	language: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c2.500 2.500 3.500 5.500 3.500 9s-1 6.500-3.500 9c-2.500-2.500-3.500-5.500-3.500-9S9.500 5.500 12 3z",
	bell: "M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500h4",
	stop: "M7 7h10v10H7z",
	download: "M12 4v11m-5-4.500l5 5 5-5M5 20h14",
	user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.5-4 3.500-6 7.500-6s7 2 7.500 6",
	menu: "M4 7h16M4 12h16M4 17h16",
	out: "M14 4h6v16h-6M4 12h11m-4-4l4 4-4 4",
	image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01",
	audit: "M6 3.500h9l4 4V20.500H6zM9 10h6M9 13.500h6M9 17h3",
	link: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
};

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
	return (
		<svg viewBox="0 0 24 24" width={size} height={size} fill="none" stroke="currentColor" stroke-width="1.75"
			stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
			<path d={paths[name]} />
		</svg>
	);
}

/** One line that splits into three: logo, empty states, the ground of the sign-in page. */
export function RouteMark({ class: className = "mark", thin = false }: { class?: string; thin?: boolean }) {
	return (
		<svg class={className} viewBox="0 0 72 36" fill="none" stroke="currentColor" stroke-width={thin ? 0.35 : 1.75}
			stroke-linecap="round" aria-hidden="true">
			<path d="M2 18h22c16 0 14-14 28-14h18M24 18h46M24 18c16 0 14 14 28 14h18" />
		</svg>
	);
}
