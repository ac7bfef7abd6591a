/* SPDX-License-Identifier: MIT
 *
 * `oxigraph rerank`: documents by how well they answer a query, as a classifier scores the pairs.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "oxigraph/arch.h"
#include "oxigraph/tokenizer.h"
#include "runtime/engine.h"
#include "tools/cmd/cli_model.h"

enum { MAX_DOCS = 256, MAX_FILE_DOCS = 1 << 20, MAX_FILE = 256 << 20, AT_ONCE = 64 };

#define TEMPLATE_KEY "tokenizer.chat_template.rerank"

typedef struct document {
    ogi_sv text;
    int index; /* as given */
    float score;
} document;

typedef struct request {
    og_ctx *ctx;
    og_model *m;
    og_tokenizer *tok;
    ogi_sv form; /* the file's, with {query} and {document}; empty: none */
    const char *query;
    document *doc;
    int n_doc, begin; /* begin: the first of the feed that runs */
    ogi_buf file;     /* of -f */
    bool is_json;
} request;

/* ---- pairs --------------------------------------------------------------------------------- */

static og_status add_special(const request *r, og_special which, bool wanted, og_tokens *out)
{
    int32_t id = og_tokenizer_special(r->tok, which);
    if (!wanted || id < 0) return OG_OK;
    OG_TRY(ogi_grow(r->ctx, &out->id, &out->cap, out->n + 1, sizeof *out->id));
    out->id[out->n++] = id;
    return OG_OK;
}

/* [CLS] query [SEP] document [SEP]; where texts end in EOS, that, and SEP too where the vocabulary
 * puts one between texts. */
static og_status join_pair(const request *r, const document *doc, og_tokens *out)
{
    const og_tokenizer *t = r->tok;
    bool has_eos = og_tokenizer_flag_get(t, OG_TOKENIZER_ADD_EOS);
    bool has_sep = og_tokenizer_flag_get(t, OG_TOKENIZER_ADD_SEP);
    og_special end = has_eos ? OG_SPECIAL_EOS : OG_SPECIAL_SEP;
    if (og_tokenizer_special(t, end) < 0)
        OG_FAIL(r->ctx, OG_E_UNSUPPORTED,
                "the file says not how a query and a document are put together: no %s, and no "
                "token that separates texts",
                TEMPLATE_KEY);
    OG_TRY(add_special(r, OG_SPECIAL_BOS, true, out));
    OG_TRY(og_tokenizer_encode(t, r->ctx, r->query, strlen(r->query), 0, out));
    OG_TRY(add_special(r, end, true, out));
    OG_TRY(add_special(r, OG_SPECIAL_SEP, has_eos && has_sep, out));
    OG_TRY(og_tokenizer_encode(t, r->ctx, doc->text.p, doc->text.n, 0, out));
    return add_special(r, end, true, out);
}

/* The file's template with the texts in place of {query} and {document}: control tokens are those
 * of the template alone. */
static og_status fill_form(const request *r, const document *doc, og_tokens *out)
{
    enum { MAX_SPAN = 32 };
    og_span span[MAX_SPAN];
    const char *p = r->form.p, *end = p + r->form.n, *from = p;
    int n = 0;
    for (; p < end && n + 3 < MAX_SPAN; p++) {
        ogi_sv rest = { p, (size_t)(end - p) };
        bool is_query = ogi_sv_starts(rest, OGI_SV("{query}"));
        if (!is_query && !ogi_sv_starts(rest, OGI_SV("{document}"))) continue;
        span[n++] = (og_span){ from, (size_t)(p - from), true };
        span[n++] = is_query ? (og_span){ r->query, strlen(r->query), false }
                             : (og_span){ doc->text.p, doc->text.n, false };
        p += is_query ? 6 : 9;
        from = p + 1;
    }
    span[n++] = (og_span){ from, (size_t)(end - from), true };
    return og_tokenizer_encode_spans(r->tok, r->ctx, span, n, 0, out);
}

/* ---- scores -------------------------------------------------------------------------------- */

/* The first label counts: rerankers have one, or the one that means yes stands first. */
static bool take_score(void *user, int feed, int64_t i, const float *row)
{
    request *r = user;
    (void)i;
    r->doc[r->begin + feed].score = row[0];
    return true;
}

static og_status score_some(request *r, og_tokens *pair, int n)
{
    og_feed feed[AT_ONCE];
    og_status st = OG_OK;
    int n_seq = 0;
    for (int i = 0; i < n && st == OG_OK; i++) {
        const document *doc = &r->doc[r->begin + i];
        pair[i].n = 0;
        st = r->form.n ? fill_form(r, doc, &pair[i]) : join_pair(r, doc, &pair[i]);
        feed[i] = (og_feed){ .token = pair[i].id, .n = pair[i].n };
        if (st == OG_OK) st = og_sequence_new(r->m, &feed[i].seq);
        if (st == OG_OK) n_seq++;
    }
    if (st == OG_OK) st = og_model_embed(r->m, feed, n, take_score, r);
    for (int i = 0; i < n_seq; i++) og_sequence_free(feed[i].seq);
    return st;
}

