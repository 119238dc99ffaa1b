// chart.tsx — stacked bars over time, sparklines and ranked bars, as SVG with the figures behind
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Segments } from "../ui/field";

export interface Series {
	name: string;
	values: number[];
}

const shown = 7;

/** The largest seven, in an order that keeps a name's colour; the rest is one grey series. */
export function topSeries(series: Series[], others: string): { series: Series[]; colours: string[] } {
	const sum = (s: Series): number => s.values.reduce((a, b) => a + b, 0);
	const ranked = [...series].filter((s) => sum(s) > 0).sort((a, b) => sum(b) - sum(a));
	const top = ranked.slice(0, shown);
	const rest = ranked.slice(shown);
	const taken = new Set<number>();
	const colours = top.map((s) => {
		let at = [...s.name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) >>> 0, 7) % shown;
		while (taken.has(at))
			at = (at + 1) % shown;
		taken.add(at);
		return `var(--series-${at + 1})`;
	});
	if (rest.length > 0) {
		top.push({ name: others, values: rest[0]!.values.map((_, i) => rest.reduce((a, s) => a + (s.values[i] ?? 0), 0)) });
		colours.push("var(--series-8)");
	}
	return { series: top, colours };
}

function niceMax(n: number): number {
	if (n <= 0)
		return 1;
	const power = 10 ** Math.floor(Math.log10(n));
	return [1, 2, 2.5, 5, 10].map((f) => f * power).find((x) => x >= n) ?? n;
}

interface ChartProps {
	title: string;
	labels: string[];
	series: Series[];
	format(n: number): string;
	onPick?(series: string, label: string): void;
}

const H = 240, left = 64, bottom = 24, top = 8;

/** A chart is drawn at the width that it has, so that its letters keep their size. */
function useWidth(): [{ current: HTMLElement | null }, number] {
	const box = useRef<HTMLElement>(null);
	const [width, setWidth] = useState(720);
	useEffect(() => {
		const watch = new ResizeObserver(([entry]) => setWidth(Math.max(280, Math.round(entry!.contentRect.width))));
		watch.observe(box.current!);
		return () => watch.disconnect();
	}, []);
	return [box, width];
}

export function StackedBars({ title, labels, series: all, format, onPick }: ChartProps) {
	const [view, setView] = useState<"chart" | "table">("chart");
	const [hover, setHover] = useState<number | null>(null);
	const [box, W] = useWidth();
	const { series, colours } = topSeries(all, t("chart.others"));
	const totals = labels.map((_, i) => series.reduce((a, s) => a + (s.values[i] ?? 0), 0));
	const max = niceMax(Math.max(...totals, 0));
	const step = (W - left) / Math.max(1, labels.length);
	const barWidth = Math.min(56, step * 0.6);
	const height = (n: number): number => n / max * (H - top - bottom);
	return (
		<figure class="stack tight" ref={box as { current: HTMLElement }}>
			<figcaption class="row spread">
				<span class="second small">{hover === null ? title : `${labels[hover]} · ${format(totals[hover] ?? 0)}`}</span>
				<Segments label={t("chart.view")} value={view} onChange={setView}
					options={[{ value: "chart", label: t("chart.chart") }, { value: "table", label: t("chart.table") }]} />
			</figcaption>
			{view === "chart" ? (
				<svg viewBox={`0 0 ${W} ${H}`} class="chart" role="img" aria-label={title} onMouseLeave={() => setHover(null)}>
					{[0, 0.5, 1].map((share) => (
						<g key={share}>
							<line x1={left} x2={W} y1={H - bottom - height(max * share)} y2={H - bottom - height(max * share)} class="grid" />
							<text x={left - 8} y={H - bottom - height(max * share) + 4} text-anchor="end">{format(max * share)}</text>
						</g>
					))}
					{labels.map((label, i) => {
						let y = H - bottom;
						return (
							<g key={label} onMouseEnter={() => setHover(i)}>
								<rect x={left + i * step} y={top} width={step} height={H - top - bottom} fill="transparent" />
								{series.map((s, at) => {
									const h = height(s.values[i] ?? 0);
									y -= h;
									return h > 0 && (
										<rect key={s.name} x={left + i * step + (step - barWidth) / 2} y={y} width={barWidth} height={h} fill={colours[at]}
											style={onPick ? { cursor: "pointer" } : {}} onClick={() => onPick?.(s.name, label)}>
											<title>{`${s.name}: ${format(s.values[i] ?? 0)}`}</title>
										</rect>
									);
								})}
								<text x={left + (i + 0.5) * step} y={H - 6} text-anchor="middle">{label}</text>
							</g>
						);
					})}
				</svg>
			) : (
				<div class="table-box"><table class="table">
					<thead><tr><th /> {labels.map((l) => <th class="num" key={l}>{l}</th>)}</tr></thead>
					<tbody>{series.map((s) => (
						<tr key={s.name}><th scope="row">{s.name}</th>{labels.map((l, i) => <td class="num" key={l}>{format(s.values[i] ?? 0)}</td>)}</tr>
					))}</tbody>
				</table></div>
			)}
			<ul class="row small">{series.map((s, i) => <li key={s.name} class="row"><span class="dot" style={{ background: colours[i] }} />{s.name}</li>)}</ul>
		</figure>
	);
}

export function Sparkline({ values, label }: { values: number[]; label: string }) {
	const max = Math.max(...values, 1);
	const step = 120 / Math.max(1, values.length);
	return (
		<svg viewBox="0 0 120 24" class="spark" role="img" aria-label={label}>
			{values.map((v, i) => <rect key={i} x={i * step + 1} width={Math.max(1, step - 2)} y={24 - Math.max(1, v / max * 24)} height={Math.max(1, v / max * 24)} />)}
		</svg>
	);
}

export function RankedBars({ rows, format }: { rows: { name: string; value: number; href?: string }[]; format(n: number): string }) {
	const max = Math.max(...rows.map((r) => r.value), 1);
	return (
		<ol class="stack tight">
			{rows.map((r) => (
				<li key={r.name} class="ranked">
					{r.href ? <a class="clip" href={r.href}>{r.name}</a> : <span class="clip">{r.name}</span>}
					<span class="bar" aria-hidden="true"><i style={{ width: `${r.value / max * 100}%` }} /></span>
					<span class="num">{format(r.value)}</span>
				</li>
			))}
		</ol>
	);
}
