/* SPDX-License-Identifier: MIT
 *
 * One position in a text, moved forwards only. Where a reader fails, the position is what the
 * error points at. */
#include "graph/form_lex.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/dtype.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

og_status ogi_lex_fail(ogi_lex *x, const char *expected)
{
    char found[40] = "the end of the text";
    int column = (int)OGI_MIN(x->p - x->line_start, 1 << 20) + 1;
    if (x->p < x->end && *x->p == '\n') {
        snprintf(found, sizeof found, "the end of the line");
    } else if (x->p < x->end) {
        int n = 1;
        while (n < 24 && x->p + n < x->end && is_word(x->p[n])) n++;
        snprintf(found, sizeof found, "\"%.*s\"", n, x->p);
    }
    OG_FAIL(x->ctx, OG_E_FORMAT, "graph text, line %d, column %d: expected %s, found %s", x->line,
            column, expected, found);
}

void ogi_lex_blank(ogi_lex *x)
{
    while (x->p < x->end && (*x->p == ' ' || *x->p == '\t' || *x->p == '\r')) x->p++;
    if (x->p < x->end && *x->p == '#')
        while (x->p < x->end && *x->p != '\n') x->p++;
}

bool ogi_lex_line(ogi_lex *x)
{
    for (;;) {
        ogi_lex_blank(x);
        if (x->p == x->end) return false;
        if (*x->p != '\n') return true;
        x->line_start = ++x->p;
        x->line++;
    }
}

bool ogi_lex_is(ogi_lex *x, const char *token)
{
    size_t n = strlen(token);
    ogi_lex_blank(x);
    if ((size_t)(x->end - x->p) < n || memcmp(x->p, token, n) != 0) return false;
    return !is_word(token[n - 1]) || x->p + n == x->end || !is_word(x->p[n]);
}

bool ogi_lex_accept(ogi_lex *x, const char *token)
{
    if (!ogi_lex_is(x, token)) return false;
    x->p += strlen(token);
    return true;
}

og_status ogi_lex_expect(ogi_lex *x, const char *token)
{
    char what[40];
    if (ogi_lex_accept(x, token)) return OG_OK;
    snprintf(what, sizeof what, "\"%s\"", token);
    return ogi_lex_fail(x, what);
}

og_status ogi_lex_end_of_line(ogi_lex *x)
{
    ogi_lex_blank(x);
    if (x->p < x->end && *x->p != '\n') return ogi_lex_fail(x, "the end of the line");
    return OG_OK;
}

/* ---- words and numbers --------------------------------------------------------------------- */

og_status ogi_lex_word(ogi_lex *x, const char *expected, ogi_sv *out)
{
    ogi_lex_blank(x);
    const char *begin = x->p;
    while (x->p < x->end && is_word(*x->p)) x->p++;
    *out = (ogi_sv){ begin, (size_t)(x->p - begin) };
    if (out->n > 0 && out->n <= OGI_FORM_NAME_MAX) return OG_OK;
    x->p = begin;
    return ogi_lex_fail(x, out->n ? "a name of at most 255 characters" : expected);
}

og_status ogi_lex_int(ogi_lex *x, int64_t min, int64_t max, int64_t *out)
{
    char text[24], what[80];
    int n = 0;
    ogi_lex_blank(x);
    const char *begin = x->p, *p = begin;
    if (p < x->end && *p == '-') text[n++] = *p++;
    while (p < x->end && isdigit((unsigned char)*p) && n < 21) text[n++] = *p++;
    text[n] = 0;
    snprintf(what, sizeof what, "a whole number from %" PRId64 " to %" PRId64, min, max);
    if (p == begin || !isdigit((unsigned char)p[-1]) || n >= 20) return ogi_lex_fail(x, what);
    *out = strtoll(text, NULL, 10); /* saturates */
    if (*out < min || *out > max) return ogi_lex_fail(x, what);
    x->p = p;
    return OG_OK;
}

og_status ogi_lex_number(ogi_lex *x, double *out)
{
    char text[256];
    size_t n = 0;
    ogi_lex_blank(x);
    const char *p = x->p;
    while (p < x->end && n < sizeof text && (isalnum((unsigned char)*p) || strchr("+-.", *p)) && *p)
        text[n++] = *p++;
    if (n == 0 || n == sizeof text) return ogi_lex_fail(x, "a number");
    text[n] = 0;
    char *end, *digits = text + (text[0] == '-');
    bool is_special = !strcmp(digits, "inf") || !strcmp(digits, "nan");
    if (!is_special && !isdigit((unsigned char)*digits) && *digits != '.')
        return ogi_lex_fail(x, "a number");
    if (strpbrk(digits, "xXpP")) return ogi_lex_fail(x, "a decimal number");
    *out = strtod(text, &end);
    if (*end) return ogi_lex_fail(x, "a number");
    x->p = p;
    return OG_OK;
}

/* ---- names --------------------------------------------------------------------------------- */

typedef struct name_out {
    char *p;
    size_t n;
} name_out;

static bool add(name_out *o, char c)
{
    if (!c || o->n == OGI_FORM_NAME_MAX) return false;
    o->p[o->n++] = c;
    return true;
}

