/* SPDX-License-Identifier: MIT
 *
 * Expressions of templates. Precedence, lowest first: a if b else c, or, and, not, comparisons,
 * + -, ~, * / // %, **, unary, then filters and tests, then . [] (). As in Jinja, `-1|abs` is
 * (-1)|abs and -2 ** 2 is 4. */
#include <stdlib.h>

#include "text/template/ast.h"

/* ---- what all parsing uses ---- */

tmpl_node *ogi_tp_expected(tmpl_parser *p, const char *what)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    static const char *const kind[] = {
        [TK_EOF] = "the end of the template",
        [TK_DATA] = "text",
        [TK_VAR_BEGIN] = "'{{'",
        [TK_VAR_END] = "'}}'",
        [TK_BLOCK_BEGIN] = "'{%'",
        [TK_BLOCK_END] = "'%}'",
        [TK_STRING] = "a string",
    };
    const char *got = t->kind < TK_NAME || t->kind == TK_STRING ? kind[t->kind] : NULL;
    p->h->at = t->at;
    if (got)
        ogi_tv_fail(p->h, "expected %s, got %s", what, got);
    else
        ogi_tv_fail(p->h, "expected %s, got '%.*s'", what, (int)OGI_MIN(t->text.n, 100), t->text.p);
    return NULL;
}

bool ogi_tp_enter(tmpl_parser *p)
{
    if (++p->depth <= TMPL_MAX_PARSE_DEPTH) return !ogi_tv_failed(p->h);
    p->h->at = ogi_tp_peek(p)->at;
    ogi_tv_fail_code(p->h, OG_E_LIMIT, "nested too deeply (more than %d levels)",
                     TMPL_MAX_PARSE_DEPTH);
    return false;
}

static void deepen(tmpl_node *n, const tmpl_node *list)
{
    for (; list; list = list->next) n->depth = OGI_MAX(n->depth, list->depth + 1);
}

tmpl_node *ogi_tp_node(tmpl_parser *p, tmpl_node_kind kind, size_t at, tmpl_node *a, tmpl_node *b,
                       tmpl_node *c)
{
    tmpl_node *n = ogi_tv_alloc(p->h, 1, sizeof *n);
    if (!n) return NULL;
    *n = (tmpl_node){ .kind = (unsigned char)kind, .at = at, .a = a, .b = b, .c = c };
    deepen(n, a);
    deepen(n, b);
    deepen(n, c);
    if (n->depth <= TMPL_MAX_TREE_DEPTH) return n;
    p->h->at = at;
    ogi_tv_fail_code(p->h, OG_E_LIMIT, "nested too deeply (more than %d levels)",
                     TMPL_MAX_TREE_DEPTH);
    return NULL;
}

bool ogi_tp_is_op(const tmpl_parser *p, int op)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    return t->kind == TK_OP && t->op == op;
}

bool ogi_tp_take_op(tmpl_parser *p, int op)
{
    if (!ogi_tp_is_op(p, op)) return false;
    p->at++;
    return true;
}

bool ogi_tp_is_name(const tmpl_parser *p, const char *name)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    return t->kind == TK_NAME && ogi_sv_eq(t->text, ogi_sv_of(name));
}

bool ogi_tp_take_name(tmpl_parser *p, const char *name)
{
    if (!ogi_tp_is_name(p, name)) return false;
    p->at++;
    return true;
}

void ogi_tp_want_op(tmpl_parser *p, int op)
{
    char what[8] = { '\'', (char)op, '\'' };
    if (!ogi_tp_take_op(p, op)) ogi_tp_expected(p, what);
}

ogi_sv ogi_tp_want_name(tmpl_parser *p)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    if (t->kind != TK_NAME) {
        ogi_tp_expected(p, "a name");
        return OGI_SV("");
    }
    p->at++;
    return t->text;
}

/* ---- lists of things ---- */

typedef struct chain {
    tmpl_node *first, **last;
} chain;

