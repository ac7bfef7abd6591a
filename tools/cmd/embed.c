/* SPDX-License-Identifier: MIT
 *
 * `oxigraph embed`: texts, or sequences of tokens, to rows of numbers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "oxigraph/tokenizer.h"
#include "runtime/engine.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_output.h"

enum { MAX_INPUT = 512, AT_ONCE = 64 /* sequences in one feed */ };

static const char *const pooling_names[] = { "none", "mean", "cls", "last", "rank" };

typedef struct options {
    cli_model model;
    cli_list text, tokens;
    const char *pooling, *out;
    int64_t batch;
    bool is_raw, is_json, reverse_pages, via_text;
} options;

typedef struct request {
    const options *o;
    og_ctx *ctx;
    og_model *m;
    og_model_info info;
    og_tokens input[MAX_INPUT];
    int n_input;
    ogi_buf row[MAX_INPUT]; /* float32, of each input: they end in any order */
    ogi_buf rows;           /* float32, or text, of all */
    int begin;              /* first input of the feed that runs */
} request;

static void normalize(float *row, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)row[i] * (double)row[i];
    float by = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
    for (int64_t i = 0; i < n; i++) row[i] *= by;
}

static bool take_row(void *user, int feed, int64_t i, const float *row)
{
    request *r = user;
    int64_t n = r->info.n_pooled;
    ogi_buf *b = &r->row[r->begin + feed];
    (void)i;
    b->ctx = r->ctx;
    ogi_buf_add(b, row, (size_t)n * sizeof *row);
    return !b->failed;
}

/* A row as a line of numbers, or as a JSON list. */
static void print_row(request *r, const float *row)
{
    ogi_buf *b = &r->rows;
    const char *between = r->o->is_json ? "," : " ";
    if (r->o->is_json) ogi_buf_putc(b, '[');
    for (int64_t i = 0; i < r->info.n_pooled; i++)
        ogi_buf_printf(b, "%s%.9g", i ? between : "", (double)row[i]);
    ogi_buf_putc(b, r->o->is_json ? ']' : '\n');
}

/* The rows of one input. */
static void print_input(request *r, int input)
{
    int64_t n = r->info.n_pooled, size = n * (int64_t)sizeof(float);
    ogi_buf *own = &r->row[input];
    if (!r->o->out && r->o->is_json) ogi_buf_printf(&r->rows, "%s[", input ? ",\n" : "[");
    for (int64_t at = 0; at < (int64_t)own->n; at += size) {
        float *row = (float *)(void *)(own->p + at);
        if (!r->o->is_raw && !r->info.is_ranked) normalize(row, n);
        if (r->o->out) {
            ogi_buf_add(&r->rows, row, (size_t)size);
            continue;
        }
        if (r->o->is_json && at > 0) ogi_buf_putc(&r->rows, ',');
        print_row(r, row);
    }
    if (!r->o->out && r->o->is_json) ogi_buf_putc(&r->rows, ']');
}

static og_status embed_all(request *r)
{
    for (r->begin = 0; r->begin < r->n_input; r->begin += AT_ONCE) {
        og_feed feed[AT_ONCE];
        int n = OGI_MIN(r->n_input - r->begin, AT_ONCE);
        og_status st = OG_OK;
        for (int i = 0; i < n; i++) {
            const og_tokens *t = &r->input[r->begin + i];
            feed[i] = (og_feed){ .token = t->id, .n = t->n };
            OG_TRY(og_sequence_new(r->m, &feed[i].seq));
        }
        st = og_model_embed(r->m, feed, n, take_row, r);
        for (int i = 0; i < n; i++) og_sequence_free(feed[i].seq);
        if (st != OG_OK) return st;
    }
    for (int i = 0; i < r->n_input; i++) print_input(r, i);
    return r->rows.failed ? OG_E_MEMORY : OG_OK;
}

static og_status encode_texts(request *r, const char *path, const char *const *text, int n)
{
    og_tokenizer *t;
    if (n == 0) return OG_OK;
    const cli_list *over = &r->o->model.override;
    OG_TRY(og_tokenizer_open(r->ctx, path, over->item, over->n, &t));
    og_status st = OG_OK;
    for (int i = 0; i < n && st == OG_OK; i++)
        st = og_tokenizer_encode(t, r->ctx, text[i], strlen(text[i]), OG_ENCODE_ADD_SPECIAL,
                                 &r->input[r->n_input++]);
    og_tokenizer_free(t);
    return st;
}

static og_status write_rows(request *r)
{
    if (r->o->out) return cli_output_write(r->ctx, r->o->out, ogi_model_file(r->m), &r->rows);
    if (r->o->is_json) ogi_buf_printf(&r->rows, "]\n");
    fwrite(r->rows.p, 1, r->rows.n, stdout);
    return OG_OK;
}

