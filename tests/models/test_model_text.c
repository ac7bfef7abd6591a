/* SPDX-License-Identifier: MIT
 *
 * Models as text: what is printed opens as the same model; a text that asks for what the engine or
 * the file does not have is refused with a line that says so. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "models/model_text.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

static og_ctx *ctx;
static ogt_spec spec;
static ogi_gguf *file;

static void open_case(const char *name)
{
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    free(dir);
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
    cr_assert_eq(ogi_gguf_open_memory(ctx, "m.gguf", spec.gguf, spec.gguf_size, NULL, 0, &file),
                 OG_OK);
}

static void close_case(void)
{
    ogi_gguf_close(file);
    og_ctx_free(ctx);
    ogt_spec_free(&spec);
}

static const ogi_model_options as_f16 = { .kv = { OG_F16, OG_F16 },
                                          .has_pooling = true,
                                          .pooling = -1 };

/* The case's model as text; freed with ogi_buf_free. */
static ogi_buf export_model(ogi_model **kept)
{
    ogi_buf text = { .ctx = ctx };
    ogi_model *m;
    cr_assert_eq(ogi_model_open(ctx, file, &as_f16, &m), OG_OK, "%s", og_error(ctx));
    cr_assert_eq(ogi_model_print(m, &text), OG_OK);
    if (kept)
        *kept = m;
    else
        ogi_model_close(m);
    return text;
}

static og_status parse(ogi_sv text, ogi_model **out)
{
    *out = OGI_NEW(ctx, ogi_model);
    cr_assert(*out);
    (*out)->ctx = (*out)->mem.ctx = ctx;
    (*out)->file = file;
    og_error_clear(ctx);
    og_status st = ogi_model_parse(*out, &as_f16, text);
    if (st == OG_OK) return st;
    ogi_model_close(*out);
    *out = NULL;
    return st;
}

static void check_alike(const ogi_model *a, const ogi_model *b)
{
    cr_assert_str_eq(a->arch, b->arch);
    cr_assert(a->n_entry == b->n_entry && a->n_weight >= b->n_weight && a->n_state == b->n_state);
    cr_assert(a->n_vocab == b->n_vocab && a->n_embd == b->n_embd && a->hidden == b->hidden);
    cr_assert(a->n_row == b->n_row && a->n_pooled == b->n_pooled && a->n_ctx == b->n_ctx);
    cr_assert(a->encode_tokens == b->encode_tokens && a->step_tokens == b->step_tokens);
    cr_assert(a->is_causal == b->is_causal && a->pooling == b->pooling);
    cr_assert(a->is_ranked == b->is_ranked && a->has_kv == b->has_kv);
    cr_assert(a->has_recurrent == b->has_recurrent && a->n_ctx_train == b->n_ctx_train);
    for (int i = 0; i < a->n_state; i++)
        cr_assert(!strcmp(a->state[i].name, b->state[i].name) &&
                  a->state[i].unit_size == b->state[i].unit_size);
}

Test(model_text, what_is_printed_opens_as_the_same_model)
{
    static const char *const name[] = { "llama",  "llama-moe", "mamba",
                                        "gemma2", "gpt2",      "bert",
                                        "llada",  "bert-rank", "llama-rope-freqs",
                                        "qwen35", "rwkv7",     "lfm2moe" };
    for (int i = 0; i < OGI_LEN(name); i++) {
        ogi_model *built, *read;
        open_case(name[i]);
        ogi_buf text = export_model(&built), again = { .ctx = ctx };
        cr_assert_eq(parse((ogi_sv){ text.p, text.n }, &read), OG_OK, "%s: %s", name[i],
                     og_error(ctx));
        check_alike(built, read);
        cr_assert_eq(ogi_model_print(read, &again), OG_OK);
        cr_assert_str_eq(ogi_buf_str(&text), ogi_buf_str(&again), "%s", name[i]);
        ogi_buf_free(&text);
        ogi_buf_free(&again);
        ogi_model_close(built);
        ogi_model_close(read);
        close_case();
    }
}

