/* SPDX-License-Identifier: MIT
 *
 * Two programs on one file: repetitions take turns, so that slow moments of the machine hit both.
 * The other one is any llama-bench: -m -p -n -t -r -o json. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/bench.h"

/* What both did in one phase, in tokens a second. */
typedef struct bench_pair {
    const char *phase;
    int n_thread;
    double ours, theirs, our_spread, their_spread;
} bench_pair;

/* The other program's phases, as if they were ours. */
typedef struct peer {
    og_ctx *ctx;
    const char *program;
    bench_phase phase[2];
} peer;

static void add_quoted(ogi_buf *b, const char *word)
{
    ogi_buf_putc(b, '\'');
    for (; *word; word++) *word == '\'' ? ogi_buf_puts(b, "'\\''") : ogi_buf_putc(b, *word);
    ogi_buf_putc(b, '\'');
}

static void keep_time(bench_phase *p, int64_t tokens, double tok_s)
{
    if (tokens <= 0 || !(tok_s > 0) || p->n_rep == BENCH_MAX_REPS) return;
    double seconds = (double)tokens / tok_s;
    int at = p->n_rep++;
    for (; at > 0 && p->seconds[at - 1] > seconds; at--) p->seconds[at] = p->seconds[at - 1];
    p->seconds[at] = seconds;
    p->tokens = tokens;
}

static int64_t int_of(const json_t *test, const char *key)
{
    return json_integer_value(json_object_get(test, key));
}

static og_status parse_peer(peer *p, const ogi_buf *text)
{
    json_t *list = json_loadb(text->n ? text->p : "", text->n, 0, NULL), *test;
    size_t i;
    int n = 0;
    json_array_foreach(list, i, test)
    {
        int64_t prompt = int_of(test, "n_prompt"), gen = int_of(test, "n_gen");
        if ((prompt > 0) == (gen > 0)) continue;
        keep_time(&p->phase[gen > 0], prompt + gen,
                  json_number_value(json_object_get(test, "avg_ts")));
        n++;
    }
    json_decref(list);
    if (!n)
        OG_FAIL(p->ctx, OG_E_FORMAT, "%s printed no results as JSON; --compare wants a llama-bench",
                p->program);
    return OG_OK;
}

static og_status run_peer(peer *p, const bench_case *c, int64_t n_thread)
{
    ogi_buf line = { .ctx = p->ctx }, out = { .ctx = p->ctx };
    add_quoted(&line, p->program);
    ogi_buf_puts(&line, " -m ");
    add_quoted(&line, c->path);
    ogi_buf_printf(&line, " -p %lld -n %lld -t %lld -r 1 -o json 2>/dev/null",
                   (long long)c->prefill, (long long)c->decode, (long long)n_thread);
    FILE *f = line.failed ? NULL : popen(ogi_buf_str(&line), "r");
    char chunk[4096];
    for (size_t n; f && (n = fread(chunk, 1, sizeof chunk, f)) > 0;) ogi_buf_add(&out, chunk, n);
    int status = f ? pclose(f) : -1;
    og_status st = out.failed ? OG_E_MEMORY : OG_OK;
    if (st == OG_OK && status != 0)
        st = ogi_fail(p->ctx, OG_E_IO, __FILE__, __LINE__, "%s failed (status %d); try it alone:%s",
                      p->program, status, ogi_buf_str(&line) + strlen(p->program) + 2);
    if (st == OG_OK) st = parse_peer(p, &out);
    ogi_buf_free(&line);
    ogi_buf_free(&out);
    return st;
}

static double speed(const bench_phase *p)
{
    return p->n_rep ? (double)p->tokens / bench_median(p) : 0;
}

static og_status compare_threads(og_ctx *ctx, const bench_case *c, const char *program, int reps,
                                 bench_pair *out, int *n_out)
{
    bench_session *s;
    peer p = { .ctx = ctx, .program = program };
    OG_TRY(bench_session_new(ctx, c, &s));
    int n_thread = bench_session_threads(s);
    og_status st = OG_OK;
    for (int i = 0; i < reps && st == OG_OK; i++) {
        st = bench_session_repeat(s);
        if (st == OG_OK) st = run_peer(&p, c, n_thread);
    }
    const bench_report *r = bench_session_report(s);
    for (int i = 0; i < r->n_phase && st == OG_OK; i++) {
        const bench_phase *ours = &r->phase[i], *theirs = &p.phase[ours->is_decode];
        out[(*n_out)++] = (bench_pair){
            .phase = ours->name,
            .n_thread = n_thread,
            .ours = speed(ours),
            .theirs = speed(theirs),
            .our_spread = bench_spread(ours),
            .their_spread = bench_spread(theirs),
        };
    }
    bench_session_free(s);
    return st;
}

/* A program that more threads make slower was disturbed, or is not made for them. */
static void print_slower(const bench_pair *pair, int n, ogi_buf *out)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) {
            const bench_pair *a = &pair[i], *b = &pair[k];
            if (a->n_thread >= b->n_thread || strcmp(a->phase, b->phase) != 0) continue;
            const char *who = b->ours < a->ours && b->theirs < a->theirs ? "both are"
                              : b->ours < a->ours                        ? "oxigraph is"
                              : b->theirs < a->theirs                    ? "the other is"
                                                                         : NULL;
            if (who)
                ogi_buf_printf(out, "%s: %s slower with -t %d than with -t %d\n", a->phase, who,
                               b->n_thread, a->n_thread);
        }
}

static void print_pairs(const bench_pair *pair, int n, ogi_buf *out)
{
    ogi_buf_printf(out,
                   "| phase | threads | oxigraph tok/s | spread | other tok/s | spread | ratio "
                   "|\n|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < n; i++)
        ogi_buf_printf(out, "| %s | %d | %.2f | %.1f %% | %.2f | %.1f %% | %.2f |\n", pair[i].phase,
                       pair[i].n_thread, pair[i].ours, 100 * pair[i].our_spread, pair[i].theirs,
                       100 * pair[i].their_spread, pair[i].ours / pair[i].theirs);
    print_slower(pair, n, out);
}

static og_status print_json(og_ctx *ctx, const bench_pair *pair, int n, ogi_buf *out)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:f}", "phase", pair[i].phase,
                            "threads", pair[i].n_thread, "tok_s", pair[i].ours, "spread",
                            pair[i].our_spread, "other_tok_s", pair[i].theirs, "other_spread",
                            pair[i].their_spread, "ratio", pair[i].ours / pair[i].theirs));
    json_t *root = json_pack("{s:s, s:o}", "version", OG_VERSION, "compare", list);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (!text) OG_FAIL(ctx, OG_E_MEMORY, "bench: out of memory for JSON");
    ogi_buf_printf(out, "%s\n", text);
    free(text);
    return OG_OK;
}

og_status bench_compare(og_ctx *ctx, const bench_case *c, const int64_t *threads, int n_threads,
                        const char *program, int reps, bool is_json, ogi_buf *out)
{
    bench_pair pair[2 * BENCH_MAX_LIST];
    int n = 0;
    for (int i = 0; i < n_threads; i++) {
        bench_case one = *c;
        one.model.device.n_thread = (int)threads[i];
        OG_TRY(compare_threads(ctx, &one, program, reps, pair, &n));
    }
    if (is_json) return print_json(ctx, pair, n, out);
    print_pairs(pair, n, out);
    return OG_OK;
}
