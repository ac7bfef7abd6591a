/* SPDX-License-Identifier: MIT
 *
 * `oxigraph grammar`: checks a grammar, schema or regular expression, and matches texts and tokens
 * against it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "oxigraph/grammar.h"
#include "tools/cmd/cli.h"

enum { MAX_SOURCE = 8 << 20, MAX_LINE = 64 << 20 };

typedef struct options {
    bool is_schema, is_regex, is_jsonl;
    const char *root, *vocab_path;
} options;

static og_status compile(og_ctx *ctx, const options *o, const char *path,
                         const og_vocab_view *vocab, og_grammar **out)
{
    ogi_buf b = { .ctx = ctx };
    og_status s = ogi_file_read(ctx, path, MAX_SOURCE, &b);
    const char *text = ogi_buf_str(&b);
    size_t n = b.n;
    if (s == OG_OK && o->is_regex && n && text[n - 1] == '\n') n--; /* an editor's last newline */
    if (s == OG_OK)
        s = o->is_schema  ? og_grammar_schema(ctx, text, n, vocab, out)
            : o->is_regex ? og_grammar_regex(ctx, text, n, vocab, out)
                          : og_grammar_gbnf(ctx, text, n, o->root, vocab, out);
    ogi_buf_free(&b);
    return s;
}

/* Matches text from the start; *viable is the length of the longest prefix, cut at characters,
 * that something may follow. */
static og_status match_text(og_matcher *m, const char *text, size_t n, bool *accept, size_t *viable)
{
    size_t taken;
    og_matcher_reset(m);
    OG_TRY(og_matcher_text(m, text, n, &taken));
    *accept = false;
    *viable = taken;
    if (taken == n) return og_matcher_is_complete(m, accept);
    while (*viable > 0 && ((unsigned char)text[*viable] & 0xc0) == 0x80) --*viable;
    return OG_OK;
}

/* ---- --jsonl ---- */

static og_status mask_ids(og_matcher *m, int32_t n_vocab, json_t **out)
{
    const uint32_t *bits;
    OG_TRY(og_matcher_mask(m, &bits));
    *out = json_array();
    for (int32_t i = 0; i < n_vocab; i++)
        if (bits[i >> 5] >> (i & 31) & 1) json_array_append_new(*out, json_integer(i));
    return OG_OK;
}

static og_status answer_tokens(og_ctx *ctx, og_matcher *m, int32_t n_vocab, const json_t *tokens,
                               json_t *list)
{
    size_t i;
    json_t *v, *mask;
    og_matcher_reset(m);
    OG_TRY(mask_ids(m, n_vocab, &mask));
    json_array_append_new(list, mask);
    json_array_foreach(tokens, i, v)
    {
        int32_t id = (int32_t)json_integer_value(v);
        og_status s = og_matcher_accept(m, id);
        if (s == OG_E_INVALID) {
            og_error_clear(ctx);
            json_array_append_new(list, json_string("rejected"));
            return OG_OK;
        }
        OG_TRY(s);
        OG_TRY(mask_ids(m, n_vocab, &mask));
        json_array_append_new(list, mask);
    }
    return OG_OK;
}

static og_status answer(og_ctx *ctx, og_matcher *m, int32_t n_vocab, const json_t *request,
                        json_t *out)
{
    const json_t *text = json_object_get(request, "text");
    const json_t *after = json_object_get(request, "mask_after");
    const json_t *tokens = json_object_get(request, "tokens"), *s = text ? text : after;
    bool accept;
    size_t viable;
    if (s) {
        size_t n = json_string_length(s);
        OG_TRY(match_text(m, json_string_value(s), n, &accept, &viable));
        if (text) {
            json_object_set_new(out, "accept", json_boolean(accept));
            json_object_set_new(out, "viable_prefix_bytes", json_integer((json_int_t)viable));
            return OG_OK;
        }
        json_t *mask = NULL;
        if (viable == n) OG_TRY(mask_ids(m, n_vocab, &mask));
        json_object_set_new(out, "allowed", mask ? mask : json_null());
        return OG_OK;
    }
    if (!tokens) OG_FAIL(ctx, OG_E_FORMAT, "a request has neither text, mask_after nor tokens");
    json_t *list = json_array();
    json_object_set_new(out, "allowed", list);
    return answer_tokens(ctx, m, n_vocab, tokens, list);
}

