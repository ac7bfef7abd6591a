/* SPDX-License-Identifier: MIT
 *
 * `oxigraph bench`: its figures add up, whatever the machine's speed. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/program.h"

static json_t *bench(const char *args)
{
    ogt_result r = ogt_run_command(OGT_PROGRAM " bench --json --reps 1 -t 2 %s", args);
    cr_assert_eq(r.status, 0, "%s: %s", args, r.err);
    json_error_t error;
    json_t *j = json_loads(r.out, 0, &error);
    cr_assert(j, "%s: %s", error.text, r.out);
    ogt_result_free(&r);
    return j;
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    cr_assert(json_is_number(v), "no number '%s'", key);
    return json_number_value(v);
}

static const char *text(const json_t *o, const char *key)
{
    const char *v = json_string_value(json_object_get(o, key));
    cr_assert(v, "no text '%s'", key);
    return v;
}

static const json_t *result(const json_t *j, size_t i, const char *phase)
{
    const json_t *r = json_array_get(json_object_get(j, "results"), i);
    cr_assert_str_eq(text(r, "phase"), phase);
    return r;
}

static void expect_near(const json_t *o, const char *what, double got, double want, double part)
{
    cr_expect(fabs(got / want - 1) <= part, "%s, %s: %g, expected %g", text(o, "phase"), what, got,
              want);
}

/* The tiny shape: 2 layers of attention and feed-forward, and the output matrix. */
enum { ATTENTION = 256 * 256 * 2 + 256 * 128 * 2, FFN = 3 * 256 * 512, OUTPUT = 256 * 512 };

Test(cmd_bench, figures_of_a_shape)
{
    json_t *j = bench("--shape tiny --type q8_0 --prefill 24 --decode 3 --context 5 --batch 2");
    const json_t *roof = json_object_get(j, "roofline");
    double read = number(roof, "read_gb_s"), int8 = number(roof, "int8_gop_s");
    cr_assert(read > 0 && int8 > 0 && number(roof, "f32_gflop_s") > 0 &&
              number(roof, "bf16_gflop_s") > 0);
    for (size_t i = 0; i < 2; i++) {
        const json_t *r = result(j, i, i ? "decode" : "prefill");
        cr_expect_str_eq(text(r, "shape"), "tiny");
        cr_expect_str_eq(text(r, "type"), "Q8_0");
        cr_expect_str_eq(text(r, "device"), "cpu");
        cr_expect_eq(number(r, "threads"), 2);
        cr_expect_eq(number(r, "batch"), 2);
        cr_expect_eq(number(r, "tokens"), i ? 3 : 24);
        cr_expect_eq(number(r, "context"), i ? 5 : 0);
        cr_expect_eq(number(r, "spread"), 0); /* of one repetition */
        expect_near(r, "percent_of_limit", number(r, "percent_of_limit"),
                    100 * number(r, "tok_s") / number(r, "limit"), 1e-6);
    }
    const json_t *prefill = result(j, 0, "prefill"), *decode = result(j, 1, "decode");
    /* Two operations a weight; in prefill the output only for each sequence's last token. */
    double flops = number(decode, "gflop_s") / number(decode, "tok_s") * 1e9;
    expect_near(decode, "operations", flops, 2.0 * (2 * (ATTENTION + FFN) + OUTPUT), 0.03);
    flops = number(prefill, "gflop_s") / number(prefill, "tok_s") * 1e9;
    expect_near(prefill, "operations", flops, 2.0 * (2 * (ATTENTION + FFN) + OUTPUT / 24.0), 0.03);
    /* Two tokens a step share the weights. */
    double bytes = number(decode, "gb_s") / number(decode, "tok_s") * 1e9;
    expect_near(decode, "bytes", bytes, 34.0 / 32 * (2 * (ATTENTION + FFN) + OUTPUT) / 2, 0.1);
    json_decref(j);
}

Test(cmd_bench, only_used_experts_count)
{
    json_t *j = bench("--shape tiny-moe --type Q8_0 --prefill 0 --decode 2");
    const json_t *r = result(j, 0, "decode");
    double weights = 2 * (ATTENTION + 2 * FFN) + OUTPUT;
    expect_near(r, "bytes", number(r, "gb_s") / number(r, "tok_s") * 1e9, 34.0 / 32 * weights, 0.1);
    expect_near(r, "operations", number(r, "gflop_s") / number(r, "tok_s") * 1e9, 2 * weights,
                0.03);
    json_decref(j);
}

