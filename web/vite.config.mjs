// vite.config.mjs — builds dist/: relative URLs, hash routes, and a stub page for each path URL
// that one-api has published, so that any server of plain files will do.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { defineConfig, transformWithEsbuild } from "vite";

// path: the route it leads to. A stub lies in a folder of that name.
const stubs = {
	"login": "login", "register": "register", "reset": "reset", "user/reset": "user/reset",
	"oauth/github": "oauth/github", "oauth/lark": "oauth/lark", "oauth/oidc": "oauth/oidc",
	"topup": "wallet", "token": "keys", "log": "logs", "channel": "channels",
	"redemption": "codes", "user": "users", "dashboard": "overview", "detail": "overview",
	"setting": "settings", "about": "about", "chat": "chat", "panel": "overview",
};

const stubPage = (depth, route) => `<!doctype html>
<meta charset="utf-8">
<title>…</title>
<script src="${"../".repeat(depth)}go.js" data-up="${depth}" data-route="${route}"></script>
<noscript>JavaScript is needed here. 此页面需要 JavaScript。</noscript>
`;

// A server that is told `error_page 404 /404.html` makes the old deep links work, too.
const lostPage = `<!doctype html>
<meta charset="utf-8">
<title>404</title>
<script src="/go.js" data-lost></script>
<p>404</p>
`;

const stubPages = {
	name: "stub-pages",
	generateBundle() {
		for (const [path, route] of Object.entries(stubs)) {
			const depth = path.split("/").length;
			this.emitFile({ type: "asset", fileName: `${path}/index.html`, source: stubPage(depth, route) });
		}
		this.emitFile({ type: "asset", fileName: "404.html", source: lostPage });
	},
};

// Read before the first paint, so no module; with a hash in its name it is asked for once and no more.
const bootScript = {
	name: "boot-script",
	apply: "build",
	async buildStart() {
		const source = readFileSync(new URL("src/boot.js", import.meta.url), "utf8");
		const { code } = await transformWithEsbuild(source, "boot.js", { minify: true, target: "es5" });
		bootScript.fileName = `assets/boot-${createHash("sha256").update(code).digest("base64url").slice(0, 8)}.js`;
		this.emitFile({ type: "asset", fileName: bootScript.fileName, source: code });
	},
	transformIndexHtml: { order: "post", handler: (html) => html.replace("./src/boot.js", `./${bootScript.fileName}`) },
};

export default defineConfig({
	base: "./",
	plugins: [stubPages, bootScript],
	build: {
		target: ["chrome109", "firefox115", "safari16.4"],
		modulePreload: { polyfill: false },
		assetsInlineLimit: 0,
		reportCompressedSize: false,
		sourcemap: false,
		cssCodeSplit: false,
		manifest: "manifest.json",
		// one file with what every page needs, rather than a dozen small ones
		rollupOptions: { output: { manualChunks: (id) => /\/src\/(main\.tsx|(api|shell)\/|ui\/(?!snippets|pairs|inline|limits)|lib\/(?!channel|chat|differences|limits|log-text|log-words|said|pricing|snippets|sse))/.test(id) ? "shell" : undefined } },
	},
	esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
	server: { proxy: { "/api": "http://127.0.0.1:3000", "/v1": "http://127.0.0.1:3000" } },
	test: { include: ["src/**/*.test.ts", "scripts/*.test.mjs"], environment: "node" },
});
