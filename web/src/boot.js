// boot.js — before the first paint: theme, light or dark, language; and what every page asks first, so
// that it need not wait for the rest of the code. Not a module, so that it runs at once and old
// browsers read it, too.
(function () {
	var root = document.documentElement, prefs = {};
	try {
		prefs = JSON.parse(localStorage.getItem("gateway.prefs")) || {};
	} catch (e) { /* a private window, or someone else's text */ }
	var dark = prefs.mode === "dark" ||
		(prefs.mode !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
	root.dataset.mode = dark ? "dark" : "light";
	root.dataset.theme = prefs.theme || "default";
	root.dataset.density = prefs.density || "comfortable";
	root.lang = prefs.language || (/(^|,)zh/i.test(String(navigator.languages || navigator.language)) ? "zh-CN" : "en");
	var meta = document.querySelector('meta[name="api-base"]');
	var base = ((meta && meta.content) || ".").replace(/\/$/, "") + "/api/";
	window.early = {}; // path: the answer; api/client.ts takes each once
	window.fetch && ["status", "user/self"].forEach(function (path) {
		window.early[path] = fetch(base + path, {
			credentials: "same-origin", headers: { "Accept-Language": root.lang, "X-Requested-With": "gateway-ui" },
		});
		window.early[path].catch(function () { /* who takes it hears of it */ });
	});
	addEventListener("DOMContentLoaded", function () {
		if (!("noModule" in HTMLScriptElement.prototype) || typeof HTMLDialogElement === "undefined")
			document.getElementById("old-browser").hidden = false;
	});
})();
