/* SPDX-License-Identifier: MIT
 *
 * `run --prompt-cache`: the same output as without it, for models with keys and values, sliding
 * windows and recurrent states; and chats with a model that cannot cut its state back. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/golden.h"
#include "tests/support/program.h"
#include "tests/support/spec_model.h"

#define STORY OGT_SOURCE_DIR "/tests/data/models/tales-6m-Q8_0.gguf"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], "%s/%s", folder, name);
    return path[k];
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/ogt_chat_cache_%d", (int)getpid());
    cr_assert_eq(mkdir(folder, 0700), 0);
}

static void tear_down(void)
{
    ogt_result r = ogt_run_command("rm -r '%s'", folder);
    ogt_result_free(&r);
}

TestSuite(cache, .init = set_up, .fini = tear_down);
TestSuite(recurrent, .init = set_up, .fini = tear_down);

static void set(json_t *metadata, const char *key, const char *type, json_t *value)
{
    json_object_set_new(metadata, key, json_pack("{s:s, s:o}", "type", type, "value", value));
}

/* Letters as tokens, for a vocabulary of n. */
static void add_letters(json_t *metadata, int n)
{
    json_t *token = json_array(), *score = json_array(), *type = json_array();
    static const char *const first[] = { "<unk>", "<s>", "</s>", "\xe2\x96\x81", "\n" };
    for (int i = 0; i < n; i++) {
        char one[16];
        snprintf(one, sizeof one, i < 5 + 94 ? "%c" : "{%d}", i - 5 + '!');
        json_array_append_new(token, json_string(i < 5 ? first[i] : one));
        json_array_append_new(score, json_real(-i));
        json_array_append_new(type, json_integer(i == 0 ? 2 : i < 3 ? 3 : 1));
    }
    set(metadata, "tokenizer.ggml.model", "str", json_string("llama"));
    set(metadata, "tokenizer.ggml.tokens", "arr[str]", token);
    set(metadata, "tokenizer.ggml.scores", "arr[f32]", score);
    set(metadata, "tokenizer.ggml.token_type", "arr[i32]", type);
    set(metadata, "tokenizer.ggml.bos_token_id", "u32", json_integer(1));
    set(metadata, "tokenizer.ggml.eos_token_id", "u32", json_integer(2));
}

/* A golden model as a file that `run` can talk to. */
static const char *talking_model(const char *name)
{
    char *dir = ogt_kind_dir("arch"), path[512], error[200];
    snprintf(path, sizeof path, "%s/%s.json", dir, name);
    json_t *j = json_load_file(path, 0, NULL), *t;
    size_t i;
    cr_assert_not_null(j, "%s", path);
    json_array_foreach(json_object_get(j, "tensors"), i, t)
    {
        int n = (int)json_integer_value(json_array_get(json_object_get(t, "shape"), 1));
        if (!strcmp(json_string_value(json_object_get(t, "name")), "token_embd.weight"))
            add_letters(json_object_get(j, "metadata"), n);
    }
    json_dump_file(j, in_folder("model.json"), 0);
    json_decref(j);
    ogt_result r = ogt_run_command("cp '%s'/*.f32 '%s'", dir, folder);
    ogt_result_free(&r);
    ogt_spec spec;
    cr_assert(ogt_spec_open(folder, "model", &spec, error), "%s: %s", name, error);
    FILE *f = fopen(in_folder("model.gguf"), "wb");
    cr_assert(f && fwrite(spec.gguf, 1, (size_t)spec.gguf_size, f) == (size_t)spec.gguf_size);
    fclose(f);
    ogt_spec_free(&spec);
    free(dir);
    return in_folder("model.gguf");
}

/* What `run` prints; penalties and seed, so that the sampler's memory counts. */
static ogt_result run(const char *model, const char *args)
{
    ogt_result r = ogt_run_command("cd '%s' && '%s' run '%s' --seed 5 --temp 1 -n 24 "
                                   "--repeat-penalty 1.5 --repeat-last-n 200 --isa scalar %s",
                                   folder, OGT_PROGRAM, model, args);
    cr_assert_eq(r.status, 0, "%s: exit %d: %s", args, r.status, r.err);
    return r;
}

static void expect(ogt_result r, const char *out, const char *in_err)
{
    cr_assert_str_eq(r.out, out);
    cr_assert(strstr(r.err, in_err), "'%s' is not in: %s", in_err, r.err);
    ogt_result_free(&r);
}

static void check_cached(const char *name, const char *other)
{
    const char *model = talking_model(name);
    ogt_result a = run(model, "'abc def abc'"), b = run(model, "'abc xyz'");
    unlink(in_folder("cache"));
    expect(run(model, "'abc def abc' --prompt-cache cache"), a.out, "cache: 0 of 13 tokens");
    expect(run(model, "'abc def abc' --prompt-cache cache"), a.out, "cache: 12 of 13 tokens");
    expect(run(model, "'abc xyz' --prompt-cache cache"), b.out, other);
    expect(run(model, "'abc xyz' --prompt-cache cache"), b.out, "cache: 8 of 9 tokens");
    ogt_result_free(&a), ogt_result_free(&b);
}

