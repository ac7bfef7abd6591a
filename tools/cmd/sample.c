/* SPDX-License-Identifier: MIT
 *
 * `oxigraph sample`: runs sampler chains over rows of logits, for scripts and tests; or prints the
 * sampling options that flags, a file and a model add up to. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/cmd/cli.h"
#include "tools/cmd/cli_sampler.h"

enum { MAX_LINE = 64 << 20 };

/* ---- one stage from JSON ---- */

static double number_or_inf(const json_t *v)
{
    return json_is_number(v) ? json_number_value(v) : -INFINITY; /* "-inf" */
}

static float number(const json_t *o, const char *key, double absent)
{
    const json_t *v = json_object_get(o, key);
    return (float)(json_is_number(v) ? json_number_value(v) : absent);
}

static int32_t integer(const json_t *o, const char *key, int32_t absent)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? (int32_t)json_integer_value(v) : absent;
}

/* Arrays that a request's stages point to; freed together. */
typedef struct request_memory {
    void *block[8 * OG_SAMPLER_MAX_STAGES];
    int n;
} request_memory;

static void *keep(request_memory *m, size_t n, size_t size)
{
    if (m->n == OGI_LEN(m->block)) return NULL;
    void *p = calloc(n ? n : 1, size);
    if (p) m->block[m->n++] = p;
    return p;
}

static int32_t *token_list(request_memory *m, const json_t *array, int32_t *n)
{
    *n = (int32_t)json_array_size(array);
    int32_t *token = keep(m, (size_t)*n, sizeof *token);
    for (int32_t i = 0; token && i < *n; i++)
        token[i] = (int32_t)json_integer_value(json_array_get(array, (size_t)i));
    return token;
}

static bool read_bias(request_memory *m, const json_t *list, og_sampler_stage *st)
{
    size_t n = json_array_size(list);
    og_token_bias *bias = keep(m, n, sizeof *bias);
    if (!bias) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(list, i);
        bias[i].token = (int32_t)json_integer_value(json_array_get(pair, 0));
        bias[i].bias = (float)number_or_inf(json_array_get(pair, 1));
    }
    st->bias = bias, st->n_bias = (int32_t)n;
    return true;
}

/* Breakers are token lists or strings. */
static bool read_breakers(request_memory *m, const json_t *list, og_sampler_stage *st)
{
    size_t n = json_array_size(list);
    og_token_seq *seq = keep(m, n, sizeof *seq);
    const char **text = keep(m, n, sizeof *text);
    if (!seq || !text) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *b = json_array_get(list, i);
        if (json_is_string(b)) {
            text[st->n_breaker_text++] = json_string_value(b);
            continue;
        }
        og_token_seq *s = &seq[st->n_breaker++];
        s->token = token_list(m, b, &s->n);
        if (!s->token) return false;
    }
    st->breaker = seq, st->breaker_text = text;
    return true;
}

/* What the one number of a stage is called in requests. */
static const char *const main_parameter[OG_SAMPLER_COUNT] = {
    [OG_SAMPLER_DRY] = "multiplier",  [OG_SAMPLER_TOP_N_SIGMA] = "n",
    [OG_SAMPLER_TEMPERATURE] = "t",   [OG_SAMPLER_MIROSTAT] = "tau",
    [OG_SAMPLER_MIROSTAT_V2] = "tau", [OG_SAMPLER_ADAPTIVE_P] = "target",
};

