// reference_tokens.mjs — what the npm package tiktoken makes of texts
//
//	node reference_tokens.mjs FOLDER TEXTS ENCODING
//
// FOLDER holds the package, TEXTS one JSON string a line. Prints the tokens of each text on a line,
// separated by blanks. Special tokens are ordinary text.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, texts, name] = process.argv.slice(2);
const from = createRequire(resolve(folder, "index.js"));
const { Tiktoken } = from("tiktoken/lite");
const data = JSON.parse(readFileSync(resolve(folder, "tiktoken/encoders", `${name}.json`), "utf8"));
const encoder = new Tiktoken(data.bpe_ranks, data.special_tokens, data.pat_str);
const lines = readFileSync(texts, "utf8").split("\n").slice(0, -1);

process.stdout.write(lines.map((l) => encoder.encode(JSON.parse(l), [], []).join(" ") + "\n").join(""));