static void append(chain *c, tmpl_node *n)
{
    if (!n) return;
    if (!c->last) c->last = &c->first;
    *c->last = n;
    c->last = &n->next;
}

/* a, b, c up to `close`, which is taken. */
static tmpl_node *items(tmpl_parser *p, int close)
{
    chain c = { 0 };
    while (!ogi_tv_failed(p->h) && !ogi_tp_take_op(p, close)) {
        if (c.first) ogi_tp_want_op(p, ',');
        if (ogi_tp_take_op(p, close)) break;
        append(&c, ogi_tp_expr(p));
    }
    return c.first;
}

static tmpl_node *dict_items(tmpl_parser *p)
{
    chain c = { 0 };
    while (!ogi_tv_failed(p->h) && !ogi_tp_take_op(p, '}')) {
        if (c.first) ogi_tp_want_op(p, ',');
        if (ogi_tp_take_op(p, '}')) break;
        append(&c, ogi_tp_expr(p));
        ogi_tp_want_op(p, ':');
        if (!ogi_tv_failed(p->h)) append(&c, ogi_tp_expr(p));
    }
    return c.first;
}

/* Behind "(": a, *b, c=d, **e up to ")". */
static tmpl_node *arguments(tmpl_parser *p)
{
    chain c = { 0 };
    bool named = false;
    while (!ogi_tv_failed(p->h) && !ogi_tp_take_op(p, ')')) {
        if (c.first) ogi_tp_want_op(p, ',');
        if (ogi_tp_take_op(p, ')')) break;
        const tmpl_tok *t = ogi_tp_peek(p);
        bool is_named = t->kind == TK_NAME && t[1].kind == TK_OP && t[1].op == '=';
        tmpl_node *n;
        if (ogi_tp_take_op(p, '*')) {
            n = ogi_tp_node(p, N_STAR, t->at, ogi_tp_expr(p), NULL, NULL);
        } else if (ogi_tp_take_op(p, OP2('*', '*'))) {
            n = ogi_tp_node(p, N_STARSTAR, t->at, ogi_tp_expr(p), NULL, NULL);
            named = true;
        } else if (is_named) {
            p->at += 2;
            n = ogi_tp_node(p, N_KWARG, t->at, ogi_tp_expr(p), NULL, NULL);
            if (n) n->name = t->text;
            named = true;
        } else {
            if (named) ogi_tp_expected(p, "a named argument");
            n = ogi_tp_expr(p);
        }
        append(&c, n);
    }
    return c.first;
}

tmpl_node *ogi_tp_tuple(tmpl_parser *p, bool with_cond)
{
    size_t at = ogi_tp_peek(p)->at;
    tmpl_node *first = with_cond ? ogi_tp_expr(p) : ogi_tp_expr_no_cond(p);
    if (!first || !ogi_tp_is_op(p, ',')) return first;
    chain c = { 0 };
    append(&c, first);
    while (!ogi_tv_failed(p->h) && ogi_tp_take_op(p, ',')) {
        const tmpl_tok *t = ogi_tp_peek(p);
        bool ends =
            t->kind == TK_VAR_END || t->kind == TK_BLOCK_END || (t->kind == TK_OP && t->op == ')');
        if (ends) break;
        append(&c, with_cond ? ogi_tp_expr(p) : ogi_tp_expr_no_cond(p));
    }
    return ogi_tp_node(p, N_TUPLE, at, c.first, NULL, NULL);
}

/* ---- primary and postfix ---- */

static tmpl_node *constant(tmpl_parser *p, size_t at, tmpl_val v)
{
    tmpl_node *n = ogi_tp_node(p, N_CONST, at, NULL, NULL, NULL);
    if (n) n->value = v;
    if (v.tag == TV_STR) { /* counted now, nothing appended: constants are never written later */
        ogi_tv_chars(v.u.s);
        v.u.s->tail = NULL;
    }
    return n;
}

