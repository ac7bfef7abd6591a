/* SPDX-License-Identifier: MIT
 *
 * `oxigraph embed` and `rerank` as a user runs them. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "tests/support/program.h"

#define MODEL OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

/* Sum of squares of list[i][j]. */
static double length2(const json_t *list, size_t i, size_t j)
{
    const json_t *row = json_array_get(json_array_get(list, i), j);
    double sum = 0;
    for (size_t k = 0; k < json_array_size(row); k++) {
        double x = json_number_value(json_array_get(row, k));
        sum += x * x;
    }
    return sum;
}

static json_t *embed(const char *how)
{
    ogt_result r = ogt_run_command("%s embed %s --json %s", OGT_PROGRAM, MODEL, how);
    cr_assert_eq(r.status, 0, "%s", r.err);
    json_t *list = json_loads(r.out, 0, NULL);
    cr_assert(list, "%s", r.out);
    ogt_result_free(&r);
    return list;
}

Test(cmd_embed, gives_a_row_of_length_one_for_each_text)
{
    json_t *list = embed("'Once upon a time' --text 'The end' --tokens 1,2,3");
    cr_assert(json_array_size(list) == 3 && json_array_size(json_array_get(list, 0)) == 1);
    for (size_t i = 0; i < 3; i++) cr_assert_float_eq(length2(list, i, 0), 1, 1e-5);
    json_decref(list);
}

Test(cmd_embed, none_gives_a_row_for_each_token_and_raw_keeps_its_length)
{
    json_t *list = embed("--tokens 1,2,3 --tokens 4 --pooling none --raw");
    cr_assert(json_array_size(list) == 2 && json_array_size(json_array_get(list, 0)) == 3);
    cr_assert(json_array_size(json_array_get(list, 1)) == 1);
    cr_assert(length2(list, 0, 0) > 1.1 || length2(list, 0, 0) < 0.9);
    json_decref(list);
}

Test(cmd_embed, rows_come_in_the_order_of_the_texts)
{
    json_t *want = embed("--tokens 1,2,3,4,5,6,7 --tokens 8 --tokens 9,10,11");
    json_t *got = embed("--tokens 1,2,3,4,5,6,7 --tokens 8 --tokens 9,10,11 --batch 2");
    cr_assert(json_equal(want, got));
    json_decref(want);
    json_decref(got);
}

static void refused(const char *command, int status, const char *why)
{
    ogt_result r = ogt_run_command("%s %s", OGT_PROGRAM, command);
    cr_assert_eq(r.status, status, "%s", r.err);
    cr_assert(strstr(r.err, why), "'%s' lacks '%s'", r.err, why);
    ogt_result_free(&r);
}

Test(cmd_embed, what_cannot_be_done_is_told)
{
    refused("embed " MODEL, 2, "there is no text");
    refused("embed " MODEL " x --pooling best", 2, "not 'best'");
    refused("embed " MODEL " x --pooling rank", 1, "no classifier");
    refused("embed " MODEL " x --json -o /dev/null", 2, "leave --json or -o");
    refused("rerank " MODEL " a b", 2, "--query is missing");
    refused("rerank " MODEL " --query a", 1, "no documents");
    refused("rerank " MODEL " --query a b", 1, "no classifier");
    refused("logits " MODEL " --tokens 1 --encode 2 -o /dev/null", 1, "has no encoder");
}
