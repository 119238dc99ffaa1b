# report.awk — turns the results of run.sh into Markdown
#
# A line of input is key=value …; those of a measurement have name, row and what load prints, others
# name and value.
{
	name = row = ""
	for (i = 1; i <= NF; i++) {
		eq = index($i, "=")
		key = substr($i, 1, eq - 1)
		value = substr($i, eq + 1)
		if (key == "name") {
			name = value
			order[++count] = $0
		} else if (key == "row") {
			row = value
		} else {
			f[name, row, key] = value
		}
	}
	f[name, row, "is"] = 1
}

function has(name, row) {
	return (name, row, "is") in f
}

function get(name, row, key) {
	return f[name, row, key] + 0
}

function noisy(name, row) {
	return get(name, row, "foreign") > 0.08 || get(name, row, "errors") > 0 ? "~" : ""
}

# Of a figure made of the product's row and another.
function shaky(name, other) {
	return noisy(name, "product") noisy(name, other) ? "~" : ""
}

# a / b, or nothing when there is no b
function per(a, b) {
	return b > 0 ? a / b : 0
}

function ms(us) {
	return sprintf(us < 10000 ? "%.2f" : "%.0f", us / 1000)
}

function cpu(name, row, whose, unit) {
	return per(get(name, row, whose "_cpu_us"), get(name, row, unit))
}

function cpu_text(name, row, whose) {
	return (name, row, whose "_cpu_us") in f ? sprintf("%.1f", cpu(name, row, whose, "requests")) : "–"
}

function rate_line(name, row, connections, body) {
	if (!has(name, row))
		return
	printf "| %s | %d | %s | %s%.0f | %.2f | %s | %s | %s | %s |\n", row, connections, body,
		noisy(name, row), get(name, row, "rate"),
		per(get(name, row, "rate"), get(name, "b", "rate")),
		ms(get(name, row, "p50_us")), ms(get(name, row, "p99_us")),
		cpu_text(name, row, "nginx"), cpu_text(name, row, "ours")
}

function rates(   bodies, titles, conns, rows, b, c, r) {
	print "| row | connections | body | req/s | ÷ b | p50 ms | p99 ms | CPU nginx µs | CPU ours µs |"
	print "|---|---|---|---|---|---|---|---|---|"
	split("small large sse", bodies, " ")
	split("JSON 0.4 KB,JSON 10 KB,SSE of 50 events", titles, ",")
	split("1 64 256", conns, " ")
	split("a b c2 c3 product", rows, " ")
	for (b = 1; b <= 3; b++)
		for (c = 1; c <= 3; c++)
			for (r = 1; r <= 5; r++)
				rate_line(bodies[b] "." conns[c], rows[r], conns[c], titles[b])
}

function stream_line(name, row, title) {
	if (!has(name, row))
		return
	printf "| %s | %s | %d | %s%.0f | %s | %s | %s | %.1f | %s |\n", title, row,
		get(name, row, "up"), noisy(name, row), get(name, row, "event_rate"),
		ms(get(name, row, "age_p50_us")), ms(get(name, row, "age_p99_us")),
		ms(get(name, row, "age_max_us")), cpu(name, row, "nginx", "events"),
		row == "b" ? "–" : sprintf("%.1f", cpu(name, row, "ours", "events"))
}

function streams(   i, word) {
	print "\n| streams | row | open | events/s | age p50 ms | p99 ms | max ms | CPU nginx µs/event | CPU ours µs/event |"
	print "|---|---|---|---|---|---|---|---|---|"
	split("events10k events25k events50k", word, " ")
	for (i = 1; i <= 3; i++) {
		stream_line(word[i], "b", substr(word[i], 7) "/s")
		stream_line(word[i], "product", substr(word[i], 7) "/s")
	}
	stream_line("converted", "product", "25k/s, ollama → openai")
	for (i = 1; i <= count; i++)
		if (match(order[i], /name=slow\.[0-9]+/))
			stream_line(substr(order[i], 6, RLENGTH - 5), "product", "1/s each")
}

