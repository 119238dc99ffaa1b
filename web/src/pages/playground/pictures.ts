// pictures.ts — pictures of a message as data URIs, made smaller when they are large
export const picturesMost = 4;
export const pictureTypes = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const pictureMost = 20 * 1024 * 1024;
/** Beyond so many bytes it is drawn anew, with its longer side of at most so many pixels. */
const largeFrom = 1024 * 1024;
const longest = 1600;
/** Characters of a data URI */
const uriMost = 3_000_000;

/** What stands against it, as the end of a key of words. */
export function pictureFault(file: { type: string; size: number }, already: number): "pictureCount" | "pictureType" | "pictureSize" | null {
	return already >= picturesMost ? "pictureCount" : !pictureTypes.includes(file.type) ? "pictureType" : file.size > pictureMost ? "pictureSize" : null;
}

export function sizeWithin(width: number, height: number, side = longest): { width: number; height: number } {
	const by = Math.min(1, side / Math.max(width, height, 1));
	return { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) };
}

const bytesOfUri = (uri: string): number => Math.floor((uri.length - uri.indexOf(",") - 1) * 3 / 4);

/** JSON for people: long data URIs are told, not shown. */
export const shortened = (json: string): string => json.replace(/"(data:[\w/+.-]+;base64,)[\w+/=]{40,}"/g, (all, head: string) => `"${head}… ${Math.ceil(bytesOfUri(all.slice(1, -1)) / 1024)} KB"`);

const asUri = (file: Blob): Promise<string> => new Promise((done, fail) => {
	const reader = new FileReader();
	reader.onload = () => done(String(reader.result));
	reader.onerror = () => fail(reader.error ?? new Error());
	reader.readAsDataURL(file);
});

async function drawnSmaller(file: Blob): Promise<string> {
	const bitmap = await createImageBitmap(file);
	const canvas = Object.assign(document.createElement("canvas"), sizeWithin(bitmap.width, bitmap.height));
	const pen = canvas.getContext("2d")!;
	pen.fillStyle = "#fff"; // JPEG knows no transparency
	pen.fillRect(0, 0, canvas.width, canvas.height);
	pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
	bitmap.close();
	return canvas.toDataURL("image/jpeg", 0.85);
}

/** Null: this is no picture that the browser can read. */
export async function readPicture(file: Blob): Promise<string | null> {
	try {
		const uri = file.size > largeFrom ? await drawnSmaller(file) : await asUri(file);
		return uri.length <= uriMost ? uri : null;
	} catch {
		return null;
	}
}
