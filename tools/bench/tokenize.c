/* SPDX-License-Identifier: MIT
 *
 * Times encoding of texts that tokenizers find easy and hard: prose, runs of one character, random
 * words and random characters. Each call starts cold: nothing is remembered between calls. */
#include "tools/bench/tokenize.h"

#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "oxigraph/tokenizer.h"

typedef struct options {
    const char *model, *file;
    double megabytes;
    cli_list override;
    bool is_json;
} options;

static const double mb = 1e6;

/* ---- texts ---- */

static void add_cp(ogi_buf *out, uint32_t cp)
{
    char s[4];
    size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n - 1; i > 0; i--, cp >>= 6) s[i] = (char)(0x80 | (cp & 63));
    s[0] = (char)(lead[n] | cp);
    ogi_buf_add(out, s, n);
}

static void add_words(ogi_buf *out, size_t n, uint64_t *random)
{
    while (out->n < n) {
        int len = 2 + (int)(ogi_random(random) % 9);
        for (int i = 0; i < len; i++) ogi_buf_putc(out, (char)('a' + ogi_random(random) % 26));
        ogi_buf_putc(out, ogi_random(random) % 12 ? ' ' : '\n');
    }
}

/* Characters of all planes that have any; surrogates left out. */
static void add_characters(ogi_buf *out, size_t n, uint64_t *random)
{
    while (out->n < n) {
        uint64_t r = ogi_random(random);
        uint32_t cp = (uint32_t)(r >> 8) % (r & 1 ? 0x3400 : r & 2 ? 0xd800 : 0x32000);
        if (cp < 0xd800 || cp > 0xdfff) add_cp(out, cp);
    }
}

static void repeat(ogi_buf *out, ogi_sv unit, size_t n)
{
    while (unit.n && out->n < n) ogi_buf_add(out, unit.p, unit.n);
}

/* ---- measuring ---- */

typedef struct line {
    const char *name;
    double bytes, tokens, seconds;
} line;

static og_status time_text(og_ctx *ctx, const og_tokenizer *t, const ogi_buf *text, line *l)
{
    og_tokens ids = { 0 };
    if (text->failed) return OG_E_MEMORY;
    double begin = ogi_thread_seconds();
    og_status s = og_tokenizer_encode(t, ctx, ogi_buf_str(text), text->n, 0, &ids);
    l->seconds = ogi_thread_seconds() - begin;
    l->bytes = (double)text->n;
    l->tokens = (double)ids.n;
    og_tokens_free(ctx, &ids);
    return s;
}

typedef enum kind { PROSE, REPEATED, LETTERS, SPACES, EMOJI, WORDS, CHARACTERS, KIND_COUNT } kind;

static const char *const names[] = {
    [PROSE] = "text, once",          [REPEATED] = "text, repeated",
    [LETTERS] = "one letter",        [SPACES] = "spaces",
    [EMOJI] = "one emoji",           [WORDS] = "random words",
    [CHARACTERS] = "random Unicode",
};

static void make_text(kind k, ogi_sv prose, size_t n, ogi_buf *out)
{
    uint64_t random = 1;
    out->n = 0;
    switch (k) {
    case PROSE: ogi_buf_add(out, prose.p, OGI_MIN(prose.n, n)); break;
    case REPEATED: repeat(out, prose, n); break;
    case LETTERS: repeat(out, OGI_SV("a"), n); break;
    case SPACES: repeat(out, OGI_SV(" "), n); break;
    case EMOJI: repeat(out, OGI_SV("\xf0\x9f\x98\x80"), n); break;
    case WORDS: add_words(out, n, &random); break;
    case CHARACTERS: add_characters(out, n, &random); break;
    case KIND_COUNT: break;
    }
}

static og_status measure(og_ctx *ctx, const options *o, const og_tokenizer *t, ogi_sv prose,
                         line *out)
{
    ogi_buf text = { .ctx = ctx };
    og_status s = OG_OK;
    for (int k = 0; k < KIND_COUNT && s == OG_OK; k++) {
        make_text((kind)k, prose, (size_t)(o->megabytes * mb), &text);
        out[k].name = names[k];
        s = time_text(ctx, t, &text, &out[k]);
    }
    ogi_buf_free(&text);
    return s;
}

static void print(const options *o, double load, const line *l)
{
    json_t *all = json_array();
    if (!o->is_json) printf("loaded in %.3f s\n", load);
    for (int k = 0; k < KIND_COUNT; k++) {
        double speed = l[k].bytes / mb / OGI_MAX(l[k].seconds, 1e-9);
        if (!o->is_json)
            printf("%-16s %8.2f MB/s  (%.2f MB, %.0f tokens, %.3f s)\n", l[k].name, speed,
                   l[k].bytes / mb, l[k].tokens, l[k].seconds);
        json_array_append_new(all, json_pack("{s:s, s:f, s:f, s:f, s:f}", "text", l[k].name,
                                             "mb_per_s", speed, "bytes", l[k].bytes, "tokens",
                                             l[k].tokens, "seconds", l[k].seconds));
    }
    if (o->is_json) {
        json_t *v = json_pack("{s:f, s:O}", "load_s", load, "texts", all);
        json_dumpf(v, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(v);
    }
    json_decref(all);
}

static og_status run(og_ctx *ctx, const options *o)
{
    og_tokenizer *t = NULL;
    ogi_buf prose = { .ctx = ctx };
    line lines[KIND_COUNT] = { { .bytes = 0 } };
    uint64_t random = 2;
    double begin = ogi_thread_seconds();
    og_status s = og_tokenizer_open(ctx, o->model, o->override.item, o->override.n, &t);
    double load = ogi_thread_seconds() - begin;
    if (s == OG_OK && o->file)
        s = ogi_file_read(ctx, o->file, (int64_t)1 << 30, &prose);
    else
        add_words(&prose, 200000, &random);
    if (s == OG_OK) s = measure(ctx, o, t, (ogi_sv){ ogi_buf_str(&prose), prose.n }, lines);
    if (s == OG_OK) print(o, load, lines);
    ogi_buf_free(&prose);
    og_tokenizer_free(t);
    return s;
}

int bench_tokenize(int argc, char **argv)
{
    options o = { .megabytes = 1 };
    const cli_opt opt[] = {
        { "--mb", CLI_FLOAT, &o.megabytes, "N", "megabytes of each text (default 1)" },
        { "--override-kv", CLI_LIST, &o.override, "KEY=TYPE:VALUE",
          "replace metadata (repeatable)" },
        { "--json", CLI_FLAG, &o.is_json, NULL, "results as JSON" },
    };
    const cli_spec spec = { "oxigraph bench tokenize MODEL [FILE] [options]",
                            "Times encoding on one core: the text of FILE (or random words), runs "
                            "of one character, random words and characters.",
                            opt,
                            OGI_LEN(opt),
                            1,
                            2 };
    const char *args[2] = { NULL, NULL };
    int n_args, rc = cli_parse(&spec, argc, argv, args, &n_args);
    if (rc >= 0) return rc;
    if (!(o.megabytes > 0 && o.megabytes <= 1000)) return cli_usage_error("--mb is out of range");
    o.model = args[0];
    o.file = n_args > 1 ? args[1] : NULL;
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    if (run(ctx, &o) != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
