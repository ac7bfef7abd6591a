/* SPDX-License-Identifier: MIT
 *
 * Finds layers that are equal wherever they lie, so that a model's file prints their statements
 * once, as a block. A layer's text decides: values numbered from its beginning, what it reads from
 * outside as parameters, its number in names as {L}. Equal texts build equal nodes, in one order.
 */
#include "graph/form_lex.h"

static bool is_inside(const ogi_segment *s, const og_tensor *n)
{
    return n->id >= s->first && n->id < s->first + s->length;
}

static bool add_param(ogi_segment *s, const og_tensor *n)
{
    for (int i = 0; i < s->n_param; i++)
        if (s->param[i] == n) return true;
    if (s->n_param == OGI_MAX_SRC) return false;
    s->param[s->n_param++] = n;
    return true;
}

/* One value that others read, at most twelve that it reads; leaves go by name. */
static bool has_block_form(const og_graph *g, ogi_segment *s, const int64_t *last_use)
{
    for (int64_t i = s->first; i < s->first + s->length; i++) {
        const og_tensor *n = g->node[i];
        for (int k = 0; k < n->n_src; k++) {
            const og_tensor *x = n->src[k];
            if (x && !ogi_form_sigil(x->op) && !is_inside(s, x) && !add_param(s, x)) return false;
        }
        if (ogi_form_sigil(n->op) || last_use[i] < s->first + s->length) continue;
        if (s->result) return false;
        s->result = n;
    }
    return s->result && s->n_param > 0;
}

static og_status put_body(const og_graph *g, ogi_segment *s, ogi_arena *mem)
{
    ogi_buf text = { .ctx = g->ctx };
    ogi_buf_putc(&text, '(');
    for (int i = 0; i < s->n_param; i++) ogi_buf_printf(&text, i ? ", %%p%d" : "%%p%d", i);
    ogi_buf_puts(&text, ") {\n");
    for (int64_t i = s->first; i < s->first + s->length; i++)
        ogi_form_block_line(g, s, g->node[i], &text);
    ogi_buf_printf(&text, "next %%%d\n}\n", (int)(s->result->id - s->first));
    s->body = text.failed ? NULL : ogi_arena_strndup(mem, text.p, text.n);
    ogi_buf_free(&text);
    return s->body ? OG_OK : OG_E_MEMORY;
}

/* Runs of nodes of one layer. */
static int64_t cut(const og_graph *g, ogi_segment *out)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n_node; i++) {
        int layer = g->node[i]->layer;
        bool goes_on = n > 0 && i > 0 && g->node[i - 1]->layer == layer;
        if (layer < 0) continue;
        if (goes_on && out)
            out[n - 1].length++;
        else if (!goes_on && out)
            out[n] = (ogi_segment){ .first = i, .length = 1, .layer = layer, .block = -1 };
        n += !goes_on;
    }
    return n;
}

/* How many have the body of each, and whether others lie between them. */
static og_status count(ogi_segment *s, int64_t n, og_ctx *ctx)
{
    ogi_map last = { .ctx = ctx }; /* segment of that body */
    og_status st = OG_OK;
    for (int64_t i = 0; i < n && st == OG_OK; i++) {
        if (!s[i].is_block) continue;
        int64_t before = ogi_map_get(&last, ogi_sv_of(s[i].body), -1);
        s[i].n_alike = before < 0 ? 1 : s[before].n_alike + 1;
        s[i].is_scattered = before >= 0 && (before < i - 1 || s[before].is_scattered);
        st = ogi_map_put(&last, ogi_sv_of(s[i].body), i);
    }
    for (int64_t i = 0; i < n && st == OG_OK; i++) {
        if (!s[i].is_block) continue;
        const ogi_segment *end = &s[ogi_map_get(&last, ogi_sv_of(s[i].body), i)];
        s[i].n_alike = end->n_alike;
        s[i].is_scattered = end->is_scattered;
    }
    ogi_map_free(&last);
    return st;
}

static og_status number(ogi_segment *s, ogi_form_blocks *b)
{
    if (!s->is_block || !s->is_scattered) return OG_OK;
    int64_t old = ogi_map_get(&b->names, ogi_sv_of(s->body), -1);
    s->block = old >= 0 ? (int)old : b->n;
    if (old >= 0) return OG_OK;
    ogi_buf_printf(&b->text, "block layer%d %s", b->n, s->body);
    return ogi_map_put(&b->names, ogi_sv_of(s->body), b->n++);
}

og_status ogi_segments_find(const og_graph *g, const int64_t *last_use, ogi_form_blocks *b,
                            const ogi_segment **out, int64_t *n)
{
    *n = cut(g, NULL);
    ogi_segment *s = ogi_arena_alloc(&b->mem, (size_t)*n + 1, sizeof *s);
    *out = s;
    if (!s) return OG_E_MEMORY;
    cut(g, s);
    for (int64_t i = 0; i < *n; i++) {
        s[i].is_block = has_block_form(g, &s[i], last_use);
        if (s[i].is_block) OG_TRY(put_body(g, &s[i], &b->mem));
    }
    OG_TRY(count(s, *n, g->ctx));
    for (int64_t i = 0; i < *n; i++)
        if (b->n < OGI_FORM_MAX_BLOCK || s[i].block >= 0) OG_TRY(number(&s[i], b));
    return OG_OK;
}
