// main.tsx — words, status, who I am and the page's code, all at once; then the shell
import { render } from "preact";
import { useState } from "preact/hooks";
import { hooks } from "./api/client";
import { ApiError } from "./api/errors";
import { loadMe, loadStatus } from "./api/session";
import { loadWords } from "./i18n";
import { route } from "./lib/router";
import { App } from "./shell/app";
import { fetchPage } from "./shell/routes";
import { Failed } from "./ui/state";
import { toastWaiting } from "./ui/toast";
import "./theme/themes.css";
import "./theme/base.css";
import "./theme/controls.css";
import "./theme/parts.css";
import "./theme/shell.css";

hooks.limited = toastWaiting;
const root = document.getElementById("app")!;

function Start({ error }: { error: ApiError | null }) {
	const [fault, setFault] = useState(error);
	const retry = async (): Promise<void> => { setFault(await begin()); };
	return fault && fault.kind !== "notapi" ? <main class="page"><Failed error={fault} retry={retry} /></main> : <App />;
}

async function begin(): Promise<ApiError | null> {
	try {
		await Promise.all([loadStatus(), loadMe()]);
		return null;
	} catch (e) {
		return e instanceof ApiError ? e : new ApiError("offline", String(e));
	}
}

const begun = begin();
fetchPage(route.peek().path);
const [error] = await Promise.all([begun, loadWords("common")]);
render(<Start error={error} />, root);
