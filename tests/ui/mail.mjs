// mail.mjs — a mail server for a test: takes plain SMTP on the loopback and keeps what came
import { createServer } from "node:net";

export async function takeMail() {
	const mails = [];
	const server = createServer((socket) => {
		let text = "", inData = false, inAuth = false;
		const say = (line) => socket.write(`${line}\r\n`);
		socket.on("error", () => {});
		socket.on("data", (piece) => {
			text += piece;
			for (let end; (end = text.indexOf(inData ? "\r\n.\r\n" : "\r\n")) >= 0;) {
				const line = text.slice(0, end);
				text = text.slice(end + (inData ? 5 : 2));
				if (inData) {
					mails.push(line);
					inData = false;
					say("250 kept");
				} else if (/^DATA/i.test(line)) {
					inData = true;
					say("354 go on");
				} else if (inAuth || /^AUTH \w+ \S/i.test(line)) {
					inAuth = false;
					say("235 fine");
				} else if (/^AUTH/i.test(line)) {
					inAuth = true;
					say("334 ");
				} else if (/^EHLO/i.test(line)) {
					say("250-here\r\n250 AUTH PLAIN");
				} else {
					say(/^QUIT/i.test(line) ? "221 bye" : "250 fine");
				}
			}
		});
		say("220 test");
	});
	await new Promise((go) => server.listen(0, "127.0.0.1", go));
	/** A mail's text, whichever way it is coded. */
	const textOf = (mail) => {
		const [head, ...rest] = mail.split("\r\n\r\n");
		const body = rest.join("\r\n\r\n");
		if (/base64/i.test(head))
			return Buffer.from(body, "base64").toString();
		return body.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
	};
	return { port: server.address().port, texts: () => mails.map(textOf), stop: () => server.close() };
}