static tmpl_node *string(tmpl_parser *p)
{
    tmpl_sb b = { .h = p->h };
    size_t at = ogi_tp_peek(p)->at;
    for (; ogi_tp_peek(p)->kind == TK_STRING; p->at++) {
        p->h->at = ogi_tp_peek(p)->at;
        ogi_tp_unescape(&b, ogi_tp_peek(p)->text);
    }
    return constant(p, at, ogi_tv_sb_done(&b));
}

static tmpl_node *number(tmpl_parser *p)
{
    const tmpl_tok *t = &p->tok[p->at++];
    p->h->at = t->at;
    tmpl_val v;
    if (t->kind == TK_FLOAT) {
        char text[128];
        size_t n = 0;
        for (size_t i = 0; i < t->text.n && n + 1 < sizeof text; i++)
            if (t->text.p[i] != '_') text[n++] = t->text.p[i];
        text[n] = 0;
        v = ogi_tv_float(strtod(text, NULL));
    } else {
        ogi_sv digits = t->text;
        int base = 10, c = digits.n > 2 && digits.p[0] == '0' ? digits.p[1] | 0x20 : 0;
        if (c == 'x' || c == 'o' || c == 'b') {
            base = c == 'x' ? 16 : c == 'o' ? 8 : 2;
            digits = (ogi_sv){ digits.p + 2, digits.n - 2 };
            if (digits.p[0] == '_') digits.p++, digits.n--;
        }
        v = ogi_tv_int_parse(p->h, digits, base);
        if (v.tag == TV_UNDEF) ogi_tv_fail(p->h, "not a number");
        if (base == 10 && digits.n > 1 && digits.p[0] == '0' && v.tag == TV_INT && v.u.i)
            ogi_tv_fail(p->h, "a number begins with 0");
    }
    return constant(p, t->at, v);
}

static tmpl_node *name(tmpl_parser *p)
{
    const tmpl_tok *t = &p->tok[p->at++];
    ogi_sv s = t->text;
    if (ogi_sv_eq(s, OGI_SV("true")) || ogi_sv_eq(s, OGI_SV("True")))
        return constant(p, t->at, ogi_tv_bool(true));
    if (ogi_sv_eq(s, OGI_SV("false")) || ogi_sv_eq(s, OGI_SV("False")))
        return constant(p, t->at, ogi_tv_bool(false));
    if (ogi_sv_eq(s, OGI_SV("none")) || ogi_sv_eq(s, OGI_SV("None")))
        return constant(p, t->at, ogi_tv_none());
    tmpl_node *n = ogi_tp_node(p, N_NAME, t->at, NULL, NULL, NULL);
    if (n) n->name = s;
    if (ogi_sv_eq(s, OGI_SV("caller"))) p->uses |= 1;
    if (ogi_sv_eq(s, OGI_SV("varargs"))) p->uses |= 2;
    if (ogi_sv_eq(s, OGI_SV("kwargs"))) p->uses |= 4;
    return n;
}

tmpl_node *ogi_tp_primary(tmpl_parser *p)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    tmpl_node *n = NULL;
    if (ogi_tv_failed(p->h)) return NULL;
    if (t->kind == TK_NAME) return name(p);
    if (t->kind == TK_STRING) return string(p);
    if (t->kind == TK_INT || t->kind == TK_FLOAT) return number(p);
    if (!ogi_tp_is_op(p, '(') && !ogi_tp_is_op(p, '[') && !ogi_tp_is_op(p, '{'))
        return ogi_tp_expected(p, "an expression");
    p->at++;
    if (ogi_tp_enter(p)) {
        if (t->op == '[') {
            n = ogi_tp_node(p, N_LIST, t->at, items(p, ']'), NULL, NULL);
        } else if (t->op == '{') {
            n = ogi_tp_node(p, N_DICT, t->at, dict_items(p), NULL, NULL);
        } else if (ogi_tp_take_op(p, ')')) {
            n = ogi_tp_node(p, N_TUPLE, t->at, NULL, NULL, NULL);
        } else {
            n = ogi_tp_tuple(p, true);
            ogi_tp_want_op(p, ')');
        }
    }
    ogi_tp_leave(p);
    return ogi_tv_failed(p->h) ? NULL : n;
}

