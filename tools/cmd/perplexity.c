/* SPDX-License-Identifier: MIT
 *
 * `oxigraph perplexity`: how surprised a model is by a text. By default as llama.cpp does it: the
 * text in chunks of the context, the second half of each counted; --chunk N --all counts all
 * positions but the first of each chunk. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/file.h"
#include "formats/gguf.h"
#include "oxigraph/tokenizer.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_progress.h"

enum { DEFAULT_CHUNK = 512 };

typedef struct score {
    og_model *m;
    og_status checked;    /* are all logits numbers */
    const int32_t *token; /* of the chunk */
    int64_t first, n;     /* positions first .. n - 2 predict what is counted */
    int64_t n_vocab;
    double sum, sum_sqr; /* of negative log-likelihoods */
    int64_t count;
} score;

static double surprise(const float *logits, int64_t n, int32_t token)
{
    float top = logits[0];
    for (int64_t i = 1; i < n; i++) top = logits[i] > top ? logits[i] : top;
    double z = 0;
    for (int64_t i = 0; i < n; i++) z += exp((double)logits[i] - (double)top);
    return log(z) - ((double)logits[token] - (double)top);
}

static bool count_row(void *user, int feed, int64_t i, const float *logits)
{
    score *s = user;
    (void)feed;
    s->checked = og_model_check_logits(s->m, logits);
    if (s->checked != OG_OK) return false;
    if (i < s->first || i + 1 >= s->n) return true;
    double nll = surprise(logits, s->n_vocab, s->token[i + 1]);
    s->sum += nll;
    s->sum_sqr += nll * nll;
    s->count++;
    return true;
}

typedef struct options {
    cli_model model;
    int64_t chunk;
    bool all, json;
} options;

/* One chunk from an empty context; BOS replaces its first token where the vocabulary adds one, as
 * llama.cpp does. */
static og_status run_chunk(og_model *m, og_sequence *seq, const options *o, int32_t *token,
                           int32_t bos, score *s)
{
    OG_TRY(og_sequence_truncate(seq, 0));
    int32_t kept = token[0];
    if (!o->all && bos >= 0) token[0] = bos;
    s->token = token;
    s->n = o->chunk;
    s->first = o->all ? 0 : o->chunk / 2;
    og_feed feed = { .seq = seq, .token = token, .n = o->chunk };
    og_status st = og_model_feed(m, &feed, 1, OG_ROWS_ALL, count_row, s);
    token[0] = kept;
    return s->checked != OG_OK ? s->checked : st;
}

