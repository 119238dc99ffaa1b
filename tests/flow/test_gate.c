#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "../stack.h"
static void test_a(void **state)
{
	struct stack *s = stack_start(NULL);
	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 500000 });
	struct stack_stream st;
	struct stack_reply *r = stack_post(s, STACK_CHAT, u.key, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
	print_message("%d %s\n", r->status, r->body.data);
	assert_true(stack_stream_open(s, &(struct stack_ask){.path=STACK_CHAT,.key=u.key,.body="{\"stream\":true,\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"}, &st));
	while (stack_stream_next(&st, 1000) == STACK_EVENT) print_message("%s\n", st.event.data);
	assert_true(st.complete);
	stack_stream_close(&st, false);
	print_message("%d\n", stack_wait_settled(s, 1000));
	struct stack_sums x = stack_sums(s, u.id);
	print_message("%ld %ld %ld\n", x.quota, x.used_quota, x.charged);
	stack_stop(s);
}
int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