Test(cmd_bench, a_file_and_its_groups)
{
    const char *path = OGT_SOURCE_DIR "/tests/data/models/tales-6m-Q8_0.gguf";
    char args[512];
    snprintf(args, sizeof args, "'%s' --prefill 8 --decode 4 --groups", path);
    json_t *j = bench(args);
    cr_expect(number(j, "load_s") > 0 && number(j, "first_token_s") > number(j, "load_s"));
    const json_t *r = result(j, 1, "decode");
    cr_expect_str_eq(text(r, "type"), "Q8_0");
    double seconds = 0, limit = 0;
    const json_t *groups = json_object_get(r, "groups");
    cr_assert_gt(json_array_size(groups), 3);
    for (size_t i = 0; i < json_array_size(groups); i++) {
        seconds += number(json_array_get(groups, i), "seconds");
        limit += number(json_array_get(groups, i), "limit_seconds");
    }
    cr_expect_gt(seconds, 0);
    cr_expect_leq(seconds, 4 / number(r, "tok_s"), "groups take longer than the phase");
    expect_near(r, "limits of groups", 4 / limit, number(r, "limit"), 1e-6);
    json_decref(j);
}

Test(cmd_bench, text_names_the_phases)
{
    ogt_result r =
        ogt_run_command(OGT_PROGRAM " bench --shape tiny --type Q4_0 --prefill 4 --decode 2 "
                                    "--reps 1 --groups");
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.out, "\nprefill ") && strstr(r.out, "\ndecode "), "%s", r.out);
    cr_expect(strstr(r.out, "ffn_up ffn_gate: "), "%s", r.out);
    ogt_result_free(&r);
}

Test(cmd_bench, grammar_with_and_without_decoding)
{
    ogt_result r = ogt_run_command(OGT_PROGRAM " bench grammar '" OGT_SOURCE_DIR
                                               "/tests/data/models/tales-1m-F16.gguf' -n 300 "
                                               "--decode 12 --json");
    cr_assert_eq(r.status, 0, "%s", r.err);
    json_t *j = json_loads(r.out, 0, NULL);
    cr_expect_gt(number(j, "compile_s"), 0);
    cr_expect_gt(number(j, "mask_worst_us"), 0);
    cr_expect_geq(number(j, "mask_worst_us"), number(j, "mask_mean_us"));
    cr_expect_eq(number(j, "tokens"), 300);
    cr_expect_gt(number(j, "decode_free_s"), 0);
    cr_expect_gt(number(j, "decode_constrained_s"), 0);
    json_decref(j);
    ogt_result_free(&r);
}

Test(cmd_bench, wrong_options)
{
    static const struct {
        const char *args, *says;
    } wrong[] = {
        { "", "MODEL or --shape" },
        { "x.gguf --shape tiny --type Q4_0", "MODEL or --shape" },
        { "--shape tiny", "--type" },
        { "x.gguf --type Q4_0", "--shape" },
        { "--shape tiny --type Q4_0 --batch 0", "--batch" },
        { "--shape tiny --type Q4_0 --reps 0", "--reps" },
        { "--shape tiny --type Q4_0 --prefill -1", "--prefill" },
        { "--shape huge --type Q4_0", "no shape 'huge'" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ogt_result r = ogt_run_command(OGT_PROGRAM " bench %s", wrong[i].args);
        cr_expect_eq(r.status, 2, "%s: status %d", wrong[i].args, r.status);
        cr_expect(strstr(r.err, wrong[i].says), "%s: %s", wrong[i].args, r.err);
        ogt_result_free(&r);
    }
}

static int count_lines(const char *s, const char *with)
{
    int n = 0;
    for (; (s = strstr(s, with)); s++) n++;
    return n;
}

Test(cmd_bench, lists_are_swept)
{
    ogt_result r = ogt_run_command(OGT_PROGRAM
                                   " bench --shape tiny --type Q4_0,Q8_0 --prefill 4,6 --batch 1,2 "
                                   "-t 1,2 --decode 2 --reps 1 --md");
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_expect_eq(count_lines(r.out, "| decode |"), 16, "%s", r.out);
    cr_expect_eq(count_lines(r.out, "| tiny | Q8_0 | 2 | 2 | prefill | 6 | 0 |"), 1, "%s", r.out);
    ogt_result_free(&r);
    static const char *const bad[] = {
        "--prefill 4,",           "--prefill x", "--batch 0", "-t 1,,2",
        "--prefill 0 --decode 0", "--compare ls"
    };
    for (int i = 0; i < 6; i++) {
        r = ogt_run_command(OGT_PROGRAM " bench --shape tiny --type Q4_0 %s", bad[i]);
        cr_expect_eq(r.status, 2, "%s: %s", bad[i], r.err);
        ogt_result_free(&r);
    }
}

Test(cmd_bench, draws_the_roofline)
{
    char path[] = "/tmp/og_svg_XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    ogt_result r = ogt_run_command(
        OGT_PROGRAM " bench --shape tiny --type Q4_0 --prefill 8 --decode 2 --reps 1 --svg %s; "
                    "cat %s",
        path, path);
    cr_expect(strstr(r.out, "<svg ") && strstr(r.out, "</svg>"), "%s%s", r.out, r.err);
    cr_expect_geq(count_lines(r.out, "<circle class=\"decode\""), 4);
    cr_expect_geq(count_lines(r.out, "<circle class=\"prefill\""), 4);
    ogt_result_free(&r);
    r = ogt_run_command(OGT_PROGRAM " bench --shape tiny --type Q4_0 --prefill 8,9 --svg %s", path);
    cr_expect_eq(r.status, 2, "%s", r.err);
    ogt_result_free(&r);
    unlink(path);
}

