/* SPDX-License-Identifier: MIT
 *
 * What bench found, as text, Markdown and JSON. Groups of equal name (one a layer) are one row. */
#include <jansson.h>
#include <stdlib.h>

#include "graph/layout.h"
#include "tools/bench/bench.h"

/* ---- one phase in figures ------------------------------------------------------------------ */

typedef struct figures {
    double tok_s, spread, gb_s, gflop_s, limit, percent;
} figures;

static figures figures_of(const bench_phase *p, const bench_account *a)
{
    struct bench_work sum = bench_account_total(a);
    double seconds = bench_median(p), n_tok = (double)(p->tokens * p->batch);
    figures f = {
        .tok_s = n_tok / seconds,
        .spread = bench_spread(p),
        .gb_s = sum.bytes / seconds / 1e9,
        .gflop_s = sum.flops / seconds / 1e9,
        .limit = n_tok / sum.limit,
    };
    f.percent = 100 * f.tok_s / f.limit;
    return f;
}

/* ---- groups by name ------------------------------------------------------------------------ */

/* "blk.3.attn_q.weight" is attn_q. */
static void add_weight_name(const og_tensor *linear, ogi_buf *out)
{
    const char *name = ogi_root(linear->src[1])->name;
    if (!strncmp(name, "blk.", 4)) {
        const char *dot = strchr(name + 4, '.');
        name = dot ? dot + 1 : name;
    }
    const char *end = strstr(name, ".weight");
    ogi_buf_printf(out, "%s%.*s", out->n ? " " : "", (int)(end ? end - name : (int)strlen(name)),
                   name);
}

static void name_group(og_ctx *ctx, const ogi_group *g, char name[static BENCH_NAME_MAX])
{
    ogi_buf b = { .ctx = ctx };
    for (int i = 0; i < g->n_set; i++)
        for (int k = 0; k < g->set[i].n_linear; k++) add_weight_name(g->set[i].linear[k], &b);
    if (b.n) ogi_buf_puts(&b, ": ");
    ogi_group_print_ops(g, &b);
    strncpy(name, ogi_buf_str(&b), BENCH_NAME_MAX - 1);
    name[BENCH_NAME_MAX - 1] = 0;
    ogi_buf_free(&b);
}

