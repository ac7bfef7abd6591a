/* SPDX-License-Identifier: MIT
 *
 * `oxigraph logits`: the logits of given tokens, one row of float32 a position. */
#include <stdlib.h>

#include "runtime/engine.h"
#include "tools/cmd/cli_dump.h"
#include "tools/cmd/cli_model.h"
#include "tools/cmd/cli_output.h"

/* Where rows of the main sequence go. */
typedef struct writer {
    cli_output out;
    og_model *m;
    og_status checked; /* of the first row that holds no numbers: it is written all the same */
    int64_t n_vocab;
    og_status status;
} writer;

static bool write_row(void *user, int feed, int64_t i, const float *logits)
{
    writer *w = user;
    (void)i;
    if (w->checked == OG_OK) w->checked = og_model_check_logits(w->m, logits);
    if (feed == 0) w->status = cli_output_put(&w->out, logits, (size_t)w->n_vocab * sizeof *logits);
    return w->status == OG_OK;
}

typedef struct request {
    int32_t *tokens, *then, *encode, *beside[64];
    int64_t n_tokens, n_then, n_encode, n_beside[64];
    int n_feed_beside;
    const char *dump_dir, *dump_nodes;
} request;

static void free_request(request *r)
{
    free(r->tokens);
    free(r->then);
    free(r->encode);
    for (int i = 0; i < r->n_feed_beside; i++) free(r->beside[i]);
}

/* Prefill, with the others beside it, then one step a token. */
static og_status compute(og_model *m, const request *r, writer *w)
{
    og_feed feed[64];
    int n = 1 + r->n_feed_beside;
    feed[0] = (og_feed){ .token = r->tokens, .n = r->n_tokens };
    for (int i = 1; i < n; i++)
        feed[i] = (og_feed){ .token = r->beside[i - 1], .n = r->n_beside[i - 1] };
    og_status st = OG_OK;
    for (int i = 0; i < n && st == OG_OK; i++) st = og_sequence_new(m, &feed[i].seq);
    if (st == OG_OK && r->encode) st = og_model_encode(m, feed[0].seq, r->encode, r->n_encode);
    if (st == OG_OK) st = og_model_feed(m, feed, n, OG_ROWS_ALL, write_row, w);
    for (int64_t i = 0; i < r->n_then && st == OG_OK; i++) {
        og_feed one = { .seq = feed[0].seq, .token = r->then + i, .n = 1 };
        st = og_model_feed(m, &one, 1, OG_ROWS_ALL, write_row, w);
    }
    return st; /* og_model_free frees the sequences */
}

static int run(const char *model, og_model_options *opt, const request *r, const char *out)
{
    og_ctx *ctx = cli_ctx();
    og_model *m = NULL;
    cli_dump dump = { .ctx = ctx, .dir = r->dump_dir };
    if (!ctx) return 1;
    if (r->dump_dir) opt->trace = (og_trace){ r->dump_nodes, cli_dump_take, &dump };
    if (cli_model_load(ctx, model, opt, &m) != OG_OK) return cli_fail(ctx);
    og_model_info info;
    og_model_get_info(m, &info);
    writer w = { .m = m, .n_vocab = info.n_vocab };
    og_status st = cli_output_begin(ctx, out, ogi_model_file(m), &w.out);
    if (st == OG_OK) {
        st = compute(m, r, &w);
        if (w.status != OG_OK) st = w.status; /* why the rows ended */
        st = cli_output_end(&w.out, st);
        if (st == OG_OK) st = cli_dump_write(&dump);
    }
    og_model_free(m);
    cli_dump_free(&dump);
    if (st == OG_OK) st = w.checked; /* a warning: the file is whole */
    if (st != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}

static int parse_request(const char *tokens, const char *then, const char *encode,
                         const cli_list *beside, request *r)
{
    if (!tokens) return cli_usage_error("--tokens is missing");
    int status = cli_tokens("--tokens", tokens, &r->tokens, &r->n_tokens);
    if (status < 0 && encode) status = cli_tokens("--encode", encode, &r->encode, &r->n_encode);
    if (status < 0 && then) status = cli_tokens("--then", then, &r->then, &r->n_then);
    if (status < 0 && beside->n > 63)
        return cli_usage_error("--beside is given more than 63 times");
    for (int i = 0; status < 0 && i < beside->n; i++) {
        r->n_feed_beside++;
        status = cli_tokens("--beside", beside->item[i], &r->beside[i], &r->n_beside[i]);
    }
    return status;
}

int cmd_logits(int argc, char **argv)
{
    cli_model model = { .kv = "f32" };
    const char *tokens = NULL, *then = NULL, *encode = NULL, *out = NULL, *args[1];
    cli_list beside = { 0 };
    request r = { .dump_nodes = "blk.*.out" };
    int64_t batch = 0;
    bool reverse = false, via_text = false;
    int n_args;
    cli_options all = { .n = 0 };
    const cli_opt own[] = {
        { "--tokens", CLI_STR, &tokens, "1,2,3", "tokens to prefill" },
        { "--then", CLI_STR, &then, "4,5", "tokens to feed one by one after them" },
        { "--encode", CLI_STR, &encode, "6,7", "tokens for the encoder, before all others" },
        { "--beside", CLI_LIST, &beside, "7,8", "another sequence in the same steps; repeatable" },
        { "--batch", CLI_INT, &batch, "N", "tokens of a sequence in one step; default 512" },
        { "--dump-activations", CLI_STR, &r.dump_dir, "DIR", "values inside the model, as .npy" },
        { "--nodes", CLI_STR, &r.dump_nodes, "PATTERN", "which: default blk.*.out" },
        { "--reverse-pages", CLI_FLAG, &reverse, NULL, "hand out KV pages from the end" },
        { "--via-text", CLI_FLAG, &via_text, NULL, "print the graphs, parse them, run those" },
        { "-o|--output", CLI_STR, &out, "FILE", "where the rows go; - is standard output" },
    };
    cli_add(&all, NULL, own, OGI_LEN(own));
    cli_model_options(&model, &all);
    cli_spec spec = { "oxigraph logits MODEL --tokens 1,2,3 [--then 4,5] -o OUT.f32",
                      "Writes the logits of each position as one row of float32.",
                      all.opt,
                      all.n,
                      1,
                      1 };
    og_model_options mo;
    int status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status < 0 && !out) status = cli_usage_error("-o is missing");
    if (status < 0 && batch < 0) status = cli_usage_error("--batch wants a positive number");
    if (status < 0) status = cli_model_config(&model, &mo);
    if (status < 0) status = parse_request(tokens, then, encode, &beside, &r);
    if (status < 0) {
        mo.n_sequence = 1 + beside.n;
        mo.batch = (int)OGI_MIN(batch, 512);
        mo.reverse_pages = reverse;
        mo.via_text = via_text;
        status = run(args[0], &mo, &r, out);
    }
    free_request(&r);
    return status;
}