static og_status read_stage(og_ctx *ctx, request_memory *m, const json_t *o, og_sampler_stage *st)
{
    const char *type = json_string_value(json_object_get(o, "type"));
    if (!type) OG_FAIL(ctx, OG_E_FORMAT, "a stage of a chain lacks its type");
    const char *name = strcmp(type, "dry_text") ? type : "dry";
    og_sampler_kind kind = og_sampler_kind_find(name, strlen(name));
    if (kind == OG_SAMPLER_COUNT) OG_FAIL(ctx, OG_E_FORMAT, "there is no sampler '%s'", type);
    *st = (og_sampler_stage){
        .kind = kind,
        .k = integer(o, "k", 0),
        .min_keep = integer(o, "min_keep", 0),
        .p = number(o, main_parameter[kind] ? main_parameter[kind] : "p", 0),
        .threshold = number(o, "t", 0),
        .delta = number(o, "delta", 0),
        .exponent = number(o, "exponent", 1),
        .eta = number(o, "eta", 0.1),
        .decay = number(o, "decay", 0.9),
        .m = integer(o, "m", 100),
        .last_n = integer(o, "last_n", 0),
        .repeat = number(o, "repeat", 1),
        .freq = number(o, "freq", 0),
        .present = number(o, "present", 0),
        .newline = integer(o, "newline", -1),
        .n_ctx = integer(o, "n_ctx", 4096),
        .allowed_length = integer(o, "allowed_length", 2),
        .base = number(o, "base", 1.75),
        .seed = (uint32_t)json_integer_value(json_object_get(o, "seed")),
    };
    if (!read_bias(m, json_object_get(o, "bias"), st) ||
        !read_breakers(m, json_object_get(o, "breakers"), st))
        OG_FAIL(ctx, OG_E_MEMORY, "a stage of a chain holds too much");
    return OG_OK;
}

/* ---- one request ---- */

static int by_falling_logit(const void *a, const void *b)
{
    const og_candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* What a step left: finite candidates by falling logit. */
static og_status answer(og_ctx *ctx, og_sampler *s, int32_t token, json_t *steps)
{
    int32_t n;
    const og_candidate *left = og_sampler_candidates(s, &n);
    og_candidate *c = OGI_NEW_N(ctx, og_candidate, n);
    if (!c) return OG_E_MEMORY;
    if (n) memcpy(c, left, (size_t)n * sizeof *c);
    qsort(c, (size_t)n, sizeof *c, by_falling_logit);
    json_t *ids = json_array(), *logits = json_array(), *p = json_array();
    for (int32_t i = 0; i < n && c[i].logit > -INFINITY; i++) {
        json_array_append_new(ids, json_integer(c[i].id));
        json_array_append_new(logits, json_real((double)c[i].logit));
        json_array_append_new(p, json_real((double)c[i].p));
    }
    json_t *step =
        json_pack("{s:i, s:o, s:o, s:o}", "n", (int)n, "ids", ids, "logits", logits, "p", p);
    if (token >= 0) json_object_set_new(step, "selected", json_integer(token));
    json_array_append_new(steps, step);
    ogi_free(ctx, c);
    return OG_OK;
}

enum { MAX_STEPS = 100000, MAX_VALUES = 10000000 }; /* of a request; its answer is kept whole */

/* In step k candidate i has logit (i + 7 k) mod n of the row. */
static og_status run_steps(og_ctx *ctx, og_sampler *s, const json_t *request, json_t *steps)
{
    const json_t *logits = json_object_get(request, "logits"), *v;
    const json_t *ids = json_object_get(request, "candidates");
    size_t n = json_array_size(logits), i;
    if (!n || (ids && json_array_size(ids) != n))
        OG_FAIL(ctx, OG_E_FORMAT, "a request wants logits, and as many candidates");
    json_array_foreach(json_object_get(request, "history"), i, v)
        og_sampler_accept(s, (int32_t)json_integer_value(v));
    json_int_t count = json_integer_value(json_object_get(request, "steps"));
    if (count < 0 || count > MAX_STEPS || count * (json_int_t)n > MAX_VALUES)
        OG_FAIL(ctx, OG_E_LIMIT, "%lld steps of %zu logits: at most %d steps and %d logits in all",
                (long long)count, n, MAX_STEPS, MAX_VALUES);
    og_candidate *c = OGI_NEW_N(ctx, og_candidate, n);
    if (!c) return OG_E_MEMORY;
    og_status status = OG_OK;
    for (json_int_t k = 0; k < count && status == OG_OK; k++) {
        int32_t token;
        for (i = 0; i < n; i++) {
            c[i].id = ids ? (int32_t)json_integer_value(json_array_get(ids, i)) : (int32_t)i;
            c[i].logit = (float)number_or_inf(json_array_get(logits, (i + 7 * (size_t)k) % n));
        }
        status = og_sampler_apply(s, c, (int32_t)n, &token);
        if (status == OG_OK) status = answer(ctx, s, token, steps);
        if (token >= 0) og_sampler_accept(s, token);
    }
    ogi_free(ctx, c);
    return status;
}

static og_status serve_request(og_ctx *ctx, const og_vocab_view *vocab, const json_t *request)
{
    og_sampler_stage stage[OG_SAMPLER_MAX_STAGES];
    request_memory memory = { 0 };
    const json_t *chain = json_object_get(request, "chain");
    int n = (int)json_array_size(chain);
    og_status status = OG_OK;
    if (n > OG_SAMPLER_MAX_STAGES) OG_FAIL(ctx, OG_E_LIMIT, "a chain of %d stages is too long", n);
    for (int i = 0; i < n && status == OG_OK; i++)
        status = read_stage(ctx, &memory, json_array_get(chain, (size_t)i), &stage[i]);
    og_sampler *s = NULL;
    json_t *steps = json_array();
    if (status == OG_OK) status = og_sampler_new_chain(ctx, stage, n, vocab, &s);
    if (status == OG_OK) status = run_steps(ctx, s, request, steps);
    if (status == OG_OK) {
        json_t *out = json_pack("{s:O}", "steps", steps);
        json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(out);
    }
    json_decref(steps);
    og_sampler_free(s);
    for (int i = 0; i < memory.n; i++) free(memory.block[i]);
    return status;
}

static og_status serve(og_ctx *ctx, const og_vocab_view *vocab)
{
    char *line = NULL;
    size_t cap = 0;
    og_status status = OG_OK;
    int64_t at = 1;
    for (ssize_t n; status == OG_OK && !ferror(stdout) && (n = getline(&line, &cap, stdin)) >= 0;
         at++) {
        json_error_t e;
        json_t *request = n <= MAX_LINE ? json_loadb(line, (size_t)n, 0, &e) : NULL;
        if (request) {
            status = serve_request(ctx, vocab, request);
            json_decref(request);
        } else {
            status = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__,
                              "request %lld is no JSON object", (long long)at);
        }
    }
    free(line);
    return status;
}