Test(cmd_bench, time_of_a_repetition_adds_up)
{
    json_t *j = bench("--shape tiny --type Q8_0 --prefill 24 --decode 3 --context 400 --groups");
    for (size_t i = 0; i < 2; i++) {
        const json_t *r = result(j, i, i ? "decode" : "prefill"), *t = json_object_get(r, "time");
        double sum = number(t, "work") + number(t, "waiting") + number(t, "dispatch");
        expect_near(r, "time", sum + number(t, "other"), number(t, "total"), 1e-6);
        expect_near(r, "total", number(t, "total"), number(r, "tokens") / number(r, "tok_s"), 1e-6);
        cr_expect(number(t, "work") > 0 && number(t, "other") >= 0);
        cr_expect_gt(number(json_object_get(r, "roofline"), "int8_gop_s"), 0);
    }
    json_decref(j);
}

/* A llama-bench that is always 100 tokens/s in prefill, and 20 / threads in decode. */
static const char other[] =
    "#!/bin/sh\n"
    "while [ $# -gt 1 ]; do case $1 in -p) p=$2;; -n) n=$2;; -t) t=$2;; esac; shift; done\n"
    "echo \"[{\\\"n_prompt\\\": $p, \\\"n_gen\\\": 0, \\\"avg_ts\\\": 100.0},\"\n"
    "echo \" {\\\"n_prompt\\\": 0, \\\"n_gen\\\": $n, \\\"avg_ts\\\": $((20 / t)).0}]\"\n";

Test(cmd_bench, takes_turns_with_another_program)
{
    char path[] = "/tmp/og_bench_XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, other, sizeof other - 1) == sizeof other - 1);
    fchmod(fd, 0700);
    close(fd);
    const char *model = OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf";
    const char *how = "--prefill 8 --decode 4 --reps 2 -t 1,2";
    ogt_result r = ogt_run_command(OGT_PROGRAM " bench '%s' --compare %s %s", model, path, how);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.out, "decode: ") && strstr(r.out, "slower with -t 2 than with -t 1"), "%s",
              r.out);
    ogt_result_free(&r);
    r = ogt_run_command(OGT_PROGRAM " bench '%s' --compare %s %s --json", model, path, how);
    cr_assert_eq(r.status, 0, "%s", r.err);
    json_t *j = json_loads(r.out, 0, NULL), *pairs = json_object_get(j, "compare");
    cr_assert_eq(json_array_size(pairs), 4);
    const json_t *last = json_array_get(pairs, 3);
    cr_expect_str_eq(text(last, "phase"), "decode");
    cr_expect_eq(number(last, "other_tok_s"), 10);
    expect_near(last, "ratio", number(last, "ratio"), number(last, "tok_s") / 10, 1e-6);
    json_decref(j);
    ogt_result_free(&r);
    r = ogt_run_command(OGT_PROGRAM " bench '%s' --compare false %s", model, how);
    cr_expect(r.status == 1 && strstr(r.err, "false failed"), "%s", r.err);
    ogt_result_free(&r);
    r = ogt_run_command(OGT_PROGRAM " bench '%s' --compare true %s", model, how);
    cr_expect(r.status == 1 && strstr(r.err, "wants a llama-bench"), "%s", r.err);
    ogt_result_free(&r);
    unlink(path);
}
