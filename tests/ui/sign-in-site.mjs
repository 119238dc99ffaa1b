// sign-in-site.mjs — another site that people sign in with: an OpenID provider of three addresses
//
// Whoever comes is person() at once and is sent back with a code, good once and only with the verifier
// that its challenge was made of. refuses(): the token is denied, as after a code that is too old.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const hashOf = (text) => createHash("sha256").update(text).digest("base64url");

export async function openSite() {
	const codes = new Map(), tokens = new Map();
	let person = "", refused = false;
	const says = (answer, status, body) => answer.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
	const ways = {
		"/authorize": (url, answer) => {
			const code = `code-${codes.size}`;
			codes.set(code, { person, challenge: url.searchParams.get("code_challenge"), back: url.searchParams.get("redirect_uri") });
			const back = new URL(url.searchParams.get("redirect_uri"));
			back.search = new URLSearchParams({ code, state: url.searchParams.get("state") });
			answer.writeHead(302, { Location: back.href }).end();
		},
		"/token": (_, answer, form) => {
			const known = codes.get(form.get("code"));
			codes.delete(form.get("code"));
			if (refused || !known || known.back !== form.get("redirect_uri") || (known.challenge && hashOf(form.get("code_verifier") ?? "") !== known.challenge))
				return says(answer, 400, { error: "invalid_grant" });
			const token = `token-${tokens.size}`;
			tokens.set(token, known.person);
			says(answer, 200, { access_token: token, token_type: "Bearer" });
		},
		"/userinfo": (_, answer, __, headers) => {
			const name = tokens.get(headers.authorization?.replace("Bearer ", ""));
			if (!name)
				return says(answer, 401, { error: "invalid_token" });
			says(answer, 200, { sub: `sub-${name}`, preferred_username: name, name, email: `${name}@example.org` });
		},
	};
	const server = createServer((asked, answer) => {
		let body = "";
		asked.on("data", (piece) => { body += piece; });
		asked.on("end", () => {
			const url = new URL(asked.url, "http://127.0.0.1");
			const way = ways[url.pathname];
			return way ? way(url, answer, new URLSearchParams(body), asked.headers) : says(answer, 404, {});
		});
	});
	await new Promise((go) => server.listen(0, "127.0.0.1", go));
	const url = `http://127.0.0.1:${server.address().port}`;
	return {
		url,
		/** The operator's settings for it. */
		options: { OidcClientId: "gateway", OidcClientSecret: "site-secret", OidcWellKnown: "", OidcAuthorizationEndpoint: `${url}/authorize`, OidcTokenEndpoint: `${url}/token`, OidcUserinfoEndpoint: `${url}/userinfo`, OidcEnabled: "true" },
		isNow: (name) => { person = name; },
		refuses: (yes) => { refused = yes; },
		used: () => { assert.equal(codes.size, 0, "each code was used"); return tokens.size; },
		stop: () => { server.closeAllConnections(); server.close(); },
	};
}
