// small-png.mjs — a screenshot with 256 colours: a third of the size, and nobody sees the difference
import { deflateSync } from "node:zlib";

/** Pixels by way of the browser, which has a decoder. */
async function pixelsOf(page, png) {
	const { width, height, data } = await page.evaluate(async (src) => {
		const image = new Image();
		image.src = src;
		await image.decode();
		const canvas = new OffscreenCanvas(image.width, image.height);
		const context = canvas.getContext("2d");
		context.drawImage(image, 0, 0);
		const { data: rgba } = context.getImageData(0, 0, image.width, image.height);
		let text = "";
		for (let i = 0; i < rgba.length; i += 0x8000)
			text += String.fromCharCode(...rgba.subarray(i, i + 0x8000));
		return { width: image.width, height: image.height, data: btoa(text) };
	}, `data:image/png;base64,${png.toString("base64")}`);
	return { width, height, rgba: Buffer.from(data, "base64") };
}

/** The most frequent colours as they are; the others become the nearest of them. */
function paletteOf(rgba) {
	const counts = new Map();
	for (let i = 0; i < rgba.length; i += 4) {
		const c = rgba[i] << 16 | rgba[i + 1] << 8 | rgba[i + 2];
		counts.set(c, (counts.get(c) ?? 0) + 1);
	}
	const colours = [...counts].sort((a, b) => b[1] - a[1]).map(([c]) => c);
	const palette = colours.slice(0, 256);
	const parts = (c) => [c >> 16, c >> 8 & 255, c & 255];
	const of = new Map(palette.map((c, i) => [c, i]));
	for (const c of colours.slice(256)) {
		const [r, g, b] = parts(c);
		let best = 0, least = Infinity;
		palette.forEach((p, i) => {
			const [x, y, z] = parts(p), far = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
			if (far < least)
				[best, least] = [i, far];
		});
		of.set(c, best);
	}
	return { palette: palette.flatMap(parts), of };
}

const table = Array.from({ length: 256 }, (_, n) => {
	for (let k = 0; k < 8; k++)
		n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1;
	return n >>> 0;
});

function chunk(type, body) {
	const named = Buffer.concat([Buffer.from(type), body]), length = Buffer.alloc(4), sum = Buffer.alloc(4);
	length.writeUInt32BE(body.length);
	let crc = 0xffffffff;
	for (const byte of named)
		crc = table[(crc ^ byte) & 255] ^ crc >>> 8;
	sum.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
	return Buffer.concat([length, named, sum]);
}

export async function smallPng(page, png) {
	const { width, height, rgba } = await pixelsOf(page, png);
	const { palette, of } = paletteOf(rgba);
	const rows = Buffer.alloc((width + 1) * height);
	for (let y = 0, i = 0; y < height; y++) {
		for (let x = 0; x < width; x++, i += 4)
			rows[y * (width + 1) + 1 + x] = of.get(rgba[i] << 16 | rgba[i + 1] << 8 | rgba[i + 2]);
	}
	const head = Buffer.alloc(13);
	head.writeUInt32BE(width, 0);
	head.writeUInt32BE(height, 4);
	head.set([8, 3, 0, 0, 0], 8);
	return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("PLTE", Buffer.from(palette)), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}
