// said.ts — the gateway's own texts for who reads the log (the area of words "said")
import { t } from "../i18n";
import { exact } from "./format";
import { wordsOf } from "./log-words";

const words = { t, time: exact };

export const inWords = (text: string): string => wordsOf(text, words);
