/* model_names.h — the models that a channel of each provider type offers when it is made
 *
 * Lists of names, NULL-terminated, in the order in which the catalogue shows them. They are a
 * suggestion for the operator's form and the source of `owned_by`, nothing else: what a channel
 * serves is what its row says. Add a name where it belongs; providers.c needs no change.
 *
 * Threads  constant.
 */
#ifndef PROVIDER_MODEL_NAMES_H
#define PROVIDER_MODEL_NAMES_H

extern const char *const models_none[];
extern const char *const models_openai[];
extern const char *const models_palm[];
extern const char *const models_anthropic[];
extern const char *const models_baidu[];
extern const char *const models_zhipu[];
extern const char *const models_ali[];
extern const char *const models_xunfei[];
extern const char *const models_ai360[];
extern const char *const models_openrouter[];
extern const char *const models_tencent[];
extern const char *const models_gemini[];
extern const char *const models_moonshot[];
extern const char *const models_baichuan[];
extern const char *const models_minimax[];
extern const char *const models_mistral[];
extern const char *const models_groq[];
extern const char *const models_ollama[];
extern const char *const models_lingyiwanwu[];
extern const char *const models_stepfun[];
extern const char *const models_aws_bedrock[];
extern const char *const models_cohere[];
extern const char *const models_deepseek[];
extern const char *const models_cloudflare[];
extern const char *const models_deepl[];
extern const char *const models_together_ai[];
extern const char *const models_doubao[];
extern const char *const models_novita[];
extern const char *const models_vertex_ai[];
extern const char *const models_siliconflow[];
extern const char *const models_xai[];
extern const char *const models_replicate[];
extern const char *const models_baidu_v2[];
extern const char *const models_xunfei_v2[];
extern const char *const models_ali_bailian[];

#endif
