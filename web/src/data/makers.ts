// makers.ts — who made a model, by its name: what people filter a list of models by
/** text-embedding-v3 is Alibaba's, text-embedding-3 OpenAI's. */
const makers: [name: string, pattern: RegExp][] = [
	["OpenAI", /^(gpt|chatgpt|o[1-9]\b|dall-e|whisper|tts-|text-(embedding(?!-v\d)|moderation|davinci|babbage)|omni-moderation|davinci|babbage|codex|sora|computer-use)/],
	["Anthropic", /^claude/], ["Google", /^(gemini|gemma|imagen|veo|palm|text-bison|chat-bison|learnlm)/], ["DeepSeek", /^deepseek/],
	["Alibaba", /^(qwen|qwq|qvq|wanx|wan2|tongyi|gte-|text-embedding-v\d|cosyvoice)/], ["Zhipu", /^(glm|chatglm|cogview|cogvideo|charglm|embedding-[23]$)/],
	["Moonshot", /^(moonshot|kimi)/], ["Meta", /^(meta-)?llama/], ["Mistral", /^(open-)?(mistral|mixtral|codestral|pixtral|ministral|magistral|devstral|voxtral)/],
	["xAI", /^grok/], ["Baidu", /^(ernie|bge-large-en|tao-8k)/], ["ByteDance", /^(doubao|seed|skylark|ep-\d)/], ["Tencent", /^hunyuan/],
	["Cohere", /^(command|embed-(english|multilingual|v4)|rerank-|c4ai|aya)/], ["MiniMax", /^(minimax|abab|speech-0\d)/], ["StepFun", /^step-/], ["01.AI", /^yi-/],
	["Baichuan", /^baichuan/i], ["iFlytek", /^spark/], ["BAAI", /^bge-/], ["Black Forest Labs", /^flux/], ["Stability AI", /^(stable-|sd\d|sd-)/],
	["Microsoft", /^(phi-|wizardlm)/], ["Amazon", /^(nova-|titan|amazon)/], ["NVIDIA", /^nemotron/],
];

/** "" when the name does not say. "maker/model" says so by itself, unless the part behind is known. */
export function makerOf(model: string): string {
	const name = model.toLowerCase();
	const [front, back] = name.includes("/") ? [name.slice(0, name.indexOf("/")).replace(/^@cf$/, ""), name.slice(name.lastIndexOf("/") + 1)] : ["", name];
	return makers.find(([, pattern]) => pattern.test(back))?.[0] ?? front;
}

/** Those that occur, the most frequent first; how many models each has. */
export function makersIn(models: string[]): { name: string; count: number }[] {
	const counts = new Map<string, number>();
	for (const maker of models.map(makerOf))
		counts.set(maker, (counts.get(maker) ?? 0) + 1);
	return [...counts].filter(([name]) => name).map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
}