/* "{L}" at the cursor. */
static og_status add_loop(ogi_lex *x, name_out *o)
{
    char number[16];
    if (x->loop < 0) return ogi_lex_fail(x, "no {L} outside of a repetition");
    if (x->end - x->p < 3 || memcmp(x->p, "{L}", 3) != 0) return ogi_lex_fail(x, "{L}");
    x->p += 3;
    snprintf(number, sizeof number, "%d", x->loop);
    for (const char *s = number; *s; s++)
        if (!add(o, *s)) return ogi_lex_fail(x, "a name of at most 255 characters");
    return OG_OK;
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character after a backslash. */
static bool add_escape(ogi_lex *x, name_out *o)
{
    if (x->end - x->p >= 2 && strchr("\"\\{}", x->p[1]) && x->p[1]) {
        x->p += 2;
        return add(o, x->p[-1]);
    }
    if (x->end - x->p < 4 || x->p[1] != 'x' || hex(x->p[2]) < 0 || hex(x->p[3]) < 0) return false;
    x->p += 4;
    return add(o, (char)(hex(x->p[-2]) * 16 + hex(x->p[-1])));
}

static og_status quoted(ogi_lex *x, name_out *o)
{
    x->p++;
    while (x->p < x->end && *x->p != '"' && *x->p != '\n') {
        if (*x->p == '{') {
            OG_TRY(add_loop(x, o));
        } else if (*x->p == '\\') {
            if (!add_escape(x, o)) return ogi_lex_fail(x, "\\\", \\\\, \\{, \\} or \\xNN");
        } else if (!add(o, *x->p)) {
            return ogi_lex_fail(x, "a name of at most 255 characters");
        } else {
            x->p++;
        }
    }
    return ogi_lex_expect(x, "\"");
}

static og_status bare(ogi_lex *x, name_out *o)
{
    while (x->p < x->end) {
        if (*x->p == '{') {
            OG_TRY(add_loop(x, o));
            continue;
        }
        if (!*x->p || (!is_word(*x->p) && !strchr(".-/", *x->p))) break;
        if (!add(o, *x->p)) return ogi_lex_fail(x, "a name of at most 255 characters");
        x->p++;
    }
    return o->n ? OG_OK : ogi_lex_fail(x, "a name");
}

og_status ogi_lex_name(ogi_lex *x, bool may_be_bare, char out[OGI_FORM_NAME_MAX + 1])
{
    name_out o = { out, 0 };
    if (!may_be_bare) ogi_lex_blank(x);
    bool is_quoted = x->p < x->end && *x->p == '"';
    if (!is_quoted && !may_be_bare) return ogi_lex_fail(x, "a name in quotes");
    OG_TRY(is_quoted ? quoted(x, &o) : bare(x, &o));
    out[o.n] = 0;
    return OG_OK;
}

/* ---- types --------------------------------------------------------------------------------- */

static og_status symbol(ogi_lex *x, const og_graph *g, int64_t factor, og_dim *sum)
{
    ogi_sv name;
    const char *begin = x->p;
    OG_TRY(ogi_lex_word(x, "a symbol", &name));
    for (int i = 0; i < g->n_sym; i++) {
        if (!ogi_sv_eq(name, ogi_sv_of(g->sym[i].name))) continue;
        og_dim d = { .c = 1 };
        d.a[i] = 1;
        *sum = og_dim_add(*sum, og_dim_mul(d, factor));
        return OG_OK;
    }
    x->p = begin;
    return ogi_lex_fail(x, "a number or a symbol declared with sym");
}

/* Terms with signs: "2*T+S-1". */
static og_status dim_sum(ogi_lex *x, const og_graph *g, og_dim *out)
{
    og_dim sum = OG_N(0);
    for (bool is_first = true;; is_first = false) {
        int64_t sign = 1, k = 1;
        if (ogi_lex_accept(x, "-"))
            sign = -1;
        else if (!ogi_lex_accept(x, "+") && !is_first)
            break;
        ogi_lex_blank(x);
        if (x->p < x->end && isdigit((unsigned char)*x->p)) {
            OG_TRY(ogi_lex_int(x, 0, INT64_MAX, &k));
            if (ogi_lex_accept(x, "*"))
                OG_TRY(symbol(x, g, sign * k, &sum));
            else
                sum = og_dim_add(sum, OG_N(sign * k));
        } else {
            OG_TRY(symbol(x, g, sign, &sum));
        }
    }
    *out = sum;
    return OG_OK;
}

static og_status dim(ogi_lex *x, const og_graph *g, og_dim *out)
{
    int64_t c;
    bool is_expr = false;
    if (x->contract) OG_TRY(ogi_lex_dim_expr(x, g, &is_expr, out));
    if (is_expr) return OG_OK;
    if (ogi_lex_accept(x, "(")) {
        OG_TRY(dim_sum(x, g, out));
        OG_TRY(ogi_lex_expect(x, ")"));
    } else {
        OG_TRY(dim_sum(x, g, out));
    }
    if (ogi_lex_accept(x, "/")) {
        OG_TRY(ogi_lex_int(x, 1, INT32_MAX, &c));
        *out = og_dim_div(*out, c);
    }
    if (out->c < 1) return ogi_lex_fail(x, "a dimension without overflow ahead of here");
    return OG_OK;
}

og_status ogi_lex_shape(ogi_lex *x, const og_graph *g, og_shape *out)
{
    *out = (og_shape){ 0 };
    OG_TRY(ogi_lex_expect(x, "["));
    if (ogi_lex_accept(x, "]")) return OG_OK;
    do {
        if (out->rank == OG_MAX_RANK) return ogi_lex_fail(x, "at most 5 dimensions");
        OG_TRY(dim(x, g, &out->dim[out->rank++]));
    } while (ogi_lex_accept(x, ","));
    return ogi_lex_expect(x, "]");
}

og_status ogi_lex_dtype(ogi_lex *x, og_dtype *out)
{
    ogi_sv name;
    OG_TRY(ogi_lex_word(x, "an element type", &name));
    const ogi_dtype *t = ogi_dtype_find(name);
    if (!t) {
        x->p = name.p;
        return ogi_lex_fail(x, "an element type (F32, I32, Q8_0, ...)");
    }
    *out = t->id;
    return OG_OK;
}
