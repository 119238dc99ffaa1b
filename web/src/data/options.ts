// options.ts — every option of the server once: its section, its kind, what it depends on
//
// Names and effects are words: options.KEY and options.KEY.hint. Order matters twice: on the page,
// and when saving (ids and secrets come before the switch that needs them; see saveOrder).
export type OptionKind = "bool" | "text" | "secret" | "number" | "money" | "long" | "json" | "list" | "choice" | "url" | "limits" | "prices" | "chains" | "links";

/** Those that are JSON objects, edited as tables. */
export const isObjectKind = (kind: OptionKind): boolean => ["json", "limits", "prices", "chains", "links"].includes(kind);

export interface OptionRow {
	key: string;
	section: SectionName;
	kind: OptionKind;
	initial: string;
	choices?: string[];
	/** one-api does not have it: offered only where the server lists it */
	ours?: boolean;
	/** these must have a value before the switch can be on */
	needs?: string[];
	/** a heading above it */
	group?: "password" | "github" | "lark" | "oidc" | "wechat" | "turnstile" | "smtp" | "pusher";
}

export const sections = ["site", "sign-in", "mail", "prices", "quota", "relay", "limits", "monitoring", "content", "appearance", "data"] as const;
export type SectionName = (typeof sections)[number];

const row = (section: SectionName, key: string, kind: OptionKind, initial = "", more: Partial<OptionRow> = {}): OptionRow => ({ section, key, kind, initial, ...more });

export const optionRows: OptionRow[] = [
	row("site", "SystemName", "text", "One API"),
	row("site", "ServerAddress", "url", "http://localhost:3000"),
	row("site", "Logo", "url"),
	row("site", "Footer", "long"),

	row("sign-in", "PasswordLoginEnabled", "bool", "true", { group: "password" }),
	row("sign-in", "RegisterEnabled", "bool", "true"),
	row("sign-in", "PasswordRegisterEnabled", "bool", "true"),
	row("sign-in", "EmailVerificationEnabled", "bool", "false", { needs: ["SMTPServer"] }),
	row("sign-in", "EmailDomainRestrictionEnabled", "bool", "false", { needs: ["EmailDomainWhitelist"] }),
	row("sign-in", "EmailDomainWhitelist", "list", "gmail.com,163.com,126.com,qq.com,outlook.com,hotmail.com,icloud.com,yahoo.com,foxmail.com"),
	row("sign-in", "GitHubOAuthEnabled", "bool", "false", { group: "github", needs: ["GitHubClientId"] }),
	row("sign-in", "GitHubClientId", "text"),
	row("sign-in", "GitHubClientSecret", "secret"),
	row("sign-in", "LarkClientId", "text", "", { group: "lark" }),
	row("sign-in", "LarkClientSecret", "secret"),
	row("sign-in", "OidcEnabled", "bool", "false", { group: "oidc", needs: ["OidcClientId", "OidcTokenEndpoint", "OidcUserinfoEndpoint"] }),
	row("sign-in", "OidcClientId", "text"),
	row("sign-in", "OidcClientSecret", "secret"),
	row("sign-in", "OidcWellKnown", "url"),
	row("sign-in", "OidcAuthorizationEndpoint", "url"),
	row("sign-in", "OidcTokenEndpoint", "url"),
	row("sign-in", "OidcUserinfoEndpoint", "url"),
	row("sign-in", "WeChatAuthEnabled", "bool", "false", { group: "wechat", needs: ["WeChatServerAddress"] }),
	row("sign-in", "WeChatServerAddress", "url"),
	row("sign-in", "WeChatServerToken", "secret"),
	row("sign-in", "WeChatAccountQRCodeImageURL", "url"),
	row("sign-in", "TurnstileCheckEnabled", "bool", "false", { group: "turnstile", needs: ["TurnstileSiteKey"] }),
	row("sign-in", "TurnstileSiteKey", "text"),
	row("sign-in", "TurnstileSecretKey", "secret"),
	row("sign-in", "TurnstileLoginEnabled", "bool", "false", { ours: true, needs: ["TurnstileSiteKey"] }),

	row("mail", "SMTPServer", "text", "", { group: "smtp" }),
	row("mail", "SMTPPort", "number", "587"),
	row("mail", "SMTPAccount", "text"),
	row("mail", "SMTPFrom", "text"),
	row("mail", "SMTPToken", "secret"),
	row("mail", "MessagePusherAddress", "url", "", { group: "pusher" }),
	row("mail", "MessagePusherToken", "secret"),

	row("prices", "ModelRatio", "json"),
	row("prices", "CompletionRatio", "json"),
	row("prices", "GroupRatio", "json"),
	row("prices", "ModelPrice", "prices", "", { ours: true }),
	row("prices", "QuotaPerUnit", "number", "500000"),

	row("quota", "QuotaForNewUser", "money", "0"),
	row("quota", "QuotaForInviter", "money", "0"),
	row("quota", "QuotaForInvitee", "money", "0"),
	row("quota", "QuotaRemindThreshold", "money", "1000"),
	row("quota", "PreConsumedQuota", "money", "500"),
	row("quota", "TopUpLink", "url"),

	row("relay", "RetryTimes", "number", "0"),
	row("relay", "ApproximateTokenEnabled", "bool", "false"),
	row("relay", "LogConsumeEnabled", "bool", "true"),
	row("relay", "LogDeleteRootOnlyEnabled", "bool", "false", { ours: true }),
	row("relay", "DisplayTokenStatEnabled", "bool", "true"),
	row("relay", "UnpricedModel", "choice", "refuse", { ours: true, choices: ["refuse", "free", "ratio"] }),
	row("relay", "ModelFallbacks", "chains", "", { ours: true }),
	row("relay", "ChannelChoice", "choice", "weight", { ours: true, choices: ["weight", "latency"] }),
	row("relay", "ChannelAffinityMinutes", "number", "10", { ours: true }),
	row("relay", "CircuitBreakerEnabled", "bool", "true", { ours: true }),
	row("relay", "StrictParams", "bool", "false", { ours: true }),
	row("relay", "ReplyDetailHeaders", "choice", "off", { ours: true, choices: ["off", "admin", "all"] }),

	row("limits", "RateLimits", "limits", "", { ours: true }),
	row("limits", "ChannelWait", "number", "0", { ours: true }),
	row("limits", "KeyOnceEnabled", "bool", "false", { ours: true }),

	row("monitoring", "ChannelDisableThreshold", "number", "5"),
	row("monitoring", "AutomaticDisableChannelEnabled", "bool", "false"),
	row("monitoring", "AutomaticEnableChannelEnabled", "bool", "false"),

	row("content", "Notice", "long"),
	row("content", "HomePageContent", "long"),
	row("content", "About", "long"),
	row("content", "ChatLink", "url"),
	row("content", "ChatApps", "links", "", { ours: true }),

	row("appearance", "Theme", "choice", "default", { choices: ["default", "berry", "air"] }),
	row("appearance", "DisplayInCurrencyEnabled", "bool", "true"),
];

const byKey = new Map(optionRows.map((o) => [o.key, o]));
export const optionRow = (key: string): OptionRow | undefined => byKey.get(key);

/** Ids and secrets first, switches that go on last, those that go off first of all. */
export function saveOrder(changes: Record<string, string>): string[] {
	const rank = (key: string): number => byKey.get(key)?.kind !== "bool" ? 1 : changes[key] === "true" ? 2 : 0;
	return Object.keys(changes).sort((a, b) => rank(a) - rank(b));
}