/* One index or slice, behind "[" or ",". */
static tmpl_node *subscript_item(tmpl_parser *p)
{
    size_t at = ogi_tp_peek(p)->at;
    tmpl_node *part[3] = { NULL, NULL, NULL };
    if (!ogi_tp_is_op(p, ':')) {
        part[0] = ogi_tp_expr(p);
        if (!ogi_tp_is_op(p, ':')) return part[0];
    }
    for (int i = 1; i < 3 && ogi_tp_take_op(p, ':'); i++)
        if (!ogi_tp_is_op(p, ':') && !ogi_tp_is_op(p, ']') && !ogi_tp_is_op(p, ','))
            part[i] = ogi_tp_expr(p);
    return ogi_tp_node(p, N_SLICE, at, part[0], part[1], part[2]);
}

static tmpl_node *subscript(tmpl_parser *p, tmpl_node *n)
{
    const tmpl_tok *t = &p->tok[p->at++];
    if (t->op == '.') {
        const tmpl_tok *key = ogi_tp_peek(p);
        if (key->kind == TK_INT) return ogi_tp_node(p, N_GETITEM, t->at, n, number(p), NULL);
        ogi_sv attr = ogi_tp_want_name(p);
        n = ogi_tp_node(p, N_GETATTR, key->at, n, NULL, NULL);
        if (n) n->name = attr;
        return n;
    }
    chain c = { 0 };
    do append(&c, subscript_item(p));
    while (!ogi_tv_failed(p->h) && ogi_tp_take_op(p, ','));
    ogi_tp_want_op(p, ']');
    if (ogi_tv_failed(p->h)) return NULL;
    if (c.first->next) c.first = ogi_tp_node(p, N_TUPLE, t->at, c.first, NULL, NULL);
    return ogi_tp_node(p, N_GETITEM, t->at, n, c.first, NULL);
}

static tmpl_node *call(tmpl_parser *p, tmpl_node *n)
{
    size_t at = p->tok[p->at++].at;
    tmpl_node *args = ogi_tp_enter(p) ? arguments(p) : NULL;
    ogi_tp_leave(p);
    return ogi_tp_node(p, N_CALL, at, n, args, NULL);
}

tmpl_node *ogi_tp_postfix(tmpl_parser *p, tmpl_node *n)
{
    while (n && !ogi_tv_failed(p->h)) {
        if (ogi_tp_is_op(p, '.') || ogi_tp_is_op(p, '['))
            n = subscript(p, n);
        else if (ogi_tp_is_op(p, '('))
            n = call(p, n);
        else
            break;
    }
    return n;
}

/* name or a.b.c */
static ogi_sv dotted_name(tmpl_parser *p)
{
    ogi_sv s = ogi_tp_want_name(p);
    while (!ogi_tv_failed(p->h) && ogi_tp_take_op(p, '.')) {
        ogi_sv next = ogi_tp_want_name(p);
        if (!ogi_tv_failed(p->h)) s.n = (size_t)(next.p + next.n - s.p);
    }
    return s;
}

/* n is the filter or test `name`. An unknown one is an error when the template is compiled, but
 * inside conditions only when it is reached. */
static tmpl_node *named(tmpl_parser *p, tmpl_node *n, ogi_sv name, const tmpl_builtin *fn)
{
    if (!n) return NULL;
    n->name = name, n->fn = fn;
    if (!fn && !p->soft && !p->unknown) p->unknown = n;
    return n;
}

