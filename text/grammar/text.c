/* SPDX-License-Identifier: MIT
 *
 * Free text and the marks in it: what a model writes up to a mark such as "<tool_call>". Marks are
 * found as Knuth, Morris and Pratt do, which is a deterministic automaton: state i has read the
 * first i bytes of the mark. Control tokens are read as their pieces, since readers of what models
 * write see those; in a literal they must be the tokens themselves. */
#include <stdlib.h>

#include "text/grammar/nfa.h"

enum { MAX_MARK = 256, MAX_CONTROL_EDGES = 5000 };

/* ---- expressions ---- */

static ogi_expr *text_expr(ogi_rules *r, ogi_sv mark, ogi_expr flags)
{
    ogi_expr *e = ogi_expr_bytes(r, mark.p, mark.n);
    if (!e) return NULL;
    flags.kind = OGI_EXPR_TEXT, flags.depth = 1;
    flags.bytes = e->bytes, flags.n = e->n;
    *e = flags;
    return e;
}

ogi_expr *ogi_expr_until(ogi_rules *r, ogi_sv mark)
{
    return text_expr(r, mark, (ogi_expr){ .has_mark = true });
}

ogi_expr *ogi_expr_without(ogi_rules *r, ogi_sv mark)
{
    return text_expr(r, mark, (ogi_expr){ 0 });
}

ogi_expr *ogi_expr_anything(ogi_rules *r, ogi_sv mark, bool has_mark, bool is_first)
{
    return text_expr(r, mark,
                     (ogi_expr){ .is_any = true, .has_mark = has_mark, .is_first = is_first });
}

/* The control token whose piece the text begins with, the longest of them; NULL if none. */
static const ogi_control *control_at(const ogi_rules *r, ogi_sv text)
{
    const ogi_control *best = NULL;
    for (int32_t i = 0; i < r->n_mark; i++) {
        const ogi_control *c = &r->control[i];
        if (ogi_sv_starts(text, (ogi_sv){ c->piece, c->n }) && (!best || c->n > best->n)) best = c;
    }
    return best;
}

ogi_expr *ogi_expr_marks(ogi_rules *r, ogi_sv text)
{
    ogi_expr *seq = ogi_expr_seq(r);
    size_t plain = 0; /* bytes before text.p that are no token's */
    while (text.n) {
        const ogi_control *c = control_at(r, text);
        plain += !c;
        if (c && plain) seq = ogi_expr_add(r, seq, ogi_expr_bytes(r, text.p - plain, plain));
        if (c) {
            ogi_expr *token = ogi_expr_token(r, c->token, false);
            if (token) token->is_spelled = true;
            seq = ogi_expr_add(r, seq, token);
            plain = 0;
        }
        size_t n = c ? c->n : 1;
        text.p += n, text.n -= n;
    }
    return plain ? ogi_expr_add(r, seq, ogi_expr_bytes(r, text.p - plain, plain)) : seq;
}

/* ---- automaton ---- */

typedef struct text_build {
    ogi_nfa *a;
    const ogi_rules *r;
    const ogi_expr *e;
    int32_t state[MAX_MARK + 1]; /* the mark's length stands for its end; -1: none */
    int back[MAX_MARK];          /* of each prefix: its longest end that is a prefix too */
    int32_t free;                /* is_first: behind what is not the mark */
    int n_control_edge;
} text_build;

/* How much of the mark is read after one more byte; -1: is_first, and it is not the mark. */
static int advance(const text_build *b, int at, uint8_t byte)
{
    const ogi_expr *e = b->e;
    if (e->is_first) {
        if (e->n && (uint8_t)e->bytes[at] == byte) return at + 1;
        return at == 0 && strchr(" \t\r\n", byte) && byte ? 0 : -1;
    }
    if (!e->n) return 0;
    while (at > 0 && (uint8_t)e->bytes[at] != byte) at = b->back[at - 1];
    return at + ((uint8_t)e->bytes[at] == byte);
}

static int32_t state_of(const text_build *b, int at)
{
    return at < 0 ? b->free : b->state[at];
}

static og_status add_bytes(text_build *b, int32_t from, int low, int high, int32_t to)
{
    if (to < 0) return OG_OK;
    return ogi_nfa_add_edge(b->a, (ogi_nfa_edge){ .kind = OGI_NFA_BYTE,
                                                  .low = (uint8_t)low,
                                                  .high = (uint8_t)high,
                                                  .from = from,
                                                  .to = to });
}

static og_status any_byte(text_build *b, int at)
{
    int first = b->e->is_any ? 0 : 1, last = b->e->is_any ? 255 : 0xf4; /* of characters but NUL */
    for (int low = first, high; low <= last; low = high + 1) {
        int32_t to = state_of(b, advance(b, at, (uint8_t)low));
        for (high = low; high < last; high++)
            if (state_of(b, advance(b, at, (uint8_t)(high + 1))) != to) break;
        OG_TRY(add_bytes(b, b->state[at], low, high, to));
    }
    return OG_OK;
}

