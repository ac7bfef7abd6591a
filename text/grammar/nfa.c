/* SPDX-License-Identifier: MIT
 *
 * Expressions to nondeterministic automata (Thompson 1968), characters as ranges of UTF-8 bytes.
 * Recursion follows the expression, whose depth the builders bound. */
#include "text/grammar/nfa.h"

static og_status too_large(const ogi_nfa *a)
{
    OG_FAIL(a->ctx, OG_E_LIMIT, "the grammar is too large: a rule has more than %d states",
            OGI_GRAMMAR_MAX_NFA);
}

og_status ogi_nfa_add_edge(ogi_nfa *a, ogi_nfa_edge e)
{
    if (a->n_edge >= 2 * OGI_GRAMMAR_MAX_NFA) return too_large(a);
    OG_TRY(ogi_grow(a->ctx, &a->edge, &a->edge_cap, a->n_edge + 1, sizeof *a->edge));
    a->edge[a->n_edge++] = e;
    return OG_OK;
}

og_status ogi_nfa_add_eps(ogi_nfa *a, int32_t from, int32_t to)
{
    return ogi_nfa_add_edge(a, (ogi_nfa_edge){ .kind = OGI_NFA_EPS, .from = from, .to = to });
}

og_status ogi_nfa_add_state(ogi_nfa *a, int32_t *s)
{
    if (a->n_state >= OGI_GRAMMAR_MAX_NFA) return too_large(a);
    *s = a->n_state++;
    return OG_OK;
}

/* ---- characters ---- */

/* States that lead to the end of a class by continuation bytes, shared among its ranges. */
typedef struct tail {
    uint8_t low, high;
    int32_t from, to;
} tail;

typedef struct class_build {
    ogi_nfa *a;
    int32_t from, to;
    tail tail[256];
    int n_tail;
} class_build;

static og_status tail_state(class_build *c, uint8_t low, uint8_t high, int32_t to, int32_t *from)
{
    for (int i = 0; i < c->n_tail; i++) {
        const tail *t = &c->tail[i];
        if (t->low != low || t->high != high || t->to != to) continue;
        *from = t->from;
        return OG_OK;
    }
    OG_TRY(ogi_nfa_add_state(c->a, from));
    OG_TRY(ogi_nfa_add_edge(
        c->a,
        (ogi_nfa_edge){ .kind = OGI_NFA_BYTE, .low = low, .high = high, .from = *from, .to = to }));
    if (c->n_tail < OGI_LEN(c->tail)) c->tail[c->n_tail++] = (tail){ low, high, *from, to };
    return OG_OK;
}

static uint8_t utf8_byte(uint32_t c, int n, int i)
{
    static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    uint32_t bits = c >> (6 * (n - 1 - i));
    return (uint8_t)(n == 1 ? c : i == 0 ? lead[n] | bits : 0x80 | (bits & 0x3f));
}

/* Characters of n bytes, low to high, whose bytes range independently of each other. */
static og_status add_sequence(class_build *c, uint32_t low, uint32_t high, int n)
{
    int32_t to = c->to;
    for (int i = n - 1; i > 0; i--)
        OG_TRY(tail_state(c, utf8_byte(low, n, i), utf8_byte(high, n, i), to, &to));
    return ogi_nfa_add_edge(c->a, (ogi_nfa_edge){ .kind = OGI_NFA_BYTE,
                                                  .low = utf8_byte(low, n, 0),
                                                  .high = utf8_byte(high, n, 0),
                                                  .from = c->from,
                                                  .to = to });
}

/* Splits at the points where a lower byte wraps around; at most 2 n pieces. */
static og_status add_length(class_build *c, uint32_t low, uint32_t high, int n)
{
    while (low <= high) {
        uint32_t stop = high;
        for (int i = n - 1; i >= 1; i--) {
            uint32_t mask = (1u << (6 * i)) - 1;
            if ((low & ~mask) == (stop & ~mask)) continue;
            /* Up to the end of low's block, or of the last whole block before high's. */
            if (low & mask)
                stop = low | mask;
            else if ((stop & mask) != mask)
                stop = (stop & ~mask) - 1;
        }
        OG_TRY(add_sequence(c, low, stop, n));
        low = stop + 1;
    }
    return OG_OK;
}

