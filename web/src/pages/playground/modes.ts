// modes.ts — the ways of asking, which models they are likely for, sample bodies, and what vectors say
export const modes = ["chat", "compare", "embeddings", "image", "speech", "raw"] as const;
export type Mode = (typeof modes)[number];
export type Kind = "chat" | "embeddings" | "image" | "speech" | "listen";

const likely: Record<Exclude<Kind, "chat">, RegExp> = {
	embeddings: /embed|^bge-|^m3e|^gte-|^e5-/i,
	image: /dall-e|gpt-image|image|flux|stable-diffusion|^sd[-\d]|imagen|cogview|wanx|kolors|seedream|recraft/i,
	speech: /tts|speech|cosyvoice/i,
	listen: /whisper|transcri|asr|sensevoice/i,
};

/** By its name alone; the server knows no kinds. */
export function kindOf(model: string): Kind {
	return (Object.keys(likely) as (keyof typeof likely)[]).find((k) => likely[k].test(model)) ?? "chat";
}

/** Likely ones first, each in its order. */
export const sortedFor = (kind: Kind, models: string[]): string[] => [...models.filter((m) => kindOf(m) === kind), ...models.filter((m) => kindOf(m) !== kind)];

export const modelFor = (kind: Kind, models: string[], asked = ""): string => models.includes(asked) ? asked : sortedFor(kind, models)[0] ?? "";

const text = (m: string): Record<string, unknown> => ({ model: m });
/** Addresses under /v1 with a body that says what they take. */
export const samples: Record<string, { method: "POST" | "GET"; kind: Kind; body?(model: string): Record<string, unknown> }> = {
	"chat/completions": { method: "POST", kind: "chat", body: (m) => ({ ...text(m), messages: [{ role: "user", content: "Hi" }] }) },
	"responses": { method: "POST", kind: "chat", body: (m) => ({ ...text(m), input: "Hi" }) },
	"messages": { method: "POST", kind: "chat", body: (m) => ({ ...text(m), max_tokens: 100, messages: [{ role: "user", content: "Hi" }] }) },
	"completions": { method: "POST", kind: "chat", body: (m) => ({ ...text(m), prompt: "Once upon a time", max_tokens: 20 }) },
	"embeddings": { method: "POST", kind: "embeddings", body: (m) => ({ ...text(m), input: ["one", "two"] }) },
	"images/generations": { method: "POST", kind: "image", body: (m) => ({ ...text(m), prompt: "A lighthouse", n: 1 }) },
	"audio/speech": { method: "POST", kind: "speech", body: (m) => ({ ...text(m), input: "Hello", voice: "alloy" }) },
	"moderations": { method: "POST", kind: "chat", body: (m) => ({ ...text(m), input: "Hello" }) },
	"models": { method: "GET", kind: "chat" },
};

/** The angle between two vectors: 1 the same direction, 0 nothing in common. */
export function cosine(a: number[], b: number[]): number {
	let dot = 0, aa = 0, bb = 0;
	for (let i = 0; i < Math.min(a.length, b.length); i++) {
		dot += a[i]! * b[i]!;
		aa += a[i]! * a[i]!;
		bb += b[i]! * b[i]!;
	}
	return aa && bb ? dot / Math.sqrt(aa * bb) : 0;
}

/** What the bytes of a picture say they are; providers do not always tell. */
export function pictureType(base64: string): string {
	return base64.startsWith("/9j/") ? "image/jpeg" : base64.startsWith("UklGR") ? "image/webp" : base64.startsWith("R0lGOD") ? "image/gif" : "image/png";
}