static og_status run(request *r, const char **args, int n_args, og_model_options *mo)
{
    const options *o = r->o;
    for (int i = 0; i < o->tokens.n; i++) {
        og_tokens *t = &r->input[r->n_input++];
        t->cap = t->n; /* from cli_tokens, by malloc */
    }
    OG_TRY(encode_texts(r, args[0], args + 1, n_args - 1));
    OG_TRY(encode_texts(r, args[0], o->text.item, o->text.n));
    mo->n_sequence = OGI_MIN(r->n_input, AT_ONCE);
    OG_TRY(cli_model_load(r->ctx, args[0], mo, &r->m));
    og_model_get_info(r->m, &r->info);
    OG_TRY(embed_all(r));
    return write_rows(r);
}

static int pooling_of(const char *name, int *out)
{
    *out = -1;
    for (int i = 0; name && i < OGI_LEN(pooling_names); i++)
        if (!strcmp(name, pooling_names[i])) *out = i;
    if (!name || *out >= 0) return -1;
    return cli_usage_error("--pooling wants mean, cls, last, rank or none, not '%s'", name);
}

/* Those given as ids come first. */
static int parse_inputs(request *r, int n_args)
{
    const options *o = r->o;
    int n = o->tokens.n + o->text.n + n_args - 1, status = -1;
    if (n == 0) return cli_usage_error("there is no text: give TEXT, --text or --tokens");
    if (n > MAX_INPUT) return cli_usage_error("%d texts, at most %d at once", n, MAX_INPUT);
    for (int i = 0; status < 0 && i < o->tokens.n; i++)
        status = cli_tokens("--tokens", o->tokens.item[i], &r->input[i].id, &r->input[i].n);
    return status;
}

static void free_inputs(request *r)
{
    for (int i = 0; i < MAX_INPUT; i++) {
        if (r->row[i].ctx) ogi_buf_free(&r->row[i]);
        if (i < r->o->tokens.n)
            free(r->input[i].id);
        else if (r->ctx)
            og_tokens_free(r->ctx, &r->input[i]);
    }
}

static int begin(options *o, const char **args, int n_args)
{
    og_model_options mo;
    request *r = calloc(1, sizeof *r);
    if (!r) return 1;
    r->o = o;
    int status = cli_model_config(&o->model, &mo);
    mo.has_pooling = true;
    mo.batch = (int)OGI_MIN(o->batch, 512);
    mo.reverse_pages = o->reverse_pages;
    mo.via_text = o->via_text;
    if (status < 0) status = pooling_of(o->pooling, &mo.pooling);
    if (status < 0) status = parse_inputs(r, n_args);
    if (status < 0) {
        r->ctx = r->rows.ctx = cli_ctx();
        og_status st = r->ctx ? run(r, args, n_args, &mo) : OG_E_MEMORY;
        og_model_free(r->m);
        if (r->ctx) ogi_buf_free(&r->rows);
        status = st != OG_OK;
    }
    og_ctx *ctx = r->ctx;
    free_inputs(r);
    free(r);
    if (status == 1 && ctx) return cli_fail(ctx);
    og_ctx_free(ctx);
    return status;
}

int cmd_embed(int argc, char **argv)
{
    options o = { .model = { .kv = "f32" } };
    const char *args[1 + MAX_INPUT];
    int n_args;
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--text", CLI_LIST, &o.text, "TEXT", "a text; repeatable" },
        { "--tokens", CLI_LIST, &o.tokens, "1,2,3", "a text as tokens; repeatable, these first" },
        { "--pooling", CLI_STR, &o.pooling, "KIND",
          "mean, cls, last, rank or none (a row for each token); default: the file's, else mean, "
          "or last for causal models" },
        { "--raw", CLI_FLAG, &o.is_raw, NULL, "as computed, not scaled to length 1" },
        { "--json", CLI_FLAG, &o.is_json, NULL, "a list for each text, of lists of numbers" },
        { "--batch", CLI_INT, &o.batch, "N", "tokens of a causal sequence in one step" },
        { "--reverse-pages", CLI_FLAG, &o.reverse_pages, NULL, "hand out KV pages from the end" },
        { "--via-text", CLI_FLAG, &o.via_text, NULL, "print the graphs, parse them, run those" },
        { "-o|--output", CLI_STR, &o.out, "FILE", "rows as float32; - is standard output" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_model_options(&o.model, &all);
    cli_spec spec = { "oxigraph embed MODEL [TEXT..] [--tokens 1,2,3] [--pooling KIND] [-o FILE]",
                      "Embeddings of texts, or a classifier's scores (--pooling rank).",
                      all.opt,
                      all.n,
                      1,
                      1 + MAX_INPUT };
    int status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status < 0 && o.batch < 0) status = cli_usage_error("--batch wants a positive number");
    if (status < 0 && o.out && o.is_json)
        status = cli_usage_error("-o writes float32; leave --json or -o out");
    return status < 0 ? begin(&o, args, n_args) : status;
}
