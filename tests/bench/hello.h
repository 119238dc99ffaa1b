/* hello.h — what both floors answer: as large as a short chat completion, head included */
#ifndef BENCH_HELLO_H
#define BENCH_HELLO_H

#define HELLO_REPLY                                                                                \
	"Content-Type: application/json\r\nContent-Length: 610\r\n\r\n"                            \
	"{\"id\":\"chatcmpl-fake1000000\",\"object\":\"chat.completion\",\"created\":1700000000,"  \
	"\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," \
	"\"content\":\"echo: the quick brown fox jumps over the lazy dog, twice\",\"refusal\":"    \
	"null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{"      \
	"\"prompt_tokens\":20,\"completion_tokens\":7,\"total_tokens\":27,"                        \
	"\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"                      \
	"\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"                \
	"\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},"                     \
	"\"service_tier\":\"default\",\"system_fingerprint\":\"fp_fake\"}"

#endif