static og_status serve_with(og_ctx *ctx, const char *vocab_path)
{
    og_tokenizer *t = NULL;
    og_vocab_view *vocab = NULL;
    og_status status = OG_OK;
    if (vocab_path) status = og_tokenizer_open(ctx, vocab_path, NULL, 0, &t);
    if (t && status == OG_OK) status = og_vocab_view_new(ctx, t, &vocab);
    if (status == OG_OK) status = serve(ctx, vocab);
    og_vocab_view_free(vocab);
    og_tokenizer_free(t);
    return status;
}

int cmd_sample(int argc, char **argv)
{
    bool is_jsonl = false, is_toml = false;
    const char *vocab_path = NULL;
    cli_sampler flags = { 0 };
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--vocab", CLI_STR, &vocab_path, "MODEL", "file with the vocabulary and its options" },
        { "--jsonl", CLI_FLAG, &is_jsonl, NULL, "chains and logits on stdin, one request a line" },
        { "--toml", CLI_FLAG, &is_toml, NULL, "prints options as TOML instead of JSON" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_sampler_options(&flags, &all);
    const cli_spec spec = { "oxigraph sample [options]",
                            "Prints the sampling options that result, or serves --jsonl.",
                            all.opt,
                            all.n,
                            0,
                            0 };
    const char *args[1];
    int n_args, rc = cli_parse(&spec, argc, argv, args, &n_args);
    if (rc >= 0) return rc;
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    ogi_gguf *model = NULL;
    if (vocab_path && ogi_gguf_open(ctx, vocab_path, NULL, 0, &model) != OG_OK)
        return cli_fail(ctx);
    og_sampler_config config;
    rc = cli_sampler_config(ctx, &flags, model, &config);
    ogi_gguf_close(model);
    if (rc >= 0) {
        og_ctx_free(ctx);
        return rc;
    }
    if (is_jsonl) {
        if (serve_with(ctx, vocab_path) != OG_OK) return cli_fail(ctx);
    } else {
        char *text;
        if (og_sampler_config_print(ctx, &config, is_toml ? OG_SAMPLER_TOML : OG_SAMPLER_JSON,
                                    &text) != OG_OK)
            return cli_fail(ctx);
        fputs(text, stdout);
        og_sampler_text_free(ctx, text);
    }
    og_ctx_free(ctx);
    return 0;
}
