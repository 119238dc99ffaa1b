/* test_work.c — what an upstream's object says of its work, and what that costs */
#include "price_room.h"

#include "../../fcgi-relay/works.h"
#include "base/jscan.h"

/* clang-format off */
static const struct {
	const char *name;
	enum resource_charge charge;
	const char *object;
	enum work_state state;
	int64_t prompt, completion, cached, trained, requests;
} objects[] = {
	{ "batch under way", CHARGE_BATCH, "{\"status\":\"in_progress\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}",
		WORK_RUNS, 0, 0, 0, 0, -1 },
	{ "batch being cancelled", CHARGE_BATCH, "{\"status\":\"cancelling\"}", WORK_RUNS, 0, 0, 0, 0, -1 },
	{ "batch", CHARGE_BATCH, "{\"status\":\"completed\",\"output_file_id\":\"f\",\"request_counts\":{\"total\":3,"
		"\"completed\":2,\"failed\":1},\"usage\":{\"input_tokens\":50,\"input_tokens_details\":{\"cached_tokens\":20},"
		"\"output_tokens\":7,\"total_tokens\":57}}", WORK_ENDED, 50, 7, 20, 0, 2 },
	{ "a large batch", CHARGE_BATCH, "{\"status\":\"completed\",\"usage\":{\"input_tokens\":5000000000,"
		"\"output_tokens\":3000000000}}", WORK_ENDED, 5000000000, 3000000000, 0, 0, -1 },
	{ "batch, cancelled in part", CHARGE_BATCH, "{\"status\":\"cancelled\",\"usage\":{\"input_tokens\":5,"
		"\"output_tokens\":1}}", WORK_ENDED, 5, 1, 0, 0, -1 },
	{ "batch without usage", CHARGE_BATCH, "{\"status\":\"completed\",\"output_file_id\":\"f\"}",
		WORK_UNCOUNTED, 0, 0, 0, 0, -1 },
	{ "batch with a usage of nothing, but output", CHARGE_BATCH, "{\"status\":\"expired\",\"output_file_id\":\"f\","
		"\"usage\":{\"input_tokens\":0,\"output_tokens\":0,\"total_tokens\":0}}", WORK_UNCOUNTED, 0, 0, 0, 0, -1 },
	{ "batch that failed", CHARGE_BATCH, "{\"status\":\"failed\",\"output_file_id\":null,\"usage\":null}",
		WORK_ENDED, 0, 0, 0, 0, -1 },
	{ "run under way", CHARGE_RUN, "{\"status\":\"requires_action\",\"usage\":null}", WORK_RUNS, 0, 0, 0, 0, -1 },
	{ "run", CHARGE_RUN, "{\"status\":\"incomplete\",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,"
		"\"total_tokens\":12}}", WORK_ENDED, 9, 3, 0, 0, -1 },
	{ "run without usage", CHARGE_RUN, "{\"status\":\"failed\",\"usage\":null}", WORK_UNCOUNTED, 0, 0, 0, 0, -1 },
	{ "training under way", CHARGE_TRAINING, "{\"status\":\"running\",\"trained_tokens\":null}", WORK_RUNS, 0, 0, 0, 0, -1 },
	{ "training", CHARGE_TRAINING, "{\"status\":\"succeeded\",\"trained_tokens\":5768}", WORK_ENDED, 0, 0, 0, 5768, -1 },
	{ "training, cancelled", CHARGE_TRAINING, "{\"status\":\"cancelled\",\"trained_tokens\":12}", WORK_ENDED, 0, 0, 0, 12, -1 },
	{ "training that failed", CHARGE_TRAINING, "{\"status\":\"failed\",\"trained_tokens\":null}", WORK_ENDED, 0, 0, 0, 0, -1 },
	{ "training without a number", CHARGE_TRAINING, "{\"status\":\"succeeded\"}", WORK_UNCOUNTED, 0, 0, 0, 0, -1 },
	{ "response under way", CHARGE_RESPONSE, "{\"status\":\"queued\",\"usage\":null}", WORK_RUNS, 0, 0, 0, 0, -1 },
	{ "response", CHARGE_RESPONSE, "{\"status\":\"completed\",\"usage\":{\"input_tokens\":11,\"output_tokens\":7}}",
		WORK_ENDED, 11, 7, 0, 0, -1 },
	{ "response without usage", CHARGE_RESPONSE, "{\"status\":\"cancelled\",\"usage\":null}", WORK_UNCOUNTED, 0, 0, 0, 0, -1 },
	{ "another's word for the end", CHARGE_RUN, "{\"status\":\"succeeded\",\"usage\":{\"prompt_tokens\":9}}", WORK_RUNS,
		0, 0, 0, 0, -1 },
	{ "no object", CHARGE_BATCH, "[]", WORK_RUNS, 0, 0, 0, 0, -1 },
};
/* clang-format on */

