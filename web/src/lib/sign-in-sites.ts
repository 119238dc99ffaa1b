// sign-in-sites.ts — ways to sign in that lead over another site
import { call, get, homeUrl } from "../api/client";
import { can, status } from "../api/session";

export interface SignInSite {
	id: "github" | "lark" | "oidc";
	name: string;
	on(): boolean;
	url(state: string): string;
}

const back = (id: string): string => encodeURIComponent(`${homeUrl}oauth/${id}`);

export const signInSites: SignInSite[] = [
	{
		id: "github", name: "GitHub", on: () => !!status.value?.github_oauth,
		url: (state) => `https://github.com/login/oauth/authorize?client_id=${status.value?.github_client_id}&state=${state}&scope=user:email`,
	},
	{
		id: "lark", name: "Lark / Feishu", on: () => !!status.value?.lark_client_id,
		url: (state) => `https://accounts.feishu.cn/open-apis/authen/v1/authorize?redirect_uri=${back("lark")}&client_id=${status.value?.lark_client_id}&state=${state}`,
	},
	{
		id: "oidc", name: "OIDC", on: () => !!status.value?.oidc,
		url: (state) => `${status.value?.oidc_authorization_endpoint}?client_id=${status.value?.oidc_client_id}&redirect_uri=${back("oidc")}&response_type=code&scope=openid%20profile%20email&state=${state}`,
	},
];

/** The server knows its providers best (nonce, PKCE); plain one-api leaves the address to us. */
export async function leaveFor(site: SignInSite): Promise<void> {
	if (can("oauth.url")) {
		const answer = await call<string>("GET", `oauth/state?provider=${site.id}`) as unknown as { url?: string };
		if (answer.url) {
			location.href = answer.url;
			return;
		}
	}
	location.href = site.url(encodeURIComponent(await get<string>("oauth/state")));
}