static int count_of(const ogi_buf *text, const char *word)
{
    int n = 0;
    for (const char *p = text->p; (p = strstr(p, word)) != NULL; p++) n++;
    return n;
}

/* Layers 0 and 2, 1 and 3 of the case are alike. */
Test(model_text, equal_layers_are_printed_once_wherever_they_lie)
{
    open_case("qwen35");
    ogi_buf text = export_model(NULL);
    cr_assert(count_of(&text, "\nblock layer") == 2 && count_of(&text, "= layer0(") == 2);
    cr_assert(count_of(&text, "= layer1(") == 2 && count_of(&text, "= attention(") == 1);
    ogi_buf_free(&text);
    close_case();
}

/* The first `from` of the text as `to`. */
static ogi_buf replaced(const ogi_buf *text, const char *from, const char *to)
{
    ogi_buf out = { .ctx = ctx };
    const char *at = strstr(text->p, from);
    cr_assert(at, "there is no %s in\n%s", from, text->p);
    ogi_buf_printf(&out, "%.*s%s%s", (int)(at - text->p), text->p, to, at + strlen(from));
    return out;
}

typedef struct edit {
    const char *from, *to, *why;
} edit;

static void check_edits(const char *name, const edit *e, int n)
{
    open_case(name);
    ogi_buf text = export_model(NULL);
    for (int i = 0; i < n; i++) {
        ogi_model *m;
        ogi_buf other = replaced(&text, e[i].from, e[i].to);
        cr_assert(parse((ogi_sv){ other.p, other.n }, &m) != OG_OK, "%s", e[i].to);
        cr_assert(strstr(og_error(ctx), e[i].why), "\"%s\" for %s", og_error(ctx), e[i].to);
        ogi_buf_free(&other);
    }
    ogi_buf_free(&text);
    close_case();
}

Test(model_text, headers_are_checked)
{
    static const edit e[] = {
        { "arch \"llama\"", "graph \"llama\"", "\"arch\"" },
        { "arch \"llama\"", "arch \"gemma\"", "is of architecture 'llama'" },
        { "format 1", "format 2", "from 1 to 1" },
        { "context 256", "context 0", "a whole number" },
        { "causal true", "causal maybe", "\"false\"" },
        { "pooling last", "pooling most", "none, mean, cls or last" },
        { "pooling last", "pooling last classifier more", "the end of the line" },
        { "graph \"step\"", "graph \"steps\"", "expected encode, step" },
        { "graph \"head\"", "graph \"step\"", "in this order" },
        { "graph \"step\"", "graph \"head\"", "wants a graph \"step\"" },
        { "graph \"step\"", "sym T = 1..512\ngraph \"step\"", "\"graph\"" },
        { "input $token", "sym Q = 1..512\ninput $token", "symbols are given" },
    };
    check_edits("llama", e, OGI_LEN(e));
}

Test(model_text, graphs_keep_the_engines_contract)
{
    static const edit e[] = {
        { "input $token : I32[T]", "input $tokens : I32[T]\ninput $token : I32[T]",
          "none that the engine fills" },
        { "input $pos", "input $state_slot : I32[T]\ninput $pos", "not I32[S]" },
        { "input $hidden : F32[T,64]", "input $hidden : F32[T,64]\ninput $token : I32[T]",
          "none that the engine fills" },
        { "output \"hidden\" =", "output \"logits\" =", "expected one output, \"hidden\"" },
        { "output \"logits\" = %7", "output \"logits\" = %6", "64 logits for a vocabulary of 128" },
        { "weight @token_embd.weight : F32[128,64]", "weight @token_embd.weight : F16[128,64]",
          "the file has F32" },
        { "weight @token_embd.weight : F32[128,64]", "weight @token_embd.weight : F32[129,64]",
          "another shape" },
        { "weight @token_embd.weight : F32[128,64]",
          "weight @other : F32[9]\nweight @token_embd.weight : F32[128,64]", "no tensor of" },
        { "state &kv.k.{L}", "state &x.{L} : F16[4,2]\nstate &kv.k.{L}", "pages [N,..]" },
        { "state &kv.k.{L}", "state &x.{L} : Q6_K[N,256]\nstate &kv.k.{L}", "pages of Q6_K" },
        { "state &kv.k.{L}", "state &x.{L} : F16[N,T]\nstate &kv.k.{L}", "more than one symbol" },
        { "state &kv.k.{L}", "state &kv.v.{L} : F16[N,2,64,32]\nstate &kv.k.{L}", "kv.v" },
    };
    check_edits("llama", e, OGI_LEN(e));
}