static int by_seconds(const void *a, const void *b)
{
    double x = ((const bench_row *)a)->work.seconds, y = ((const bench_row *)b)->work.seconds;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void add_row(bench_table *t, const char *name, const struct bench_work *w)
{
    int i = 0;
    while (i < t->n && strcmp(t->row[i].name, name) != 0) i++;
    if (i == t->n) memcpy(t->row[t->n++].name, name, BENCH_NAME_MAX);
    struct bench_work *sum = &t->row[i].work;
    sum->n_run += w->n_run;
    sum->bytes += w->bytes;
    sum->flops += w->flops;
    sum->limit += w->limit;
    sum->seconds += w->seconds;
    t->seconds += w->seconds;
}

bench_table bench_table_of(const bench_account *a)
{
    bench_table t = { 0 };
    size_t n = 0;
    for (int i = 0; i < a->n_plan; i++) n += (size_t)a->plan[i].plan->n_group;
    t.row = calloc(n + 1, sizeof *t.row);
    for (int i = 0; t.row && i < a->n_plan; i++)
        for (int g = 0; g < a->plan[i].plan->n_group; g++) {
            char name[BENCH_NAME_MAX] = { 0 };
            if (!a->plan[i].work[g].n_run) continue;
            name_group(a->ctx, &a->plan[i].plan->group[g], name);
            add_row(&t, name, &a->plan[i].work[g]);
        }
    if (t.row) qsort(t.row, (size_t)t.n, sizeof *t.row, by_seconds);
    return t;
}

/* Where a repetition's time goes, all in seconds: threads at work in groups, or without work in
 * them; between groups; outside the plans. They add up to the mean repetition. */
typedef struct shares {
    double work, wait, dispatch, other, total;
} shares;

static shares shares_of(const bench_phase *p, const bench_account *a)
{
    shares s = { 0 };
    int n = OGI_MAX(p->n_rep, 1);
    double plans = 0;
    for (int i = 0; i < a->n_plan; i++) {
        s.wait += a->plan[i].time.wait / n;
        s.dispatch += a->plan[i].time.dispatch / n;
        plans += a->plan[i].time.total / n;
    }
    for (int i = 0; i < p->n_rep; i++) s.total += p->seconds[i] / n;
    s.work = plans - s.wait - s.dispatch;
    s.other = s.total - plans;
    return s;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void print_groups(const bench_phase *p, const bench_account *a, ogi_buf *out)
{
    bench_table t = bench_table_of(a);
    shares s = shares_of(p, a);
    double percent = 100 / OGI_MAX(s.total, 1e-12);
    ogi_buf_printf(
        out, "\n%s: %.3f ms: %.1f %% work, %.1f %% waiting, %.1f %% dispatch, %.1f %% other\n",
        p->name, s.total * 1e3, s.work * percent, s.wait * percent, s.dispatch * percent,
        s.other * percent);
    ogi_buf_printf(out, "\n%s by group\n%9s %6s %6s %8s %9s %9s  %s\n", p->name, "ms", "share",
                   "runs", "GB/s", "GFLOP/s", "of limit", "group");
    for (int i = 0; i < t.n; i++) {
        const struct bench_work *w = &t.row[i].work;
        double seconds = OGI_MAX(w->seconds, 1e-12);
        ogi_buf_printf(out, "%9.3f %4.1f %% %6lld %8.1f %9.1f %7.1f %%  %s\n", w->seconds * 1e3,
                       100 * w->seconds / OGI_MAX(t.seconds, 1e-12), (long long)w->n_run,
                       w->bytes / seconds / 1e9, w->flops / seconds / 1e9, 100 * w->limit / seconds,
                       t.row[i].name);
    }
    free(t.row);
}

static void print_text(const bench_report *r, ogi_buf *out)
{
    const ogi_roofline *m = &r->roof;
    ogi_buf_printf(out, "%s %s: %.0f MB of weights; %s %s, %d threads; KV in %s\n", r->shape,
                   r->type, (double)r->info.weight_size / 1e6, r->info.device, r->info.isa,
                   r->info.n_thread, r->kv);
    ogi_buf_printf(out,
                   "this machine: read %.1f GB/s; f32 %.0f, bf16 %.0f GFLOP/s; int8 %.0f GOP/s\n",
                   m->read_gb_s, m->f32_gflop_s, m->bf16_gflop_s, m->int8_gop_s);
    if (r->load >= 0)
        ogi_buf_printf(out, "loaded in %.3f s, first token after %.3f s\n", r->load,
                       r->first_token);
    ogi_buf_printf(out, "\n%-8s %7s %7s %5s %9s %7s %8s %9s %9s %9s\n", "phase", "tokens",
                   "context", "batch", "tok/s", "spread", "GB/s", "GFLOP/s", "limit", "of limit");
    for (int i = 0; i < r->n_phase; i++) {
        const bench_phase *p = &r->phase[i];
        figures f = figures_of(p, &r->account[i]);
        ogi_buf_printf(out, "%-8s %7lld %7lld %5lld %9.2f %5.1f %% %8.1f %9.1f %9.2f %7.1f %%\n",
                       p->name, (long long)p->tokens, (long long)p->context, (long long)p->batch,
                       f.tok_s, 100 * f.spread, f.gb_s, f.gflop_s, f.limit, f.percent);
    }
    for (int i = 0; r->groups && i < r->n_phase; i++)
        print_groups(&r->phase[i], &r->account[i], out);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *json_groups(const bench_account *a)
{
    bench_table t = bench_table_of(a);
    json_t *list = json_array();
    for (int i = 0; i < t.n; i++) {
        const struct bench_work *w = &t.row[i].work;
        json_array_append_new(list, json_pack("{s:s, s:I, s:f, s:f, s:f, s:f}", "group",
                                              t.row[i].name, "runs", (json_int_t)w->n_run,
                                              "seconds", w->seconds, "bytes", w->bytes, "flops",
                                              w->flops, "limit_seconds", w->limit));
    }
    free(t.row);
    return list;
}

static json_t *json_roofline(const ogi_roofline *m)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "read_gb_s", m->read_gb_s, "f32_gflop_s",
                     m->f32_gflop_s, "bf16_gflop_s", m->bf16_gflop_s, "int8_gop_s", m->int8_gop_s);
}

static json_t *json_result(const bench_report *r, int i)
{
    const bench_phase *p = &r->phase[i];
    figures f = figures_of(p, &r->account[i]);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:I, s:I}", "shape", r->shape, "type",
                  r->type, "device", r->info.device, "isa", r->info.isa, "kv", r->kv, "threads",
                  r->info.n_thread, "phase", p->name, "tokens", (json_int_t)p->tokens, "context",
                  (json_int_t)p->context, "batch", (json_int_t)p->batch);
    json_t *speed = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:i}", "tok_s", f.tok_s, "spread",
                              f.spread, "gb_s", f.gb_s, "gflop_s", f.gflop_s, "limit", f.limit,
                              "percent_of_limit", f.percent, "repetitions", p->n_rep);
    json_object_update(o, speed);
    json_decref(speed);
    json_object_set_new(o, "roofline", json_roofline(&p->roof));
    if (!r->groups) return o;
    shares t = shares_of(p, &r->account[i]);
    json_object_set_new(o, "groups", json_groups(&r->account[i]));
    json_object_set_new(o, "time",
                        json_pack("{s:f, s:f, s:f, s:f, s:f}", "work", t.work, "waiting", t.wait,
                                  "dispatch", t.dispatch, "other", t.other, "total", t.total));
    return o;
}

