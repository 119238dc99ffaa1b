import { expect, test } from "vitest";
import english from "../i18n/en/said.json";
import chinese from "../i18n/zh/said.json";
import { wordsOf, type Words } from "./log-words";

const speaking = (dictionary: Record<string, string>): Words => ({
	t: (key, params = {}) => dictionary[key]!.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name])),
	time: (seconds) => `<${seconds}>`,
});

const texts: [text: string, english: string, chinese: string][] = [
	["topped up via API: $5.000000", "Topped up: $5.00", "充值：$5.00"],
	["topped up by redemption code $0.250000", "Redeemed a code: $0.25", "使用兑换码充值：$0.25"],
	["new user bonus 500000", "Starting balance: 500000", "新用户初始额度：500000"],
	["administrator root changed quota from $1.000000 to -$2.500000", "root changed the balance from $1.00 to -$2.50", "root 将余额从 $1.00 改为 -$2.50"],
	["administrator root: disable user kim: lee", "root disabled the user kim: lee", "root 停用了用户 kim: lee"],
	["created 1 channels 'it's 'me'' from 7", "Created the channel “it's 'me'” (#7)", "新建渠道“it's 'me'”（#7）"],
	["created 12 channels 'many' from 7", "Created 12 channels “many”, from #7 on", "新建 12 个渠道“many”，从 #7 起"],
	["changed channel 3 'a b': status 2, new key", "Changed the channel “a b” (#3): disabled, new key", "修改渠道“a b”（#3）：停用，更换密钥"],
	["deleted channel 5", "Deleted the channel #5", "删除渠道 #5"],
	["created 1 channels 'a\u202eb' from 7", "Created the channel “\u2068a\u202eb\u2069” (#7)", "新建渠道“\u2068a\u202eb\u2069”（#7）"],
	["changed option RetryTimes", "Changed the setting RetryTimes", "修改设置 RetryTimes"],
	["deleted 7 log rows before 1700000000, and goes on", "Deleted 7 log rows before <1700000000>, more to come", "已删除 <1700000000> 之前的 7 条日志，仍在继续"],
	["channel a test ok, answer: one\ntwo", "a answered: one\ntwo", "a 回答：one\ntwo"],
	["channel a test failed: no key", "a failed: no key", "a 失败：no key"],
	["model ratio 1.25 × group ratio 1.00 × completion ratio 4.00, cached 10 × 0.50", "model ratio 1.25 × group ratio 1.00 × completion ratio 4.00, cached 10 × 0.50", "模型倍率 1.25 × 分组倍率 1.00 × 补全倍率 4.00，缓存 10 × 0.50"],
	["2 images × 20000.00 quota × group ratio 0.50", "2 pictures × 20000.00 units × group ratio 0.50", "2 张图片 × 20000.00 额度 × 分组倍率 0.50"],
	["background response resp_1; used by response: 3 and 4 tokens", "background response resp_1, used by response: 3 tokens in, 4 out", "后台响应 resp_1，response 用量：输入 3 个 token，输出 4 个"],
];
test.each(texts)("%s", (text, inEnglish, inChinese) => expect([wordsOf(text, speaking(english)), wordsOf(text, speaking(chinese))]).toEqual([inEnglish, inChinese]));
test.each(["", "thanks for the fish", "model ratio 1 × something new", "倍率：1.00 × 2.00", "changed option two words", "deleted 5 log rows before 99999999999999999999"])("stays as it is: “%s”", (text) => expect(wordsOf(text, speaking(chinese))).toBe(text));
