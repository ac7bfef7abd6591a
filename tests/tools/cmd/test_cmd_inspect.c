/* SPDX-License-Identifier: MIT
 *
 * `oxigraph inspect` as a user meets it. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "formats/gguf.h"
#include "graph/kx.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/program.h"

#define MODEL OGT_SOURCE_DIR "/tests/data/models/tales-6m-Q8_0.gguf"

static void holds(const char *text, const char *part)
{
    cr_assert(strstr(text, part), "'%s' is not in:\n%s", part, text);
}

Test(inspect, summary_tells_what_matters)
{
    ogt_result r = ogt_run_command("%s inspect %s", OGT_PROGRAM, MODEL);
    cr_assert(r.status == 0, "%s", r.err);
    holds(r.out, "architecture     llama\n");
    holds(r.out, "name             tales-6m\n");
    holds(r.out, "parameters       5770496 (5.77 M)\n");
    holds(r.out, "bits per weight  8.51\n");
    holds(r.out, "  llama.rope.freq_base f32 = 10000\n");
    holds(r.out, "  tokenizer.ggml.token_type i32[4096] = [3, 3, 3, 1, ...]\n");
    holds(r.out, "  Q8_0         43 tensors  5.84 MiB\n");
    ogt_result_free(&r);
}

Test(inspect, tensors_are_listed_outermost_first)
{
    ogt_result r = ogt_run_command("%s inspect --tensors %s", OGT_PROGRAM, MODEL);
    cr_assert(r.status == 0, "%s", r.err);
    holds(r.out, "Q8_0     [4096, 256]                     1114112  token_embd.weight\n");
    ogt_result_free(&r);
}

Test(inspect, json_holds_everything)
{
    ogt_result r = ogt_run_command("%s inspect --json %s", OGT_PROGRAM, MODEL);
    cr_assert(r.status == 0, "%s", r.err);
    json_t *j = json_loads(r.out, 0, NULL), *keys = json_object_get(j, "keys");
    cr_assert(j && json_integer_value(json_object_get(j, "parameters")) == 5770496);
    cr_assert(json_array_size(json_object_get(j, "tensors")) == 56);
    json_t *tokens = json_object_get(keys, "tokenizer.ggml.tokens");
    cr_assert(json_integer_value(json_object_get(tokens, "length")) == 4096);
    json_t *arch = json_object_get(json_object_get(keys, "general.architecture"), "value");
    cr_assert_str_eq(json_string_value(arch), "llama");
    json_decref(j);
    ogt_result_free(&r);
}

Test(inspect, a_tensor_is_dumped_as_float32)
{
    char path[] = "/tmp/ogt_tensor_XXXXXX";
    enum { N = 4096 * 256 };
    float *want = malloc(N * sizeof *want), *got = malloc(N * sizeof *got);
    og_ctx *ctx;
    ogi_gguf *f;
    close(mkstemp(path));
    ogt_result r =
        ogt_run_command("%s inspect %s --tensor token_embd.weight -o %s", OGT_PROGRAM, MODEL, path);
    cr_assert(r.status == 0 && r.n_out == 0, "%s", r.err);
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK && ogi_gguf_open(ctx, MODEL, NULL, 0, &f) == OG_OK);
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(f, OGI_SV("token_embd.weight"));
    cr_assert(ogi_dequantize(ctx, (og_dtype)t->type, t->data, N, want) == OG_OK);
    FILE *file = fopen(path, "rb");
    cr_assert(file && fread(got, sizeof *got, N, file) == N && fgetc(file) == EOF);
    cr_assert(memcmp(got, want, N * sizeof *got) == 0);
    fclose(file);
    remove(path);
    ogi_gguf_close(f);
    og_ctx_free(ctx);
    free(want), free(got);
    ogt_result_free(&r);
}

Test(inspect, control_characters_reach_no_terminal)
{
    char path[] = "/tmp/ogt_model_XXXXXX";
    static const char *const modes[] = { "", "--tensors", "--json" };
    ogt_gguf w = { 0 };
    int64_t size;
    ogt_gguf_str(&w, "general.name", "a\033]0;title\007\xc2\x9b\xff\n");
    ogt_gguf_u32(&w, "k\033[2J", 1);
    ogt_gguf_tensor(&w, "t\r\033[31m", 0, 1, (const int64_t[]){ 4 }, NULL, 16);
    unsigned char *bytes = ogt_gguf_finish(&w, &size);
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, bytes, (size_t)size) == size && close(fd) == 0);
    for (int m = 0; m < 3; m++) {
        ogt_result r = ogt_run_command("%s inspect %s %s", OGT_PROGRAM, modes[m], path);
        cr_assert(r.status == 0, "%s", r.err);
        for (size_t i = 0; i < r.n_out; i++) {
            unsigned char c = (unsigned char)r.out[i];
            cr_assert(c == '\n' || (c >= 0x20 && c < 0x7f), "byte %02x in mode '%s'", c, modes[m]);
        }
        ogt_result_free(&r);
    }
    remove(path);
    free(bytes);
}

Test(inspect, faults_exit_with_one_clear_line)
{
    static const struct {
        const char *args;
        int status;
        const char *line;
    } cases[] = {
        { "/nonexistent", 1, "oxigraph: /nonexistent: No such file or directory\n" },
        { "/tmp", 1, "oxigraph: /tmp: Is a directory\n" },
        { OGT_SOURCE_DIR "/LICENSE", 1, "not a GGUF file" },
        { MODEL " --tensor x -o /tmp/never", 1, "no tensor 'x'; --tensors lists them\n" },
        { MODEL " --tensor token_embd.weight -o /nonexistent/x", 1,
          "/nonexistent/x: cannot write: No such file" },
        { MODEL " --override-kv x", 1, "override 'x': expected KEY=TYPE:VALUE\n" },
        { MODEL " --tensor x", 2, "go together" },
        { MODEL " --nonsense", 2, "--nonsense" },
        { "", 2, "argument is missing" },
    };
    for (int i = 0; i < OGI_LEN(cases); i++) {
        ogt_result r = ogt_run_command("%s inspect %s", OGT_PROGRAM, cases[i].args);
        cr_assert(r.status == cases[i].status, "%s: status %d", cases[i].args, r.status);
        holds(r.err, cases[i].line);
        cr_assert(strchr(r.err, '\n') == strrchr(r.err, '\n') && r.n_out == 0);
        ogt_result_free(&r);
    }
}