static int by_low(const void *a, const void *b)
{
    const ogi_char_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* Characters that are in the mark go where they lead, all others back to the start. */
static og_status any_char(text_build *b, int at)
{
    ogi_char_range mine[MAX_MARK + 1], other[MAX_MARK + 1];
    int n = 0, n_other = 0;
    for (size_t i = 0, size = 0; i < b->e->n; i += size) {
        uint32_t c = ogi_get_utf8(b->e->bytes + i, b->e->n - i, &size);
        if (!size) OG_FAIL(b->a->ctx, OG_E_FORMAT, "a mark is not UTF-8");
        mine[n++] = (ogi_char_range){ c, c };
    }
    qsort(mine, (size_t)n, sizeof *mine, by_low);
    uint32_t next = 1; /* no NUL */
    for (int i = 0; i < n; i++) {
        if (i && mine[i].low == mine[i - 1].low) continue;
        int to = at;
        ogi_buf bytes = { .ctx = b->a->ctx };
        ogi_put_utf8(&bytes, mine[i].low);
        for (size_t k = 0; k < bytes.n; k++) to = advance(b, to, (uint8_t)bytes.p[k]);
        bool failed = bytes.failed;
        ogi_buf_free(&bytes);
        if (failed) return OG_E_MEMORY;
        OG_TRY(ogi_nfa_add_class(b->a, &mine[i], 1, b->state[at], b->state[to]));
        if (mine[i].low > next) other[n_other++] = (ogi_char_range){ next, mine[i].low - 1 };
        next = mine[i].low + 1;
    }
    other[n_other++] = (ogi_char_range){ next, OGI_CHAR_MAX };
    return ogi_nfa_add_class(b->a, other, n_other, b->state[at], b->state[0]);
}

static og_status add_token(text_build *b, int at, int32_t token, int32_t to)
{
    if (++b->n_control_edge > MAX_CONTROL_EDGES)
        OG_FAIL(b->a->ctx, OG_E_LIMIT, "too many control tokens look like a part of '%.*s'",
                (int)b->e->n, b->e->bytes);
    return ogi_nfa_add_edge(
        b->a,
        (ogi_nfa_edge){ .kind = OGI_NFA_TOKEN, .from = b->state[at], .to = to, .arg = token });
}

/* How much of the mark is read behind the piece. */
static int advance_piece(const text_build *b, int at, const ogi_control *c)
{
    for (size_t k = 0; k < c->n; k++) {
        /* a mark that ends inside a token is none */
        if (b->e->n && at == (int)b->e->n) at = 0;
        at = advance(b, at, (uint8_t)c->piece[k]);
    }
    return at;
}

static bool is_of_bytes(const text_build *b)
{
    return b->e->is_any || !b->e->has_mark;
}

/* Do text states begin at this byte of the mark? In characters, only where one of its does. */
static bool is_state(const text_build *b, int at)
{
    return is_of_bytes(b) || ((uint8_t)b->e->bytes[at] & 0xc0) != 0x80;
}

/* A control token leads where its bytes do; to the start all lead that are "other" ones. */
static og_status any_control(text_build *b, const ogi_control *c)
{
    int n = (int)b->e->n, from_start = advance_piece(b, 0, c);
    int first = advance(b, 0, (uint8_t)c->piece[0]);
    for (int at = 0; at < OGI_MAX(n, 1); at++) {
        if (!is_state(b, at)) continue;
        /* most tokens do the same everywhere */
        bool is_same = advance(b, at, (uint8_t)c->piece[0]) == first;
        int to = is_same ? from_start : advance_piece(b, at, c);
        bool is_end = n && to == n;
        int32_t state = state_of(b, to);
        if (state < 0 || state == b->state[0] || (!b->e->is_any && !is_end)) continue;
        OG_TRY(add_token(b, at, c->token, state));
    }
    return OG_OK;
}

/* Where the mark is a token, the text before it must not swallow that as one of the others. */
static og_status add_states(text_build *b, int32_t *to)
{
    int n = (int)b->e->n;
    OG_TRY(ogi_nfa_add_state(b->a, to));
    for (int i = 0; i < OGI_MAX(n, 1); i++) {
        OG_TRY(ogi_nfa_add_state(b->a, &b->state[i]));
        if (!b->e->has_mark) OG_TRY(ogi_nfa_add_eps(b->a, b->state[i], *to));
    }
    if (n) b->state[n] = b->e->has_mark ? *to : -1;
    b->free = -1;
    if (!b->e->is_first || b->e->has_mark) return OG_OK;
    OG_TRY(ogi_nfa_add_state(b->a, &b->free));
    OG_TRY(ogi_nfa_add_eps(b->a, b->free, *to));
    OG_TRY(add_bytes(b, b->free, 0, 255, b->free));
    return ogi_nfa_add_edge(
        b->a, (ogi_nfa_edge){
                  .kind = OGI_NFA_TOKEN, .from = b->free, .to = b->free, .arg = OGI_TOKEN_OTHER });
}

og_status ogi_nfa_add_text(ogi_nfa *a, const ogi_rules *r, const ogi_expr *e, int32_t from,
                           int32_t *to)
{
    text_build b = { .a = a, .r = r, .e = e };
    if (e->n > MAX_MARK) OG_FAIL(a->ctx, OG_E_LIMIT, "a mark has more than %d bytes", MAX_MARK);
    for (int i = 1; i < (int)e->n && !e->is_first; i++)
        b.back[i] = advance(&b, b.back[i - 1], (uint8_t)e->bytes[i]);
    OG_TRY(add_states(&b, to));
    OG_TRY(ogi_nfa_add_eps(a, from, b.state[0]));
    for (int i = 0; i < OGI_MAX((int)e->n, 1); i++) {
        /* in front of a mark that must come first they are no text */
        int32_t rest = e->is_first && i ? b.free : b.state[0];
        if (!is_state(&b, i)) continue;
        OG_TRY(is_of_bytes(&b) ? any_byte(&b, i) : any_char(&b, i));
        if (e->is_any && rest >= 0) OG_TRY(add_token(&b, i, OGI_TOKEN_OTHER, rest));
    }
    for (int32_t i = 0; i < r->n_control && !e->is_first; i++)
        if (!r->control[i].is_end) OG_TRY(any_control(&b, &r->control[i]));
    return OG_OK;
}