static tmpl_node *filter(tmpl_parser *p, tmpl_node *n)
{
    size_t at = ogi_tp_peek(p)->at;
    ogi_sv s = dotted_name(p);
    if (ogi_tv_failed(p->h)) return NULL;
    tmpl_node *args = NULL;
    if (ogi_tp_enter(p) && ogi_tp_take_op(p, '(')) args = arguments(p);
    ogi_tp_leave(p);
    n = ogi_tp_node(p, N_FILTER, at, n, args, NULL);
    return named(p, n, s, ogi_tv_filter(s));
}

/* Behind "is". */
static tmpl_node *test(tmpl_parser *p, tmpl_node *n)
{
    bool negated = ogi_tp_take_name(p, "not");
    size_t at = ogi_tp_peek(p)->at;
    ogi_sv s = dotted_name(p);
    if (ogi_tv_failed(p->h)) return NULL;
    const tmpl_tok *t = ogi_tp_peek(p);
    tmpl_node *args = NULL;
    bool starts_value = t->kind == TK_NAME || t->kind == TK_STRING || t->kind == TK_INT ||
                        t->kind == TK_FLOAT || ogi_tp_is_op(p, '[') || ogi_tp_is_op(p, '{');
    bool is_word = ogi_tp_is_name(p, "else") || ogi_tp_is_name(p, "or") ||
                   ogi_tp_is_name(p, "and") || ogi_tp_is_name(p, "if");
    if (ogi_tp_is_name(p, "is")) return ogi_tp_expected(p, "one test (tests cannot be chained)");
    if (ogi_tp_is_op(p, '(')) {
        p->at++;
        if (ogi_tp_enter(p)) args = arguments(p);
        ogi_tp_leave(p);
    } else if (starts_value && !is_word) {
        args = ogi_tp_postfix(p, ogi_tp_primary(p));
    }
    n = named(p, ogi_tp_node(p, N_TEST, at, n, args, NULL), s, ogi_tv_test(s));
    return negated ? ogi_tp_node(p, N_NOT, at, n, NULL, NULL) : n;
}

tmpl_node *ogi_tp_filters(tmpl_parser *p, tmpl_node *n, bool first_given)
{
    if (first_given) n = filter(p, n);
    while (!ogi_tv_failed(p->h)) {
        if (ogi_tp_take_op(p, '|'))
            n = filter(p, n);
        else if (n && ogi_tp_take_name(p, "is"))
            n = test(p, n);
        else if (n && ogi_tp_is_op(p, '('))
            n = call(p, n);
        else
            break;
    }
    return n;
}

/* ---- operators ---- */

static tmpl_node *unary(tmpl_parser *p, bool with_filters)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    tmpl_node *n = NULL;
    if (ogi_tp_is_op(p, '-') || ogi_tp_is_op(p, '+')) {
        p->at++;
        if (ogi_tp_enter(p)) n = unary(p, false);
        ogi_tp_leave(p);
        n = ogi_tp_node(p, t->op == '-' ? N_NEG : N_POS, t->at, n, NULL, NULL);
    } else {
        n = ogi_tp_primary(p);
    }
    n = ogi_tp_postfix(p, n);
    return n && with_filters ? ogi_tp_filters(p, n, false) : n;
}

tmpl_node *ogi_tp_unary(tmpl_parser *p)
{
    return unary(p, true);
}

static tmpl_node *binary(tmpl_parser *p, tmpl_op op, size_t at, tmpl_node *a, tmpl_node *b)
{
    tmpl_node *n = ogi_tp_node(p, N_BINARY, at, a, b, NULL);
    if (n) n->op = (unsigned char)op;
    return n;
}

static tmpl_node *power(tmpl_parser *p)
{
    tmpl_node *n = ogi_tp_unary(p);
    while (!ogi_tv_failed(p->h) && ogi_tp_is_op(p, OP2('*', '*'))) {
        size_t at = p->tok[p->at++].at;
        n = binary(p, TO_POW, at, n, ogi_tp_unary(p));
    }
    return n;
}