static og_status add_range(class_build *c, uint32_t low, uint32_t high)
{
    /* Blocks of equal length; surrogates have no UTF-8. */
    static const struct {
        uint32_t low, high;
        int n;
    } block[] = { { 0, 0x7f, 1 },
                  { 0x80, 0x7ff, 2 },
                  { 0x800, 0xd7ff, 3 },
                  { 0xe000, 0xffff, 3 },
                  { 0x10000, OGI_CHAR_MAX, 4 },
                  { OGI_CHAR_BEYOND_FIRST, OGI_CHAR_BEYOND, 4 } };
    for (int i = 0; i < OGI_LEN(block); i++) {
        uint32_t from = OGI_MAX(low, block[i].low), to = OGI_MIN(high, block[i].high);
        if (from <= to) OG_TRY(add_length(c, from, to, block[i].n));
    }
    return OG_OK;
}

og_status ogi_nfa_add_class(ogi_nfa *a, const ogi_char_range *range, int32_t n, int32_t from,
                            int32_t to)
{
    class_build c = { .a = a, .from = from, .to = to };
    for (int32_t i = 0; i < n; i++) OG_TRY(add_range(&c, range[i].low, range[i].high));
    return OG_OK;
}

/* ---- expressions ---- */

typedef struct build {
    ogi_nfa *a;
    const ogi_rules *r;
    const bool *is_inline;
} build;

static og_status build_expr(build *b, const ogi_expr *e, int32_t from, int32_t *to);

static og_status build_bytes(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    for (size_t i = 0; i < e->n; i++) {
        int32_t next = 0;
        uint8_t byte = (uint8_t)e->bytes[i];
        OG_TRY(ogi_nfa_add_state(b->a, &next));
        OG_TRY(ogi_nfa_add_edge(
            b->a, (ogi_nfa_edge){
                      .kind = OGI_NFA_BYTE, .low = byte, .high = byte, .from = from, .to = next }));
        from = next;
    }
    *to = from;
    return OG_OK;
}

static og_status build_class(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    OG_TRY(ogi_nfa_add_state(b->a, to));
    return ogi_nfa_add_class(b->a, e->range, e->n_range, from, *to);
}

static og_status build_alt(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    OG_TRY(ogi_nfa_add_state(b->a, to));
    for (const ogi_expr *c = e->child; c; c = c->next) {
        /* A branch of its own: loops in it must not reach the other branches. */
        int32_t begin = 0, end = 0;
        OG_TRY(ogi_nfa_add_state(b->a, &begin));
        OG_TRY(ogi_nfa_add_eps(b->a, from, begin));
        OG_TRY(build_expr(b, c, begin, &end));
        OG_TRY(ogi_nfa_add_eps(b->a, end, *to));
    }
    return OG_OK;
}

static og_status build_repeat(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    int32_t at = from, end = 0;
    for (int32_t i = 0; i < e->min; i++) OG_TRY(build_expr(b, e->child, at, &at));
    if (e->max < 0) {
        int32_t loop = 0;
        OG_TRY(ogi_nfa_add_state(b->a, &loop));
        OG_TRY(ogi_nfa_add_eps(b->a, at, loop));
        OG_TRY(build_expr(b, e->child, loop, &end));
        OG_TRY(ogi_nfa_add_eps(b->a, end, loop));
        OG_TRY(ogi_nfa_add_state(b->a, to));
        return ogi_nfa_add_eps(b->a, loop, *to);
    }
    OG_TRY(ogi_nfa_add_state(b->a, to));
    for (int32_t i = e->min; i < e->max; i++) {
        int32_t begin = 0;
        OG_TRY(ogi_nfa_add_eps(b->a, at, *to));
        OG_TRY(ogi_nfa_add_state(b->a, &begin));
        OG_TRY(ogi_nfa_add_eps(b->a, at, begin));
        OG_TRY(build_expr(b, e->child, begin, &at));
        if (at == begin) break; /* the item is empty */
    }
    return ogi_nfa_add_eps(b->a, at, *to);
}

static og_status build_rule(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    if (b->is_inline[e->rule]) return build_expr(b, b->r->rule[e->rule].body, from, to);
    OG_TRY(ogi_nfa_add_state(b->a, to));
    return ogi_nfa_add_edge(
        b->a, (ogi_nfa_edge){ .kind = OGI_NFA_CALL, .from = from, .to = *to, .arg = e->rule });
}

