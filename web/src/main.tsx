// main.tsx — words, status and who I am, all at once; then the shell
import { render } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "./api/errors";
import { loadMe, loadStatus } from "./api/session";
import { loadWords } from "./i18n";
import { App } from "./shell/app";
import { Failed } from "./ui/state";
import "./theme/themes.css";
import "./theme/base.css";
import "./theme/controls.css";
import "./theme/parts.css";
import "./theme/shell.css";

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

const [error] = await Promise.all([begin(), loadWords("common")]);
render(<Start error={error} />, root);
