/* SPDX-License-Identifier: MIT
 *
 * Building expressions. All of it lies in the arena of the rules; a failed operand makes the whole
 * fail, so that front ends check once. */
#include "text/grammar/grammar.h"

#include <stdlib.h>

void ogi_rules_init(ogi_rules *r, og_ctx *ctx)
{
    *r = (ogi_rules){ .ctx = ctx, .arena = { .ctx = ctx }, .by_name = { .ctx = ctx } };
}

void ogi_rules_free(ogi_rules *r)
{
    ogi_map_free(&r->by_name);
    ogi_free(r->ctx, r->rule);
    ogi_arena_free(&r->arena);
    *r = (ogi_rules){ 0 };
}

int32_t ogi_rules_new(ogi_rules *r)
{
    if (r->n >= OGI_EXPR_MAX_NODES) {
        ogi_fail(r->ctx, OG_E_LIMIT, __FILE__, __LINE__, "the grammar has too many rules");
        return -1;
    }
    if (ogi_grow(r->ctx, &r->rule, &r->cap, r->n + 1, sizeof *r->rule) != OG_OK) return -1;
    r->rule[r->n] = (ogi_rule){ .name = { "", 0 } };
    return (int32_t)r->n++;
}

int32_t ogi_rules_get(ogi_rules *r, ogi_sv name)
{
    int64_t found = ogi_map_get(&r->by_name, name, -1);
    if (found >= 0) return (int32_t)found;
    const char *copy = ogi_arena_strndup(&r->arena, name.p, name.n);
    int32_t i = copy ? ogi_rules_new(r) : -1;
    if (i < 0) return -1;
    r->rule[i].name = (ogi_sv){ copy, name.n };
    return ogi_map_put(&r->by_name, r->rule[i].name, i) == OG_OK ? i : -1;
}

static ogi_expr *new_expr(ogi_rules *r, ogi_expr_kind kind)
{
    if (++r->n_expr > OGI_EXPR_MAX_NODES) {
        r->failed = true;
        ogi_fail(r->ctx, OG_E_LIMIT, __FILE__, __LINE__, "the grammar is too large");
        return NULL;
    }
    ogi_expr *e = ogi_arena_alloc(&r->arena, 1, sizeof *e);
    r->failed = r->failed || !e;
    if (e) e->kind = kind, e->depth = 1;
    return e;
}

ogi_expr *ogi_expr_empty(ogi_rules *r)
{
    return new_expr(r, OGI_EXPR_EMPTY);
}
ogi_expr *ogi_expr_seq(ogi_rules *r)
{
    return new_expr(r, OGI_EXPR_SEQ);
}
ogi_expr *ogi_expr_alt(ogi_rules *r)
{
    return new_expr(r, OGI_EXPR_ALT);
}

ogi_expr *ogi_expr_bytes(ogi_rules *r, const char *p, size_t n)
{
    ogi_expr *e = new_expr(r, OGI_EXPR_BYTES);
    if (!e) return NULL;
    e->bytes = ogi_arena_strndup(&r->arena, p, n);
    e->n = n;
    r->failed = r->failed || !e->bytes;
    return e->bytes ? e : NULL;
}

ogi_expr *ogi_expr_text(ogi_rules *r, const char *s)
{
    return ogi_expr_bytes(r, s, strlen(s));
}