Test(model_text, memory_is_addressed_by_the_step_alone)
{
    static const edit e[] = {
        { "%26, $kv_slot)", "%26, $pos)", "addresses memory" },
        { "%4 = take_rows",
          "%900 = table data=[600] : I32[1]\n%901 = take_rows($hidden, %900)\n%4 = take_rows",
          "addresses memory" },
    };
    check_edits("llama", e, OGI_LEN(e));
}

Test(model_text, states_are_one_in_all_graphs)
{
    static const edit e[] = {
        { "&ssm.conv.{L} : F32[M,3,128]", "&ssm.conv.{L} : F16[M,3,128]", "F32" },
        { "graph \"head\"", "graph \"head\"\nstate &ssm.conv.0 : F32[O,3]",
          "of a graph that reads" },
    };
    check_edits("mamba", e, OGI_LEN(e));
}

/* ---- texts over keys ----------------------------------------------------------------------- */

static ogi_buf read_example(const char *name)
{
    char path[1024];
    ogi_buf text = { .ctx = ctx };
    snprintf(path, sizeof path, "%s/docs/examples/%s", OGT_SOURCE_DIR, name);
    cr_assert_eq(ogi_file_read(ctx, path, OGI_MODEL_TEXT_MAX, &text), OG_OK);
    return text;
}

/* The example with one edit, over a case; NULL why: it is taken. */
static void check_example(const char *name, const char *og, const edit *e, int n)
{
    open_case(name);
    ogi_buf text = read_example(og);
    for (int i = 0; i < n; i++) {
        ogi_model *m;
        ogi_buf other = replaced(&text, e[i].from, e[i].to);
        og_status st = parse((ogi_sv){ other.p, other.n }, &m);
        if (e[i].why)
            cr_assert(st != OG_OK && strstr(og_error(ctx), e[i].why), "\"%s\" for %s",
                      og_error(ctx), e[i].to);
        else
            cr_assert_eq(st, OG_OK, "\"%s\" for %s", og_error(ctx), e[i].to);
        ogi_model_close(m);
        ogi_buf_free(&other);
    }
    ogi_buf_free(&text);
    close_case();
}

Test(model_text, keys_have_ranges_and_defaults)
{
    static const edit e[] = {
        { "key n    : 1..1024", "key n    : 4..1024", "is 3, expected 4..1024" },
        { "key n    : 1..1024", "key n    : 9..1", "a range that is not empty" },
        { "key n    : 1..1024", "key n    : 1..2^99999", "2^20" },
        { "= block_count", "= no_such_key", "no_such_key' is missing" },
        { "= block_count", "= no_such_key|block_count", NULL },
        { "= block_count", "= no_such_key else 3", NULL },
        { "= block_count", "= no_such_key else 3000", "not in 1..1024" },
        { "= block_count", "= no_such_key else 1/0", "finite" },
        { "= block_count", "= no_such_key else nobody", "no such number" },
        { "key n ", "key T ", "a new name" },
        { "key E ", "key n ", "a new name" },
        { "key H[n]", "key H[1000000]", "in range" },
        { "let V =",
          "let V = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
          "(((((((",
          "nested" },
        { "let V =", "key w : {none,linear} = rope.scaling.type else 0\nlet V =", NULL },
        { "let V =", "key w : {none,linear} = /general.architecture\nlet V =", "expected one of" },
    };
    check_example("llama", "llama.og", e, OGI_LEN(e));
}