static og_status build_count(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    ogi_nfa part = { .ctx = b->a->ctx };
    og_status s = ogi_nfa_build(&part, b->r, e->child, b->is_inline);
    if (s == OG_OK) s = ogi_nfa_add_count(b->a, &part, e->min, e->max, e->bytes, from, to);
    ogi_nfa_free(&part);
    return s;
}

static og_status build_both(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    ogi_nfa x = { .ctx = b->a->ctx }, y = { .ctx = b->a->ctx };
    og_status s = ogi_nfa_build(&x, b->r, e->child, b->is_inline);
    if (s == OG_OK) s = ogi_nfa_build(&y, b->r, e->last, b->is_inline);
    if (s == OG_OK) s = ogi_nfa_add_both(b->a, &x, &y, from, to);
    ogi_nfa_free(&x);
    ogi_nfa_free(&y);
    return s;
}

static og_status build_expr(build *b, const ogi_expr *e, int32_t from, int32_t *to)
{
    *to = from;
    switch (e->kind) {
    case OGI_EXPR_EMPTY: return OG_OK;
    case OGI_EXPR_BYTES: return build_bytes(b, e, from, to);
    case OGI_EXPR_CLASS: return build_class(b, e, from, to);
    case OGI_EXPR_SEQ:
        for (const ogi_expr *c = e->child; c; c = c->next) OG_TRY(build_expr(b, c, *to, to));
        return OG_OK;
    case OGI_EXPR_ALT: return build_alt(b, e, from, to);
    case OGI_EXPR_REPEAT: return build_repeat(b, e, from, to);
    case OGI_EXPR_RULE: return build_rule(b, e, from, to);
    case OGI_EXPR_TOKEN:
        OG_TRY(ogi_nfa_add_state(b->a, to));
        return ogi_nfa_add_edge(b->a, (ogi_nfa_edge){ .kind = OGI_NFA_TOKEN,
                                                      .is_negated = e->is_negated,
                                                      .is_spelled = e->is_spelled,
                                                      .from = from,
                                                      .to = *to,
                                                      .arg = e->token });
    case OGI_EXPR_COUNT: return build_count(b, e, from, to);
    case OGI_EXPR_BOTH: return build_both(b, e, from, to);
    case OGI_EXPR_UNIT:
        OG_TRY(ogi_nfa_add_state(b->a, to));
        return ogi_nfa_add_edge(b->a,
                                (ogi_nfa_edge){ .kind = OGI_NFA_UNIT, .from = from, .to = *to });
    case OGI_EXPR_TEXT: return ogi_nfa_add_text(b->a, b->r, e, from, to);
    }
    return OG_OK;
}

/* Sorts the edges by their origin, which fills first[]. */
static og_status index_edges(ogi_nfa *a)
{
    OG_TRY(ogi_grow(a->ctx, &a->first, &a->first_cap, a->n_state + 1, sizeof *a->first));
    ogi_nfa_edge *sorted = OGI_NEW_N(a->ctx, ogi_nfa_edge, a->n_edge + 1);
    if (!sorted) return OG_E_MEMORY;
    memset(a->first, 0, (size_t)(a->n_state + 1) * sizeof *a->first);
    for (int64_t i = 0; i < a->n_edge; i++) a->first[a->edge[i].from + 1]++;
    for (int32_t s = 0; s < a->n_state; s++) a->first[s + 1] += a->first[s];
    for (int64_t i = 0; i < a->n_edge; i++) sorted[a->first[a->edge[i].from]++] = a->edge[i];
    for (int32_t s = a->n_state; s > 0; s--) a->first[s] = a->first[s - 1];
    a->first[0] = 0;
    ogi_free(a->ctx, a->edge);
    a->edge = sorted;
    a->edge_cap = a->n_edge + 1;
    return OG_OK;
}

og_status ogi_nfa_build(ogi_nfa *a, const ogi_rules *r, const ogi_expr *e, const bool *is_inline)
{
    build b = { a, r, is_inline };
    a->n_edge = 0;
    a->n_state = 1;
    a->start = 0;
    OG_TRY(build_expr(&b, e, a->start, &a->end));
    return index_edges(a);
}

void ogi_nfa_free(ogi_nfa *a)
{
    ogi_free(a->ctx, a->edge);
    ogi_free(a->ctx, a->first);
}