static int by_low(const void *a, const void *b)
{
    const ogi_char_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

ogi_expr *ogi_expr_class(ogi_rules *r, const ogi_char_range *range, int64_t n, bool is_negated)
{
    ogi_expr *e = new_expr(r, OGI_EXPR_CLASS);
    ogi_char_range *sorted = ogi_arena_alloc(&r->arena, (size_t)n + 1, sizeof *sorted);
    ogi_char_range *out = ogi_arena_alloc(&r->arena, (size_t)n + 1, sizeof *out);
    r->failed = r->failed || !e || !sorted || !out;
    if (!e || !sorted || !out) return NULL;
    if (n) memcpy(sorted, range, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_low);
    int32_t n_out = 0;
    uint32_t next = 0; /* the first character not yet decided, when negated */
    for (int64_t i = 0; i < n; i++) {
        ogi_char_range c = sorted[i];
        c.high = OGI_MIN(c.high, (uint32_t)OGI_CHAR_MAX);
        if (c.low > c.high) continue;
        if (is_negated) {
            if (c.low > next) out[n_out++] = (ogi_char_range){ next, c.low - 1 };
            next = OGI_MAX(next, c.high + 1);
        } else if (n_out && c.low <= out[n_out - 1].high + 1) {
            out[n_out - 1].high = OGI_MAX(out[n_out - 1].high, c.high);
        } else {
            out[n_out++] = c;
        }
    }
    if (is_negated && next <= OGI_CHAR_MAX)
        out[n_out++] = (ogi_char_range){ next, OGI_CHAR_BEYOND };
    e->range = out;
    e->n_range = n_out;
    return e;
}

ogi_expr *ogi_expr_add(ogi_rules *r, ogi_expr *list, ogi_expr *child)
{
    if (!list || !child) return NULL;
    if (child->depth >= OGI_EXPR_MAX_DEPTH) {
        r->failed = true;
        ogi_fail(r->ctx, OG_E_LIMIT, __FILE__, __LINE__,
                 "the grammar is nested more than %d levels deep", OGI_EXPR_MAX_DEPTH);
        return NULL;
    }
    if (list->last)
        list->last->next = child;
    else
        list->child = child;
    list->last = child;
    list->depth = OGI_MAX(list->depth, child->depth + 1);
    return list;
}

ogi_expr *ogi_expr_repeat(ogi_rules *r, ogi_expr *child, int32_t min, int32_t max)
{
    if (!child) return NULL;
    ogi_expr *e = new_expr(r, OGI_EXPR_REPEAT);
    if (!e) return NULL;
    e->min = min, e->max = max;
    return ogi_expr_add(r, e, child);
}

ogi_expr *ogi_expr_count(ogi_rules *r, ogi_expr *child, int32_t min, int32_t max, const char *where)
{
    ogi_expr *e = where ? ogi_expr_repeat(r, child, min, max) : NULL;
    if (e) e->kind = OGI_EXPR_COUNT, e->bytes = where;
    return e;
}

ogi_expr *ogi_expr_unit(ogi_rules *r)
{
    return new_expr(r, OGI_EXPR_UNIT);
}

ogi_expr *ogi_expr_both(ogi_rules *r, ogi_expr *a, ogi_expr *b)
{
    ogi_expr *e = new_expr(r, OGI_EXPR_BOTH);
    return ogi_expr_add(r, ogi_expr_add(r, e, a), b);
}

ogi_expr *ogi_expr_rule(ogi_rules *r, int32_t rule)
{
    ogi_expr *e = rule >= 0 ? new_expr(r, OGI_EXPR_RULE) : NULL;
    if (e) e->rule = rule;
    return e;
}

ogi_expr *ogi_expr_token(ogi_rules *r, int32_t token, bool is_negated)
{
    ogi_expr *e = new_expr(r, OGI_EXPR_TOKEN);
    if (e) e->token = token, e->is_negated = is_negated;
    return e;
}

/* ---- UTF-8 ---- */

void ogi_put_utf8(ogi_buf *b, uint32_t c)
{
    static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    ogi_buf_putc(b, (char)(n == 1 ? c : lead[n] | c >> (6 * (n - 1))));
    for (int i = n - 2; i >= 0; i--) ogi_buf_putc(b, (char)(0x80 | (c >> (6 * i) & 0x3f)));
}

uint32_t ogi_get_utf8(const char *p, size_t size, size_t *n)
{
    const uint8_t *s = (const uint8_t *)p;
    *n = 0;
    if (!size) return 0;
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (!len || len > size || s[0] > 0xf4) return 0;
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (c < least[len] || c > OGI_CHAR_MAX || (c >= 0xd800 && c < 0xe000)) return 0;
    *n = len;
    return c;
}