Test(model_text, expressions_make_dims_and_attributes)
{
    static const edit e[] = {
        { ": ?[V,E]", ": ?[V/3,E]", "a whole number" },
        { ": ?[V,E]", ": ?[V,E*E]", "do not broadcast" },
        { ": ?[V,E]", ": ?[V,E,nobody]", "no such number" },
        { ": ?[V,E]", ": F16[V,E]", "the file has F32" },
        { "shape=[T,H[L],D]", "shape=[T*T*E/E,H[L],D]", "linear" },
        { "shape=[T,H[L],D]", "shape=[T,H[L]*D/E*4,E/4]", NULL },
        { "eps=eps", "eps=eps*0/0", "finite" },
        { "n_rot=R", "n_rot=R/3", "a whole number" },
        { "interleaved=true", "interleaved=R>2", NULL },
        { "pow(base, -2*i/R)", "pow(base, -2*j/R)", "no such number" },
        { "pow(base, -2*i/R) : F32[R/2]", "i : F32[T]", "2^20" },
        { "pow(base, -2*i/R) : F32[R/2]", "i : F32[2000000]", "2^20" },
        { "0..n-1", "0..n-5", "a whole number" },
        { "0..n-1", "0..99999999", "a whole number" },
    };
    check_example("llama", "llama.og", e, OGI_LEN(e));
}

Test(model_text, weights_may_be_absent_or_of_other_names)
{
    static const edit e[] = {
        { "attn_q.bias? :", "attn_q.bias :", "'blk.0.attn_q.bias' is no tensor" },
        { "linear(%h, @blk.{L}.attn_q.weight)", "linear(%h, @blk.{L}.attn_q.bias)",
          "operands that are there" },
        { "next %ob", "next @blk.{L}.attn_q.bias", NULL },
        { "output \"hidden\" = %e", "output \"hidden\" = @rope_freqs.weight", "that is there" },
        { "@output.weight|token_embd.weight", "@no|token_embd.weight", "a leaf declared above" },
        { "else dense(%c)", "", NULL }, /* nothing is added */
    };
    check_example("llama", "llama.og", e, OGI_LEN(e));
}

Test(model_text, blocks_call_those_above_alone)
{
    static const edit e[] = {
        { "block dense (%h) {", "block dense (%h) {\n%z = dense(%h)", "an op" },
        { "block dense (%h) {", "block dense (%h) {\n%z = experts(%h)", "an op" },
        { "block dense (%h) {", "block linear (%h) {", "no op" },
        { "block dense (%h) {", "block attend (%h) {", "a new name" },
        { "block dense (%h) {", "block dense (%h, %k) {", "as many operands" },
        { "block dense (%h) {", "block dense (%h) {\nrepeat L = 0..1 {\n}", "" },
        { "block dense (%h) {", "block dense (%h) {\noutput \"x\" = %h", "a value, a leaf" },
        { "next %ob\n}", "next %ob\n", "" },
        { "next %ob\n}", "next %x2\n}", "a value defined above" },
        { "attend(%h, %rope)", "attend(%h, %h)", "" },
        { "if has(@blk.{L}.ffn_gate_inp.weight)", "if has(nothing)", "no such name" },
        { "if has(@blk.{L}.ffn_gate_inp.weight)", "if n == 3", "ffn_gate_inp" },
    };
    check_example("llama", "llama.og", e, OGI_LEN(e));
}

Test(model_text, work_is_limited)
{
    static const edit e[] = {
        { "output \"hidden\"",
          "%z0 = table i = 1 : F32[1048576]\n%z1 = table i = 1 : F32[1048576]\noutput",
          "more than 64 MB" },
        { "output \"hidden\"",
          "%z1 = table i = 1 : F32[1,65536]\n%z2 = table i = 1 : F32[65536,1]\n"
          "%z3 = add(%z1, %z2)\n%z4 = reshape(%z3) shape=[1,65536,65536]\n"
          "%z5 = table i = 1 : F32[4096,1,1]\n%z6 = add(%z4, %z5)\n%z7 = add(%z6, %z6)\n"
          "%z8 = add(%z6, %z7)\n%z9 = add(%z6, %z8)\n%z10 = add(%z6, %z9)\noutput \"hidden\"",
          "operations for a token" },
    };
    check_example("llama", "llama.og", e, OGI_LEN(e));
}
