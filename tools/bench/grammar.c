/* SPDX-License-Identifier: MIT
 *
 * Times compilation and masks of a grammar along random texts that it allows. JSON of any kind is
 * the standard case. */
#include "tools/bench/grammar.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "oxigraph/grammar.h"

typedef struct options {
    const char *vocab, *gbnf, *schema;
    int64_t n_token, seed, n_decode;
    bool is_json;
} options;

typedef struct result {
    double compile, mean, p99, worst; /* seconds; masks per token */
    int64_t n_token, n_text;
    int32_t n_state;
    bench_slowdown decode;
} result;

/* A random allowed token. Half of the time one that is short: otherwise texts would be one long
 * string, since most tokens are words. */
static int32_t pick(const og_vocab_view *v, const uint32_t *bits, uint64_t *random)
{
    bool is_short = ogi_random(random) & 1;
    int32_t fallback = -1, n = v->n_tokens;
    int32_t from = (int32_t)(ogi_random(random) % (uint64_t)n);
    for (int32_t k = 0; k < n; k++) {
        int32_t id = from + k < n ? from + k : from + k - n;
        size_t size;
        if (!(bits[id >> 5] >> (id & 31) & 1)) continue;
        if (fallback < 0) fallback = id;
        if (!is_short) break;
        v->piece(v->user, id, &size);
        if (size <= 2) return id;
    }
    return fallback;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static og_status walk(og_ctx *ctx, const options *o, const og_vocab_view *v, og_matcher *m,
                      result *r)
{
    enum { TEXT_TOKENS = 400 };
    double *time = OGI_NEW_N(ctx, double, o->n_token), sum = 0.0;
    uint64_t random = (uint64_t)o->seed;
    int64_t in_text = 0;
    if (!time) return OG_E_MEMORY;
    og_status s = OG_OK;
    for (int64_t i = 0; i < o->n_token && s == OG_OK; i++) {
        const uint32_t *bits;
        double begin = ogi_thread_seconds();
        s = og_matcher_mask(m, &bits);
        time[i] = ogi_thread_seconds() - begin;
        sum += time[i];
        int32_t id = s == OG_OK ? pick(v, bits, &random) : -1;
        if (id < 0 || v->is_eog(v->user, id) || ++in_text == TEXT_TOKENS) {
            og_matcher_reset(m);
            in_text = 0;
            r->n_text++;
        } else {
            s = og_matcher_accept(m, id);
        }
    }
    qsort(time, (size_t)o->n_token, sizeof *time, by_value);
    r->n_token = o->n_token;
    r->mean = sum / (double)o->n_token;
    r->p99 = time[o->n_token * 99 / 100];
    r->worst = time[o->n_token - 1];
    ogi_free(ctx, time);
    return s;
}

static og_status compile(og_ctx *ctx, const options *o, const og_vocab_view *v, og_grammar **g)
{
    static const char any_json[] = "{\"description\": \"any value\"}";
    const char *path = o->gbnf ? o->gbnf : o->schema;
    if (!path) return og_grammar_schema(ctx, any_json, sizeof any_json - 1, v, g);
    ogi_buf b = { .ctx = ctx };
    og_status s = ogi_file_read(ctx, path, 8 << 20, &b);
    if (s == OG_OK)
        s = o->gbnf ? og_grammar_gbnf(ctx, ogi_buf_str(&b), b.n, "root", v, g)
                    : og_grammar_schema(ctx, ogi_buf_str(&b), b.n, v, g);
    ogi_buf_free(&b);
    return s;
}

static og_status measure(og_ctx *ctx, const options *o, result *r)
{
    og_tokenizer *t = NULL;
    og_vocab_view *v = NULL;
    og_grammar *g = NULL;
    og_matcher *m = NULL;
    og_status s = og_tokenizer_open(ctx, o->vocab, NULL, 0, &t);
    if (s == OG_OK) s = og_vocab_view_new(ctx, t, &v);
    double begin = ogi_thread_seconds();
    if (s == OG_OK) s = compile(ctx, o, v, &g);
    r->compile = ogi_thread_seconds() - begin;
    if (s == OG_OK) s = og_matcher_new(g, ctx, &m);
    if (s == OG_OK) s = walk(ctx, o, v, m, r);
    if (s == OG_OK) r->n_state = og_grammar_size(g);
    if (s == OG_OK && o->n_decode) {
        og_matcher_reset(m);
        s = bench_constrained(ctx, o->vocab, v, m, o->n_decode, &r->decode);
    }
    og_matcher_free(m);
    og_grammar_free(g);
    og_vocab_view_free(v);
    og_tokenizer_free(t);
    return s;
}

static void print(const options *o, const result *r)
{
    if (o->is_json) {
        json_t *v = json_pack("{s:f, s:f, s:f, s:f, s:I, s:I, s:i}", "compile_s", r->compile,
                              "mask_mean_us", r->mean * 1e6, "mask_p99_us", r->p99 * 1e6,
                              "mask_worst_us", r->worst * 1e6, "tokens", (json_int_t)r->n_token,
                              "texts", (json_int_t)r->n_text, "states", (int)r->n_state);
        if (r->decode.n_token) {
            json_object_set_new(v, "decode_free_s", json_real(r->decode.free));
            json_object_set_new(v, "decode_constrained_s", json_real(r->decode.constrained));
        }
        json_dumpf(v, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(v);
        return;
    }
    printf("compiled in %.3f s, %d states\n", r->compile, (int)r->n_state);
    printf("mask: mean %.1f us, 99%% under %.1f us, worst %.1f us (%lld tokens, %lld texts)\n",
           r->mean * 1e6, r->p99 * 1e6, r->worst * 1e6, (long long)r->n_token,
           (long long)r->n_text);
    const bench_slowdown *d = &r->decode;
    if (d->n_token)
        printf("decode: %.2f ms a token without constraint, %.2f ms with it: %+.1f %% "
               "(medians of %lld tokens that took turns)\n",
               d->free * 1e3, d->constrained * 1e3, (d->constrained / d->free - 1) * 100,
               (long long)d->n_token);
}

int bench_grammar(int argc, char **argv)
{
    options o = { .n_token = 20000, .seed = 1 };
    const cli_opt opt[] = {
        { "--gbnf", CLI_STR, &o.gbnf, "FILE", "a grammar instead of JSON of any kind" },
        { "--schema", CLI_STR, &o.schema, "FILE", "a schema instead" },
        { "-n", CLI_INT, &o.n_token, "N", "masks to time (default 20000)" },
        { "--seed", CLI_INT, &o.seed, "S", "of the random texts" },
        { "--decode", CLI_INT, &o.n_decode, "N",
          "also N tokens of MODEL with the constraint and N without it" },
        { "--json", CLI_FLAG, &o.is_json, NULL, "results as JSON" },
    };
    const cli_spec spec = { "oxigraph bench grammar MODEL [options]",
                            "Times compilation and masks of a constraint over MODEL's vocabulary.",
                            opt,
                            OGI_LEN(opt),
                            1,
                            1 };
    const char *args[1];
    int n_args, rc = cli_parse(&spec, argc, argv, args, &n_args);
    if (rc >= 0) return rc;
    if (o.n_token < 1 || o.n_token > 100000000) return cli_usage_error("-n is out of range");
    if (o.n_decode < 0 || o.n_decode > 100000) return cli_usage_error("--decode is out of range");
    o.vocab = args[0];
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    result r = { 0 };
    if (measure(ctx, &o, &r) != OG_OK) return cli_fail(ctx);
    print(&o, &r);
    og_ctx_free(ctx);
    return 0;
}