static tmpl_node *product(tmpl_parser *p)
{
    tmpl_node *n = power(p);
    while (!ogi_tv_failed(p->h)) {
        const tmpl_tok *t = ogi_tp_peek(p);
        tmpl_op op;
        if (ogi_tp_take_op(p, '*'))
            op = TO_MUL;
        else if (ogi_tp_take_op(p, '/'))
            op = TO_DIV;
        else if (ogi_tp_take_op(p, OP2('/', '/')))
            op = TO_FLOORDIV;
        else if (ogi_tp_take_op(p, '%'))
            op = TO_MOD;
        else
            break;
        n = binary(p, op, t->at, n, power(p));
    }
    return n;
}

static tmpl_node *concat(tmpl_parser *p)
{
    size_t at = ogi_tp_peek(p)->at;
    tmpl_node *n = product(p);
    if (!n || !ogi_tp_is_op(p, '~')) return n;
    chain c = { 0 };
    append(&c, n);
    while (!ogi_tv_failed(p->h) && ogi_tp_take_op(p, '~')) append(&c, product(p));
    return ogi_tp_node(p, N_CONCAT, at, c.first, NULL, NULL);
}

static tmpl_node *sum(tmpl_parser *p)
{
    tmpl_node *n = concat(p);
    while (!ogi_tv_failed(p->h) && (ogi_tp_is_op(p, '+') || ogi_tp_is_op(p, '-'))) {
        const tmpl_tok *t = &p->tok[p->at++];
        n = binary(p, t->op == '+' ? TO_ADD : TO_SUB, t->at, n, concat(p));
    }
    return n;
}

static bool take_compare(tmpl_parser *p, tmpl_compare *op)
{
    static const struct {
        int op;
        tmpl_compare compare;
    } ops[] = {
        { OP2('=', '='), TCMP_EQ }, { OP2('!', '='), TCMP_NE }, { '<', TCMP_LT },
        { OP2('<', '='), TCMP_LE }, { '>', TCMP_GT },           { OP2('>', '='), TCMP_GE }
    };
    for (int i = 0; i < OGI_LEN(ops); i++) {
        *op = ops[i].compare;
        if (ogi_tp_take_op(p, ops[i].op)) return true;
    }
    *op = TCMP_IN;
    if (ogi_tp_take_name(p, "in")) return true;
    const tmpl_tok *t = ogi_tp_peek(p);
    *op = TCMP_NOT_IN;
    if (!ogi_tp_is_name(p, "not") || t[1].kind != TK_NAME || !ogi_sv_eq(t[1].text, OGI_SV("in")))
        return false;
    p->at += 2;
    return true;
}

static tmpl_node *comparison(tmpl_parser *p)
{
    size_t at = ogi_tp_peek(p)->at;
    tmpl_node *n = sum(p);
    tmpl_compare op;
    chain c = { 0 };
    for (size_t op_at = ogi_tp_peek(p)->at; !ogi_tv_failed(p->h) && take_compare(p, &op);
         op_at = ogi_tp_peek(p)->at) {
        tmpl_node *operand = ogi_tp_node(p, N_OPERAND, op_at, sum(p), NULL, NULL);
        if (operand) operand->op = (unsigned char)op;
        append(&c, operand);
    }
    return c.first ? ogi_tp_node(p, N_COMPARE, at, n, c.first, NULL) : n;
}

static tmpl_node *negation(tmpl_parser *p)
{
    size_t at = ogi_tp_peek(p)->at;
    int n_not = 0;
    for (; ogi_tp_take_name(p, "not"); n_not++)
        if (n_not >= TMPL_MAX_PARSE_DEPTH) return ogi_tp_expected(p, "fewer 'not'");
    tmpl_node *n = comparison(p);
    while (n_not-- > 0 && n) n = ogi_tp_node(p, N_NOT, at, n, NULL, NULL);
    return n;
}