Test(cache, changes_no_output)
{
    check_cached("llama", "cache: 6 of 9 tokens");
    check_cached("gemma2", "cache: 6 of 9 tokens");
    check_cached("mamba", "cache: 0 of 9 tokens");
}

Test(cache, that_does_not_fit_is_told_and_replaced)
{
    const char *model = talking_model("llama");
    ogt_result plain = run(model, "'abc def'"), f32 = run(model, "'abc def' --kv f32"), r;
    expect(run(model, "'abc def' --prompt-cache cache"), plain.out, "0 of 9");
    expect(run(model, "'abc def' --prompt-cache cache --kv f32"), f32.out, "another model");
    expect(run(model, "'abc def' --prompt-cache cache --kv f32"), f32.out, "8 of 9");
    r = ogt_run_command("cd '%s' && head -c 700 cache >torn && touch model.gguf", folder);
    ogt_result_free(&r);
    expect(run(model, "'abc def' --prompt-cache torn --kv f32"), f32.out, "a changed file");
    expect(run(model, "'abc def' --prompt-cache torn --kv f32"), f32.out, "8 of 9");
    r = ogt_run_command("cd '%s' && head -c 700 torn >cache", folder);
    ogt_result_free(&r);
    expect(run(model, "'abc def' --prompt-cache cache --kv f32"), f32.out, "cut off");
    ogt_result_free(&plain), ogt_result_free(&f32);
}

Test(cache, never_replaces_another_file)
{
    ogt_result r = ogt_run_command("cd '%s' && echo mine >notes; '%s' run '%s' x -n 2 "
                                   "--prompt-cache notes; s=$?; cat notes; exit $s",
                                   folder, OGT_PROGRAM, STORY);
    cr_assert_eq(r.status, 1, "exit %d", r.status);
    cr_assert_str_eq(r.out, "mine\n");
    cr_assert(strstr(r.err, "not a prompt cache"), "%s", r.err);
    ogt_result_free(&r);
}

Test(cache, of_a_chat_is_saved_when_it_ends)
{
    static const char *const say = "printf 'A fox\\nAnd then\\n' | '%s' run '%s' --temp 0 -n 8 %s";
    char option[160];
    snprintf(option, sizeof option, "--prompt-cache '%s'", in_folder("cache"));
    ogt_result plain = ogt_run_command(say, OGT_PROGRAM, STORY, "");
    ogt_result a = ogt_run_command(say, OGT_PROGRAM, STORY, option);
    ogt_result b = ogt_run_command(say, OGT_PROGRAM, STORY, option);
    int kept = 0, all = 0;
    cr_assert_eq(a.status, 0, "%s", a.err);
    cr_assert_str_eq(a.out, plain.out);
    cr_assert_str_eq(b.out, plain.out);
    cr_assert(strstr(a.err, "prompt cache: 0 of"), "%s", a.err);
    const char *p = strstr(b.err, "prompt cache: ");
    cr_assert(p && sscanf(p, "prompt cache: %d of %d", &kept, &all) == 2, "%s", b.err);
    cr_assert(kept > 0 && kept == all - 1, "%s", b.err);
    cr_assert_null(strstr(p + 1, "prompt cache: "), "told once: %s", b.err);
    ogt_result_free(&plain), ogt_result_free(&a), ogt_result_free(&b);
}

/* ---- chats with recurrent states ----------------------------------------------------------- */

static ogt_result chat(const char *model, const char *lines)
{
    ogt_result r = ogt_run_command("printf '%s' | '%s' run '%s' --temp 0 -n 6 --isa scalar "
                                   "--repeat-penalty 1.5 --repeat-last-n 200",
                                   lines, OGT_PROGRAM, model);
    cr_assert_eq(r.status, 0, "exit %d: %s", r.status, r.err);
    return r;
}

Test(recurrent, chats_are_fed_again_where_the_state_cannot_be_cut_back)
{
    const char *model = talking_model("mamba");
    ogt_result once = chat(model, "ab\\nc\\n/show\\n");
    static const char *const same[] = {
        "ab\\nc\\n/regen\\n/show\\n",
        "ab\\nxy\\n/undo\\nc\\n/show\\n",
        "xy\\n/reset\\nab\\nc\\n/show\\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ogt_result r = chat(model, same[i]);
        const char *want = strstr(once.out, "user: "), *got = strstr(r.out, "user: ");
        cr_assert(want && got && !strcmp(want, got), "%s: '%s', expected '%s'", same[i], r.out,
                  once.out);
        ogt_result_free(&r);
    }
    ogt_result_free(&once);
}
