// providers.ts — channel types: names, default addresses, the shape of their keys, their own fields
//
// The numbers are one-api's. A provider's default models come from the server (GET models).
export interface ProviderField {
	/** member of the channel's config */
	name: "api_version" | "plugin" | "library_id" | "user_id" | "region" | "ak" | "sk" | "vertex_ai_project_id" | "vertex_ai_adc";
	/** also sent as the old column `other` */
	other?: boolean;
	initial?: string;
	required?: boolean;
	secret?: boolean;
	/** a JSON file that may be chosen or pasted */
	file?: boolean;
}

export interface Provider {
	id: number;
	name: string;
	/** in Chinese, and other words that people type for it */
	zh?: string;
	also?: string;
	/** default address; none: the channel must have one, or needs none */
	base?: string;
	baseRequired?: boolean;
	noBase?: boolean;
	/** names of the parts of a key and what joins them */
	parts?: string[];
	joint?: string;
	/** most keys begin so: a warning only */
	prefix?: string;
	fields?: ProviderField[];
	/** the key is made of these fields */
	keyOf?: ProviderField["name"][];
	noModels?: boolean;
	/** where its keys are made */
	site?: string;
	balance?: "$" | "¥" | "units";
	/** the wire's figure is so many times larger */
	balanceScale?: number;
	/** offered first */
	common?: boolean;
	/** folded away */
	older?: boolean;
}

const version = (initial = ""): ProviderField => ({ name: "api_version", other: true, initial });