static og_status serve(og_ctx *ctx, og_matcher *m, int32_t n_vocab)
{
    char *line = NULL;
    size_t cap = 0;
    og_status status = OG_OK;
    for (ssize_t n; status == OG_OK && !ferror(stdout) && (n = getline(&line, &cap, stdin)) >= 0;) {
        json_error_t e;
        /* Texts may hold lone surrogates and NUL as escapes. */
        json_t *request = n <= MAX_LINE ? json_loadb(line, (size_t)n, JSON_ALLOW_NUL, &e) : NULL;
        json_t *out = json_object();
        if (!request)
            status = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__, "a request is no JSON object");
        else
            status = answer(ctx, m, n_vocab, request, out);
        if (status == OG_OK) {
            json_dumpf(out, stdout, JSON_COMPACT);
            putchar('\n');
        }
        json_decref(request);
        json_decref(out);
    }
    free(line);
    return status;
}

/* ---- text from stdin ---- */

static og_status report(og_ctx *ctx, og_matcher *m, bool *accept)
{
    ogi_buf b = { .ctx = ctx };
    size_t viable = 0;
    og_status s = ogi_file_read(ctx, "-", MAX_LINE, &b);
    const char *text = ogi_buf_str(&b);
    size_t n = b.n;
    if (s == OG_OK) s = match_text(m, text, n, accept, &viable);
    if (s == OG_OK && !*accept && n && text[n - 1] == '\n') /* the newline of echo */
        s = match_text(m, text, --n, accept, &viable);
    if (s == OG_OK) {
        if (*accept)
            printf("accepted: %zu bytes\n", n);
        else if (viable == n)
            printf("incomplete: all %zu bytes fit, but more must follow\n", n);
        else
            printf("refused: fits up to byte %zu of %zu\n", viable, n);
    }
    ogi_buf_free(&b);
    return s;
}

static og_status run(og_ctx *ctx, const options *o, const char *path, bool *accept)
{
    og_tokenizer *t = NULL;
    og_vocab_view *vocab = NULL;
    og_grammar *g = NULL;
    og_matcher *m = NULL;
    og_status s = OG_OK;
    if (o->vocab_path) s = og_tokenizer_open(ctx, o->vocab_path, NULL, 0, &t);
    if (t && s == OG_OK) s = og_vocab_view_new(ctx, t, &vocab);
    if (s == OG_OK) s = compile(ctx, o, path, vocab, &g);
    if (s == OG_OK) s = og_matcher_new(g, ctx, &m);
    *accept = true;
    if (s == OG_OK)
        s = o->is_jsonl ? serve(ctx, m, vocab ? vocab->n_tokens : 0) : report(ctx, m, accept);
    og_matcher_free(m);
    og_grammar_free(g);
    og_vocab_view_free(vocab);
    og_tokenizer_free(t);
    return s;
}

int cmd_grammar(int argc, char **argv)
{
    options o = { .root = "root" };
    const cli_opt opt[] = {
        { "--schema", CLI_FLAG, &o.is_schema, NULL, "FILE is a JSON Schema" },
        { "--regex", CLI_FLAG, &o.is_regex, NULL, "FILE is a regular expression" },
        { "--root", CLI_STR, &o.root, "RULE", "the rule to start with (default root)" },
        { "--vocab", CLI_STR, &o.vocab_path, "MODEL", "file with the vocabulary for masks" },
        { "--jsonl", CLI_FLAG, &o.is_jsonl, NULL, "one JSON request a line on stdin" },
    };
    const cli_spec spec = { "oxigraph grammar FILE [options] < text",
                            "Tells whether the text on stdin matches the grammar in FILE (GBNF).",
                            opt,
                            OGI_LEN(opt),
                            1,
                            1 };
    const char *args[1];
    int n_args, rc = cli_parse(&spec, argc, argv, args, &n_args);
    if (rc >= 0) return rc;
    if (o.is_schema && o.is_regex)
        return cli_usage_error("--schema and --regex exclude each other");
    og_ctx *ctx = cli_ctx();
    if (!ctx) return 1;
    bool accept;
    if (run(ctx, &o, args[0], &accept) != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return accept ? 0 : 1;
}