static void show(const options *o, const score *s, int64_t n_chunk)
{
    double mean = s->sum / (double)s->count;
    double var = s->sum_sqr / (double)s->count - mean * mean;
    double err = s->count > 1 ? exp(mean) * sqrt(fmax(var, 0) / (double)(s->count - 1)) : 0;
    if (o->json) {
        json_t *j = json_pack("{s:f, s:f, s:f, s:I, s:I, s:I}", "perplexity", exp(mean), "error",
                              err, "nll", mean, "tokens", (json_int_t)s->count, "chunks",
                              (json_int_t)n_chunk, "chunk", (json_int_t)o->chunk);
        json_dumpf(j, stdout, JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(j);
        return;
    }
    printf("perplexity %.4f +/- %.4f over %lld tokens of %lld chunks of %lld\n", exp(mean), err,
           (long long)s->count, (long long)n_chunk, (long long)o->chunk);
}

static og_status measure(og_ctx *ctx, og_model *m, const options *o, og_tokens *ids, int32_t bos)
{
    og_sequence *seq;
    og_model_info info;
    og_model_get_info(m, &info);
    score s = { .m = m, .n_vocab = info.n_vocab };
    int64_t n_chunk = ids->n / o->chunk;
    if (!n_chunk)
        OG_FAIL(ctx, OG_E_INVALID, "the text has %lld tokens, a chunk needs %lld; see -c, --chunk",
                (long long)ids->n, (long long)o->chunk);
    OG_TRY(og_sequence_new(m, &seq));
    cli_progress progress;
    cli_progress_begin(&progress, "reading");
    og_status st = OG_OK;
    for (int64_t c = 0; c < n_chunk && st == OG_OK; c++) {
        st = run_chunk(m, seq, o, ids->id + c * o->chunk, bos, &s);
        cli_progress_update(&progress, (double)(c + 1) / (double)n_chunk);
    }
    cli_progress_end(&progress);
    OG_TRY(st);
    show(o, &s, n_chunk);
    return OG_OK;
}

/* The context that the model was trained for; DEFAULT_CHUNK if the file does not say. */
static og_status trained_context(og_ctx *ctx, const char *path, const og_model_options *mo,
                                 int64_t *out)
{
    ogi_gguf *f;
    ogi_sv arch = { 0 };
    ogi_buf key = { .ctx = ctx };
    *out = DEFAULT_CHUNK;
    OG_TRY(ogi_gguf_open(ctx, path, mo->override, mo->n_override, &f));
    og_status st = ogi_gguf_str(f, "general.architecture", &arch);
    if (arch.p) ogi_buf_printf(&key, "%.*s.context_length", (int)OGI_MIN(arch.n, 200), arch.p);
    if (st == OG_OK) st = ogi_gguf_int(f, ogi_buf_str(&key), out);
    ogi_buf_free(&key);
    ogi_gguf_close(f);
    return st;
}

/* Chunks are of the context; without -c of as many tokens as the model knows, at most 512. */
static og_status choose_chunk(og_ctx *ctx, const char *path, options *o, og_model_options *mo)
{
    int64_t trained = DEFAULT_CHUNK;
    if (!o->chunk && !mo->n_ctx) OG_TRY(trained_context(ctx, path, mo, &trained));
    if (!o->chunk) o->chunk = mo->n_ctx ? mo->n_ctx : OGI_MIN(trained, DEFAULT_CHUNK);
    if (!mo->n_ctx) mo->n_ctx = o->chunk;
    return OG_OK;
}

static og_status run(og_ctx *ctx, const char *path, const char *file, const options *o,
                     const og_model_options *mo)
{
    og_model *m = NULL;
    og_tokenizer *t = NULL;
    og_tokens ids = { 0 };
    ogi_buf text = { .ctx = ctx };
    og_status st = og_tokenizer_open(ctx, path, mo->override, mo->n_override, &t);
    if (st == OG_OK) st = ogi_file_read(ctx, file, (int64_t)1 << 30, &text);
    unsigned flags = o->all ? 0 : OG_ENCODE_ADD_SPECIAL;
    if (st == OG_OK) st = og_tokenizer_encode(t, ctx, ogi_buf_str(&text), text.n, flags, &ids);
    if (st == OG_OK) st = cli_model_load(ctx, path, mo, &m);
    if (st == OG_OK) {
        bool adds = og_tokenizer_flag_get(t, OG_TOKENIZER_ADD_BOS);
        st = measure(ctx, m, o, &ids, adds ? og_tokenizer_special(t, OG_SPECIAL_BOS) : -1);
    }
    og_model_free(m);
    og_tokens_free(ctx, &ids);
    ogi_buf_free(&text);
    og_tokenizer_free(t);
    return st;
}

/* A usage error's status; -1: there is none. */
static int check_chunk(const options *o, const og_model_options *mo)
{
    if (o->all && o->chunk < 2) return cli_usage_error("--chunk wants at least 2 tokens");
    if (o->chunk < 3 && !o->all)
        return cli_usage_error("--chunk: no position of chunks of %lld is counted; at least 3, "
                               "or --all",
                               (long long)o->chunk);
    if (mo->n_ctx < o->chunk) return cli_usage_error("--chunk is larger than -c");
    return -1;
}

int cmd_perplexity(int argc, char **argv)
{
    options o = { .model.kv = "f16" };
    const char *args[2];
    int n_args;
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--chunk", CLI_INT, &o.chunk, "N", "tokens of a chunk; default: the context" },
        { "--all", CLI_FLAG, &o.all, NULL, "count every position but a chunk's first; add no BOS" },
        { "--json", CLI_FLAG, &o.json, NULL, "print one JSON object" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_model_options(&o.model, &all);
    cli_spec spec = { "oxigraph perplexity MODEL FILE [-c N] [--chunk N --all] [--json]",
                      "FILE may be - for standard input. The context is by default what the model "
                      "was trained for, at most 512.",
                      all.opt,
                      all.n,
                      2,
                      2 };
    og_model_options mo;
    int status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status < 0) status = cli_model_config(&o.model, &mo);
    if (status >= 0) return status;
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    if (choose_chunk(ctx, args[0], &o, &mo) != OG_OK) return cli_fail(ctx);
    status = check_chunk(&o, &mo);
    if (status >= 0) {
        og_ctx_free(ctx);
        return status;
    }
    if (run(ctx, args[0], args[1], &o, &mo) != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