static tmpl_node *conjunction(tmpl_parser *p)
{
    tmpl_node *n = negation(p);
    while (!ogi_tv_failed(p->h) && ogi_tp_is_name(p, "and")) {
        size_t at = p->tok[p->at++].at;
        n = ogi_tp_node(p, N_AND, at, n, negation(p), NULL);
    }
    return n;
}

tmpl_node *ogi_tp_expr_no_cond(tmpl_parser *p)
{
    tmpl_node *n = ogi_tp_enter(p) ? conjunction(p) : NULL;
    while (!ogi_tv_failed(p->h) && ogi_tp_is_name(p, "or")) {
        size_t at = p->tok[p->at++].at;
        n = ogi_tp_node(p, N_OR, at, n, conjunction(p), NULL);
    }
    ogi_tp_leave(p);
    return ogi_tv_failed(p->h) ? NULL : n;
}

/* Inside a condition unknown filters are an error only when they are reached. */
static tmpl_node *soft_expr(tmpl_parser *p)
{
    p->soft++;
    tmpl_node *n = ogi_tp_expr_no_cond(p);
    p->soft--;
    return n;
}

tmpl_node *ogi_tp_expr(tmpl_parser *p)
{
    const tmpl_node *unknown = p->unknown;
    tmpl_node *n = ogi_tp_expr_no_cond(p);
    while (!ogi_tv_failed(p->h) && ogi_tp_is_name(p, "if")) {
        size_t at = p->tok[p->at++].at;
        p->unknown = unknown; /* n was inside a condition */
        tmpl_node *condition = soft_expr(p), *otherwise = NULL;
        if (!ogi_tv_failed(p->h) && ogi_tp_take_name(p, "else")) {
            p->soft++;
            if (ogi_tp_enter(p)) otherwise = ogi_tp_expr(p);
            ogi_tp_leave(p);
            p->soft--;
        }
        n = ogi_tp_node(p, N_COND, at, n, condition, otherwise);
    }
    return ogi_tv_failed(p->h) ? NULL : n;
}

/* ---- targets of assignments ---- */

static tmpl_node *single_target(tmpl_parser *p, bool with_namespace)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    if (ogi_tp_take_op(p, '(')) {
        tmpl_node *n = ogi_tp_enter(p) ? ogi_tp_target(p, with_namespace) : NULL;
        ogi_tp_leave(p);
        ogi_tp_want_op(p, ')');
        return n;
    }
    ogi_sv s = ogi_tp_want_name(p);
    static const char *const constants[] = { "true", "false", "none", "True", "False", "None" };
    for (int i = 0; i < OGI_LEN(constants); i++)
        if (ogi_sv_eq(s, ogi_sv_of(constants[i]))) return p->at--, ogi_tp_expected(p, "a variable");
    bool is_attr = with_namespace && ogi_tp_take_op(p, '.');
    tmpl_node *n = ogi_tp_node(p, is_attr ? N_NSREF : N_NAME, t->at, NULL, NULL, NULL);
    if (n) n->name = s;
    if (n && is_attr) {
        ogi_sv attr = ogi_tp_want_name(p);
        n->a = constant(p, t->at, ogi_tv_str(p->h, attr, true));
    }
    return n;
}

tmpl_node *ogi_tp_target(tmpl_parser *p, bool with_namespace)
{
    size_t at = ogi_tp_peek(p)->at;
    tmpl_node *n = single_target(p, with_namespace);
    if (!n || !ogi_tp_is_op(p, ',')) return n;
    chain c = { 0 };
    append(&c, n);
    while (!ogi_tv_failed(p->h) && ogi_tp_take_op(p, ',')) {
        if (ogi_tp_is_op(p, ')')) break;
        append(&c, single_target(p, with_namespace));
    }
    return ogi_tp_node(p, N_TUPLE, at, c.first, NULL, NULL);
}