# What was measured, beside what it must be at least (sign ">") or at most ("<").
function figure(what, value, format, sign, must, mark) {
	printf "| %s | %s" format " | %s " format " | %s |\n", what, mark, value,
		sign == ">" ? "≥" : "≤", must,
		(sign == ">" ? value >= must : value <= must) ? "yes" : "**no**"
}

function plain(what, text) {
	printf "| %s | %s | | |\n", what, text
}

function kb_per_stream(name) {
	return per(get(name, "product", "ours_rss_kb") - f["idle_kb", "", "value"], get(name, "product", "up"))
}

function slow_figures(   i, name) {
	for (i = 1; i <= count; i++) {
		if (!match(order[i], /name=slow\.[0-9]+/))
			continue
		name = substr(order[i], 6, RLENGTH - 5)
		figure("memory per live stream, KB, with " get(name, "product", "up") " of " substr(name, 6) " open",
			kb_per_stream(name), "%.1f", "<", 40, "")
		if (substr(name, 6) + 0 >= 9500)
			figure("live streams in one process", get(name, "product", "up"), "%d", ">", 9500, "")
	}
}

function figures(   name, idle) {
	name = "small.64"
	idle = f["idle_kb", "", "value"] / 1024
	print "\n| figure | measured | must | holds |"
	print "|---|---|---|---|"
	figure("full path JSON, 64 connections, req/s ÷ b", per(get(name, "product", "rate"), get(name, "b", "rate")),
		"%.2f", ">", 0.20, shaky(name, "b"))
	figure("… ÷ c2", per(get(name, "product", "rate"), get(name, "c2", "rate")), "%.2f", ">", 0.50, shaky(name, "c2"))
	figure("… ÷ c3", per(get(name, "product", "rate"), get(name, "c3", "rate")), "%.2f", ">", 0.21, shaky(name, "c3"))
	figure("CPU per request in our programs, µs", cpu(name, "product", "ours", "requests"), "%.0f", "<", 70, noisy(name, "product"))
	figure("added p50 over b at 1,000 req/s, ms",
		(get("open", "product", "p50_us") - get("open", "b", "p50_us")) / 1000, "%.2f", "<", 0.6, shaky("open", "b"))
	plain("added p99 over b at 1,000 req/s, ms", shaky("open", "b") ms(get("open", "product", "p99_us") - get("open", "b", "p99_us")))
	figure("CPU per SSE event at 25,000/s, µs", cpu("events25k", "product", "ours", "events"), "%.1f", "<", 15, noisy("events25k", "product"))
	figure("CPU per SSE event, converting dialect, µs", cpu("converted", "product", "ours", "events"), "%.1f", "<", 25, noisy("converted", "product"))
	if (has("events10k", "product"))
		figure("event age p50 over b at 10,000/s, ms",
			(get("events10k", "product", "age_p50_us") - get("events10k", "b", "age_p50_us")) / 1000,
			"%.2f", "<", 0.5, shaky("events10k", "b"))
	if (has("events50k", "product"))
		figure("event age p99 at 50,000/s, ms", get("events50k", "product", "age_p99_us") / 1000, "%.1f", "<", 20, noisy("events50k", "product"))
	slow_figures()
	figure("100 clients gone → upstream cancelled, ms", get("leave", "product", "left_ms"), "%d", "<", 100, noisy("leave", "product"))
	figure("resident memory idle, MB", idle, "%.1f", "<", 25, "")
	figure("… after load and the peak of streams ÷ idle", per(f["after_kb", "", "value"] / 1024, idle), "%.2f", "<", 1.5, "")
	figure("start until accepting, ms", f["start_us", "", "value"] / 1000, "%.0f", "<", 100, "")
}

END {
	rates()
	streams()
	figures()
	print "\n~ others used more than 8 % of a core meanwhile, or some requests failed. CPU is per request or event."
}