static og_status print_json(const bench_sheet *s)
{
    json_t *root = json_pack("{s:s, s:o, s:O}", "version", OG_VERSION, "roofline",
                             json_roofline(&s->roof), "results", (json_t *)s->results);
    if (root && s->load >= 0) {
        json_object_set_new(root, "load_s", json_real(s->load));
        json_object_set_new(root, "first_token_s", json_real(s->first_token));
    }
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (!text) OG_FAIL(s->ctx, OG_E_MEMORY, "bench: out of memory for JSON");
    ogi_buf_puts(s->out, text);
    ogi_buf_putc(s->out, '\n');
    free(text);
    return OG_OK;
}

/* ---- Markdown ------------------------------------------------------------------------------ */

static void print_markdown(const bench_report *r, bool is_first, ogi_buf *out)
{
    if (is_first)
        ogi_buf_puts(out, "| model | type | threads | batch | phase | tokens | context | tok/s | "
                          "spread | of limit |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < r->n_phase; i++) {
        const bench_phase *p = &r->phase[i];
        figures f = figures_of(p, &r->account[i]);
        ogi_buf_printf(
            out, "| %s | %s | %d | %lld | %s | %lld | %lld | %.2f | %.1f %% | %.1f %% |\n",
            r->shape, r->type, r->info.n_thread, (long long)p->batch, p->name, (long long)p->tokens,
            (long long)p->context, f.tok_s, 100 * f.spread, f.percent);
    }
}

/* ---- sheets -------------------------------------------------------------------------------- */

void bench_take_better(ogi_roofline *best, const ogi_roofline *r)
{
    best->read_gb_s = OGI_MAX(best->read_gb_s, r->read_gb_s);
    best->f32_gflop_s = OGI_MAX(best->f32_gflop_s, r->f32_gflop_s);
    best->bf16_gflop_s = OGI_MAX(best->bf16_gflop_s, r->bf16_gflop_s);
    best->int8_gop_s = OGI_MAX(best->int8_gop_s, r->int8_gop_s);
}

void bench_sheet_add(bench_sheet *s, const bench_report *r)
{
    switch (s->format) {
    case BENCH_TEXT:
        if (s->n) ogi_buf_putc(s->out, '\n');
        print_text(r, s->out);
        break;
    case BENCH_MARKDOWN: print_markdown(r, s->n == 0, s->out); break;
    case BENCH_JSON:
        if (!s->results) s->results = json_array();
        for (int i = 0; i < r->n_phase; i++) json_array_append_new(s->results, json_result(r, i));
        break;
    }
    s->n++;
    s->load = r->load, s->first_token = r->first_token;
    bench_take_better(&s->roof, &r->roof);
}

og_status bench_sheet_end(bench_sheet *s)
{
    og_status st = s->format == BENCH_JSON && s->results ? print_json(s) : OG_OK;
    json_decref(s->results);
    s->results = NULL;
    return st == OG_OK && s->out->failed ? OG_E_MEMORY : st;
}