export const providers: Provider[] = [
	{ id: 1, name: "OpenAI", base: "https://api.openai.com", prefix: "sk-", site: "https://platform.openai.com/api-keys", balance: "$", common: true },
	{ id: 14, name: "Anthropic", also: "claude", base: "https://api.anthropic.com", prefix: "sk-ant-", site: "https://console.anthropic.com/settings/keys", common: true },
	{ id: 24, name: "Google Gemini", zh: "谷歌", base: "https://generativelanguage.googleapis.com", fields: [version()], site: "https://aistudio.google.com/apikey", common: true },
	{ id: 36, name: "DeepSeek", zh: "深度求索", base: "https://api.deepseek.com", prefix: "sk-", site: "https://platform.deepseek.com/api_keys", balance: "¥", common: true },
	{ id: 50, name: "OpenAI-compatible", zh: "OpenAI 兼容", also: "vllm lm studio custom 自定义", baseRequired: true, common: true },
	{ id: 30, name: "Ollama", also: "local 本地", base: "http://localhost:11434", common: true },
	{ id: 20, name: "OpenRouter", base: "https://openrouter.ai/api", prefix: "sk-or-", site: "https://openrouter.ai/keys", balance: "$", common: true },
	{
		id: 3, name: "Azure OpenAI", zh: "微软", baseRequired: true, fields: [version("2024-03-01-preview")],
		site: "https://portal.azure.com", common: true,
	},
	{
		id: 33, name: "AWS Bedrock", zh: "亚马逊", noBase: true, keyOf: ["ak", "sk", "region"], site: "https://console.aws.amazon.com/iam", common: true,
		fields: [{ name: "ak", required: true, secret: true }, { name: "sk", required: true, secret: true }, { name: "region", required: true, initial: "us-east-1" }],
	},
	{
		id: 42, name: "Vertex AI", zh: "谷歌云", noBase: true, keyOf: ["region", "vertex_ai_project_id", "vertex_ai_adc"], site: "https://console.cloud.google.com/iam-admin/serviceaccounts", common: true,
		fields: [
			{ name: "vertex_ai_adc", required: true, secret: true, file: true },
			{ name: "vertex_ai_project_id", required: true }, { name: "region", required: true, initial: "us-central1" },
		],
	},
	{ id: 49, name: "Qwen (Bailian)", zh: "阿里云百炼", also: "qwen tongyi 千问 通义", base: "https://dashscope.aliyuncs.com", prefix: "sk-", site: "https://bailian.console.aliyun.com", common: true },
	{ id: 17, name: "Qwen (DashScope)", zh: "阿里灵积", also: "qwen 千问 通义", base: "https://dashscope.aliyuncs.com", prefix: "sk-", fields: [{ name: "plugin", other: true }], site: "https://dashscope.console.aliyun.com" },
	{ id: 40, name: "Doubao (Volcengine)", zh: "豆包 火山引擎", base: "https://ark.cn-beijing.volces.com", site: "https://console.volcengine.com/ark", common: true },
	{ id: 16, name: "Zhipu GLM", zh: "智谱", also: "chatglm bigmodel", base: "https://open.bigmodel.cn", site: "https://open.bigmodel.cn/usercenter/apikeys", common: true },
	{ id: 25, name: "Moonshot", zh: "月之暗面", also: "kimi", base: "https://api.moonshot.cn", prefix: "sk-", site: "https://platform.moonshot.cn/console/api-keys", common: true },
	{ id: 44, name: "SiliconFlow", zh: "硅基流动", base: "https://api.siliconflow.cn", prefix: "sk-", site: "https://cloud.siliconflow.cn/account/ak", balance: "¥", common: true },
	{ id: 28, name: "Mistral", base: "https://api.mistral.ai", site: "https://console.mistral.ai/api-keys", common: true },
	{ id: 29, name: "Groq", base: "https://api.groq.com/openai", prefix: "gsk_", site: "https://console.groq.com/keys", common: true },
	{ id: 45, name: "xAI", also: "grok", base: "https://api.x.ai", prefix: "xai-", site: "https://console.x.ai", common: true },
	{ id: 35, name: "Cohere", base: "https://api.cohere.ai", site: "https://dashboard.cohere.com/api-keys" },
	{ id: 51, name: "Gemini (OpenAI form)", zh: "谷歌", base: "https://generativelanguage.googleapis.com/v1beta/openai/", site: "https://aistudio.google.com/apikey" },
	{ id: 47, name: "Baidu Qianfan v2", zh: "百度千帆 文心", base: "https://qianfan.baidubce.com", site: "https://console.bce.baidu.com/qianfan" },
	{ id: 15, name: "Baidu Qianfan", zh: "百度千帆 文心", base: "https://aip.baidubce.com", parts: ["API Key", "Secret Key"], joint: "|", site: "https://console.bce.baidu.com/qianfan" },
	{ id: 48, name: "Spark v2", zh: "讯飞星火", also: "xunfei", base: "https://spark-api-open.xf-yun.com", site: "https://console.xfyun.cn" },
	{ id: 18, name: "Spark", zh: "讯飞星火", also: "xunfei", noBase: true, parts: ["APPID", "APISecret", "APIKey"], joint: "|", fields: [version("v3.1")], site: "https://console.xfyun.cn" },
	{ id: 23, name: "Tencent Hunyuan", zh: "腾讯混元", base: "https://hunyuan.tencentcloudapi.com", parts: ["AppId", "SecretId", "SecretKey"], joint: "|", site: "https://console.cloud.tencent.com/cam/capi" },
	{ id: 27, name: "MiniMax", base: "https://api.minimax.chat", site: "https://platform.minimaxi.com" },
	{ id: 26, name: "Baichuan", zh: "百川", base: "https://api.baichuan-ai.com", site: "https://platform.baichuan-ai.com" },
	{ id: 31, name: "01.AI", zh: "零一万物", also: "yi", base: "https://api.lingyiwanwu.com", site: "https://platform.lingyiwanwu.com" },
	{ id: 32, name: "StepFun", zh: "阶跃星辰", base: "https://api.stepfun.com", site: "https://platform.stepfun.com" },
	{ id: 19, name: "360 AI", zh: "360 智脑", base: "https://ai.360.cn" },
	{ id: 39, name: "Together AI", base: "https://api.together.xyz", site: "https://api.together.ai/settings/api-keys" },
	{ id: 41, name: "Novita", base: "https://api.novita.ai/v3/openai", site: "https://novita.ai/settings/key-management" },
	{ id: 46, name: "Replicate", base: "https://api.replicate.com/v1/models/", prefix: "r8_", site: "https://replicate.com/account/api-tokens" },
	{ id: 37, name: "Cloudflare", also: "workers ai", base: "https://api.cloudflare.com", fields: [{ name: "user_id", required: true }], site: "https://dash.cloudflare.com/profile/api-tokens" },
	{ id: 34, name: "Coze", zh: "扣子", base: "https://api.coze.com", fields: [{ name: "user_id", required: true }], site: "https://www.coze.com/open/oauth/pats" },
	{ id: 38, name: "DeepL", base: "https://api-free.deepl.com", site: "https://www.deepl.com/account" },
	{ id: 43, name: "Proxy", zh: "代理", baseRequired: true, noModels: true },
	{ id: 8, name: "Custom (older)", zh: "自定义", baseRequired: true, balance: "$", older: true },
	{ id: 11, name: "PaLM", base: "https://generativelanguage.googleapis.com", older: true },
	{ id: 22, name: "FastGPT", base: "https://fastgpt.run/api/openapi", parts: ["APIKey", "AppId"], joint: "-", older: true },
	{ id: 21, name: "AI Proxy library", zh: "AI Proxy 知识库", base: "https://api.aiproxy.io", fields: [{ name: "library_id", other: true, required: true }], older: true },
	{ id: 2, name: "API2D", base: "https://oa.api2d.net", older: true },
	{ id: 4, name: "CloseAI", base: "https://api.closeai-proxy.xyz", balance: "¥", older: true },
	{ id: 5, name: "OpenAI-SB", base: "https://api.openai-sb.com", balance: "¥", balanceScale: 10_000, older: true },
	{ id: 6, name: "OpenAI Max", base: "https://api.openaimax.com", older: true },
	{ id: 7, name: "OhMyGPT", base: "https://api.ohmygpt.com", older: true },
	{ id: 9, name: "AI.LS", base: "https://api.caipacity.com", older: true },
	{ id: 10, name: "AI Proxy", base: "https://api.aiproxy.io", balance: "units", older: true },
	{ id: 12, name: "API2GPT", base: "https://api.api2gpt.com", balance: "¥", older: true },
	{ id: 13, name: "AIGC2D", base: "https://api.aigc2d.com", balance: "units", older: true },
];

const byId = new Map(providers.map((p) => [p.id, p]));

export const providerOf = (type: number): Provider => byId.get(type) ?? { id: type, name: `#${type}` };

export function findProviders(word: string): Provider[] {
	const q = word.trim().toLowerCase();
	return providers.filter((p) => `${p.name} ${p.zh ?? ""} ${p.also ?? ""} ${p.id}`.toLowerCase().includes(q));
}

/** Two letters for a tile. */
export const monogram = (p: Provider): string => p.name.replace(/[^A-Za-z0-9]/g, "").slice(0, 2);

/** "$68.00", or null where the provider does not tell. */
export function balanceText(type: number, balance: number, locale: string): string | null {
	const p = providerOf(type);
	if (!p.balance)
		return null;
	const figure = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(balance / (p.balanceScale ?? 1));
	return p.balance === "units" ? figure : `${p.balance}${figure}`;
}