static void test_state(void **state)
{
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		const struct resource pin = { .charge = objects[i].charge,
			.billed_prompt = 100000000,
			.billed_completion = 100000000 };
		struct work_end end;
		struct jval object;
		enum work_state got;

		assert_true(jscan_value(str_c(objects[i].object), &object));
		got = work_state(&pin, object, &end);
		if (got != objects[i].state)
			fail_msg("%s: got state %d, want %d", objects[i].name, got,
			    objects[i].state);
		same_int(objects[i].name, end.usage.prompt_tokens, objects[i].prompt);
		same_int(objects[i].name, end.usage.completion_tokens, objects[i].completion);
		same_int(objects[i].name, end.usage.cached_tokens, objects[i].cached);
		same_int(objects[i].name, end.usage.trained, objects[i].trained);
		same_int(objects[i].name, end.requests, objects[i].requests);
	}
}

#define SUMMARY "{\"kind\":\"batch\",\"requests\":3,\"prompt\":1000,\"completion\":500}"

/* 2^20 tokens, and 64 times what was expected: by its charge so far, or by its file. */
static void test_lies(void **state)
{
	static const char used[] =
	    "{\"status\":\"completed\",\"usage\":{\"input_tokens\":60000000000,"
	    "\"output_tokens\":50000000000}}";
	static const struct {
		const char *name, *object;
		struct resource pin;
		int64_t prompt, completion, trained;
	} lies[] = {
		{ "a batch by its file", used,
		    { .charge = CHARGE_BATCH, .summary = STR_INIT(SUMMARY) }, 1048576 + 64000,
		    1048576 + 32000, 0 },
		{ "a run by its charge", used,
		    { .charge = CHARGE_RUN, .billed_prompt = 10, .billed_completion = 20 },
		    1048576 + 640, 1048576 + 1280, 0 },
		{ "training", "{\"status\":\"succeeded\",\"trained_tokens\":60000000000}",
		    { .charge = CHARGE_TRAINING, .summary = STR_INIT(SUMMARY) }, 0, 0,
		    1048576 + 1024000 },
		{ "below nothing",
		    "{\"status\":\"completed\",\"usage\":{\"input_tokens\":-5,\"output_tokens\":7}"
		    "}",
		    { .charge = CHARGE_RESPONSE, .billed_prompt = 10 }, 0, 7, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		struct work_end end;
		struct jval object;

		assert_true(jscan_value(str_c(lies[i].object), &object));
		assert_int_equal(work_state(&lies[i].pin, object, &end), WORK_ENDED);
		same_int(lies[i].name, end.usage.prompt_tokens, lies[i].prompt);
		same_int(lies[i].name, end.usage.completion_tokens, lies[i].completion);
		same_int(lies[i].name, end.usage.trained, lies[i].trained);
	}
}

/* An assistant may be changed in the moment that it is run: the run says what it used. */
static void test_model_of_run(void **state)
{
	const struct resource run = { .charge = CHARGE_RUN, .model = STR("gpt-x") };
	const struct resource batch = { .charge = CHARGE_BATCH, .model = STR("gpt-x") };
	struct work_end end;
	struct jval object;

	assert_true(jscan_value(STR("{\"status\":\"completed\",\"model\":\"gpt-y\",\"usage\":"
	                            "{\"prompt_tokens\":1,\"completion_tokens\":1}}"),
	    &object));
	assert_int_equal(work_state(&run, object, &end), WORK_ENDED);
	assert_true(str_eq_c(end.model, "gpt-y"));
	assert_int_equal(work_state(&batch, object, &end), WORK_ENDED);
	assert_int_equal(end.model.n, 0);
}

static void test_lines_of_output(void **state)
{
	static const char *const lines[] = {
		("{\"custom_id\":\"1\",\"response\":{\"status_code\":200,\"body\":{\"usage\":"
		 "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":"
		 "{\"cached_tokens\":4}}}}}"),
		"{\"custom_id\":\"2\",\"response\":{\"status_code\":400,\"body\":{\"error\":{}}}}",
		"",
		"garbage",
		("{\"custom_id\":\"3\",\"response\":{\"status_code\":200,\"body\":{\"usage\":"
		 "{\"input_tokens\":1,\"output_tokens\":2}}}}"),
	};
	struct arena *a = arena_new(4096);
	struct work_end end = { 0 };

	for (size_t i = 0; i < COUNT_OF(lines); i++)
		work_add_line(a, str_c(lines[i]), &end);
	same_int("answers", end.requests, 2);
	same_int("prompt", end.usage.prompt_tokens, 11);
	same_int("completion", end.usage.completion_tokens, 7);
	same_int("cached", end.usage.cached_tokens, 4);
	arena_free(a);
}

/* The same bounds for what the lines of an output file add up to. */
static void test_lies_of_output(void **state)
{
	static const char line[] = "{\"response\":{\"body\":{\"usage\":{\"prompt_tokens\":"
	                           "60000000000,\"completion_tokens\":50000000000}}}}";
	const struct resource pin = { .charge = CHARGE_BATCH, .summary = STR(SUMMARY) };
	struct arena *a = arena_new(4096);
	struct work_end end = { 0 };

	work_add_line(a, str_c(line), &end);
	work_add_line(a, str_c(line), &end);
	work_cut(&pin, &end.usage);
	same_int("prompt", end.usage.prompt_tokens, 1048576 + 64000);
	same_int("completion", end.usage.completion_tokens, 1048576 + 32000);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_model_of_run),
		cmocka_unit_test(test_lines_of_output),
		cmocka_unit_test(test_lies_of_output),
	};

	return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