static og_status score_all(request *r)
{
    og_tokens pair[AT_ONCE] = { { 0 } };
    og_status st = OG_OK;
    for (; r->begin < r->n_doc && st == OG_OK; r->begin += AT_ONCE)
        st = score_some(r, pair, OGI_MIN(r->n_doc - r->begin, AT_ONCE));
    for (int i = 0; i < AT_ONCE; i++) og_tokens_free(r->ctx, &pair[i]);
    return st;
}

static int by_score(const void *a, const void *b)
{
    const document *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->index - y->index;
}

static og_status print_scores(request *r)
{
    qsort(r->doc, (size_t)r->n_doc, sizeof *r->doc, by_score);
    json_t *list = r->is_json ? json_array() : NULL;
    for (int i = 0; i < r->n_doc; i++) {
        const document *d = &r->doc[i];
        if (list)
            json_array_append_new(list, json_pack("{s:i, s:f, s:o}", "index", d->index, "score",
                                                  (double)d->score, "document",
                                                  json_stringn_nocheck(d->text.p, d->text.n)));
        else
            printf("%.6g\t%d\t%.*s\n", (double)d->score, d->index, (int)d->text.n, d->text.p);
    }
    if (r->is_json && (!list || json_dumpf(list, stdout, JSON_INDENT(1)) != 0)) return OG_E_MEMORY;
    if (r->is_json) putchar('\n');
    json_decref(list);
    return OG_OK;
}

/* ---- the command --------------------------------------------------------------------------- */

/* Lines of a file; empty ones are none. */
static og_status read_docs(request *r, const char *path)
{
    r->file.ctx = r->ctx;
    OG_TRY(ogi_file_read(r->ctx, path, MAX_FILE, &r->file));
    int64_t cap = r->n_doc;
    for (const char *p = r->file.p, *end = p + r->file.n; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - p);
        if (r->n_doc >= MAX_FILE_DOCS)
            OG_FAIL(r->ctx, OG_E_LIMIT, "%s: more than %d documents", path, MAX_FILE_DOCS);
        OG_TRY(ogi_grow(r->ctx, &r->doc, &cap, r->n_doc + 1, sizeof *r->doc));
        if (n) {
            r->doc[r->n_doc] = (document){ { p, n }, r->n_doc, 0 };
            r->n_doc++;
        }
        p += n + 1;
    }
    return OG_OK;
}

static og_status run(request *r, const char *path, const char *docs, const cli_model *model,
                     og_model_options *mo)
{
    if (docs) OG_TRY(read_docs(r, docs));
    if (r->n_doc == 0) OG_FAIL(r->ctx, OG_E_INVALID, "there are no documents: give DOC or -f");
    OG_TRY(og_tokenizer_open(r->ctx, path, model->override.item, model->override.n, &r->tok));
    mo->n_sequence = OGI_MIN(r->n_doc, AT_ONCE);
    OG_TRY(cli_model_load(r->ctx, path, mo, &r->m));
    OG_TRY(ogi_gguf_str(ogi_model_file(r->m), TEMPLATE_KEY, &r->form));
    OG_TRY(score_all(r));
    return print_scores(r);
}

static int begin(request *r, const char **args, int n_args, const char *docs, cli_model *model)
{
    og_model_options mo;
    int status = cli_model_config(model, &mo);
    if (status >= 0) return status;
    mo.has_pooling = true;
    mo.pooling = OG_POOL_RANK;
    r->ctx = cli_ctx();
    if (!r->ctx) return 1;
    r->doc = OGI_NEW_N(r->ctx, document, n_args);
    for (int i = 1; r->doc && i < n_args; i++)
        r->doc[r->n_doc++] = (document){ ogi_sv_of(args[i]), i - 1, 0 };
    og_status st = r->doc ? run(r, args[0], docs, model, &mo) : OG_E_MEMORY;
    og_model_free(r->m);
    og_tokenizer_free(r->tok);
    ogi_free(r->ctx, r->doc);
    if (r->file.ctx) ogi_buf_free(&r->file);
    if (st != OG_OK) return cli_fail(r->ctx);
    og_ctx_free(r->ctx);
    return 0;
}

int cmd_rerank(int argc, char **argv)
{
    cli_model model = { .kv = "f32" };
    request r = { 0 };
    const char *docs = NULL, *args[1 + MAX_DOCS];
    int n_args;
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--query", CLI_STR, &r.query, "TEXT", "what the documents should answer" },
        { "-f|--file", CLI_STR, &docs, "FILE", "documents, one a line" },
        { "--json", CLI_FLAG, &r.is_json, NULL, "a list of index, score, document" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_model_options(&model, &all);
    cli_spec spec = { "oxigraph rerank MODEL --query TEXT DOC.. [-f FILE] [--json]",
                      "Documents with their scores, the best first.",
                      all.opt,
                      all.n,
                      1,
                      1 + MAX_DOCS };
    int status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status < 0 && !r.query) status = cli_usage_error("--query is missing");
    return status < 0 ? begin(&r, args, n_args, docs, &model) : status;
}
