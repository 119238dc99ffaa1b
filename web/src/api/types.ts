// types.ts — the objects of /api as they are on the wire
export const ROLE = { guest: 0, user: 1, admin: 10, root: 100 } as const;

export interface Status {
	version: string;
	start_time: number;
	system_name: string;
	logo: string;
	footer_html: string;
	server_address: string;
	top_up_link: string;
	chat_link: string;
	quota_per_unit: number;
	display_in_currency: boolean;
	email_verification: boolean;
	github_oauth: boolean;
	github_client_id: string;
	lark_client_id: string;
	oidc: boolean;
	oidc_client_id: string;
	oidc_authorization_endpoint: string;
	wechat_login: boolean;
	wechat_qrcode: string;
	turnstile_check: boolean;
	turnstile_site_key: string;
	/** ours: more chat programs, a JSON object name → link */
	chat_apps?: string;
	/** ours: optional features of this server */
	capabilities?: string[];
	/** ours: whether these ways in are open; absent means yes */
	password_login?: boolean;
	register?: boolean;
	turnstile_login?: boolean;
	theme?: string;
}

export interface User {
	id: number;
	username: string;
	display_name: string;
	role: number;
	/** 1 enabled, 2 disabled */
	status: number;
	email: string;
	github_id: string;
	wechat_id: string;
	lark_id: string;
	oidc_id: string;
	quota: number;
	used_quota: number;
	request_count: number;
	group: string;
	aff_code: string;
	inviter_id: number;
}

export interface Key {
	id: number;
	key: string;
	/** 1 enabled, 2 disabled, 3 expired, 4 used up */
	status: number;
	name: string;
	created_time: number;
	accessed_time: number;
	/** -1: never */
	expired_time: number;
	remain_quota: number;
	unlimited_quota: boolean;
	used_quota: number;
	/** comma list, empty: all */
	models: string | null;
	/** comma list of CIDR, empty: anywhere */
	subnet: string | null;
	/** capability capture: bodies are kept until then */
	capture_until?: number;
}

export interface Channel {
	id: number;
	type: number;
	key: string;
	/** 1 enabled, 2 disabled by a person, 3 by the gateway */
	status: number;
	name: string;
	weight: number;
	created_time: number;
	test_time: number;
	/** ms; 0: not tested, or the test failed */
	response_time: number;
	base_url: string;
	other: string | null;
	balance: number;
	balance_updated_time: number;
	models: string;
	group: string;
	used_quota: number;
	model_mapping: string;
	priority: number;
	config: string;
	system_prompt: string | null;
	/** capability channel.tag */
	tag?: string;
	remark?: string;
	/** why the gateway switched it off, and when */
	disabled_reason?: string;
	disabled_time?: number;
}

export const LOG = { all: 0, topup: 1, usage: 2, admin: 3, system: 4, test: 5, error: 6 } as const;

export interface LogRow {
	id: number;
	user_id: number;
	created_at: number;
	type: number;
	content: string;
	username: string;
	token_name: string;
	model_name: string;
	quota: number;
	prompt_tokens: number;
	completion_tokens: number;
	channel: number;
	request_id: string;
	/** ms */
	elapsed_time: number;
	is_stream: boolean;
	system_prompt_reset: boolean;
	/** capability log.detail */
	first_token_ms?: number;
	cached_tokens?: number;
	token_id?: number;
	origin_model?: string;
	attempts?: number;
	finish?: string;
	model_ratio?: number;
	completion_ratio?: number;
	group_ratio?: number;
	client_address?: string;
	group?: string;
	upstream_model?: string;
	http_status?: number;
	error?: string;
	tries?: { channel: number; status: number; ms: number; error?: string }[];
}

export interface Code {
	id: number;
	user_id: number;
	key: string;
	/** 1 unused, 2 disabled, 3 used */
	status: number;
	name: string;
	quota: number;
	created_time: number;
	redeemed_time: number;
	redeemed_by?: number;
}

export interface DayRow {
	Day: string;
	/** of a key, channel or user where those were asked for */
	Id?: number;
	ModelName: string;
	RequestCount: number;
	Quota: number;
	PromptTokens: number;
	CompletionTokens: number;
}

export interface Option {
	key: string;
	value: string;
}
