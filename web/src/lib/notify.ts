// notify.ts — a note of the system when something ends that nobody is looking at
import { prefs } from "./prefs";

export const canNotify = (): boolean => "Notification" in globalThis;
export const mayNotify = (): boolean => canNotify() && Notification.permission === "granted";

/** Asks the person; must come from a press. */
export const askToNotify = async (): Promise<boolean> => canNotify() && (Notification.permission === "granted" || await Notification.requestPermission() === "granted");

export function notifyHidden(title: string, body: string): void {
	if (!document.hidden || !prefs.peek().notify || !mayNotify())
		return;
	try {
		const note = new Notification(title, { body, tag: title });
		note.onclick = () => {
			window.focus();
			note.close();
		};
	} catch { /* some phones allow it to service workers alone */ }
}
