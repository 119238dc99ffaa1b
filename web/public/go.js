// go.js — a stub page leads to its route: …/oauth/github?code=1 becomes …/#/oauth/github?code=1
(function () {
	var script = document.currentScript, query = location.search;
	if (script.hasAttribute("data-lost")) {
		var names = { token: "keys", channel: "channels", user: "users", redemption: "codes" };
		var found = /^\/(token|channel|user|redemption)\/(?:edit\/(\d+)|add)\/?$/.exec(location.pathname);
		if (found)
			location.replace("/#/" + names[found[1]] + "/" + (found[2] || "new"));
		return;
	}
	location.replace("../".repeat(Number(script.getAttribute("data-up"))) + "#/" +
		script.getAttribute("data-route") + query);
})();
