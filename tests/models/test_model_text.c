/* SPDX-License-Identifier: MIT
 *
 * Models as text: what is printed opens as the same model; a text that asks for what the engine or
 * the file does not have is refused with a line that says so. */
#include <criterion/criterion.h>
#include <stdlib.h>

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
                                        "llada",  "bert-rank", "llama-rope-freqs" };
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
        { "state &kv.k.{L}", "state &kv.v.{L} : F16[N,2,64,16]\nstate &kv.k.{L}", "kv.v" },
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
