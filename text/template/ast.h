/* SPDX-License-Identifier: MIT
 *
 * Tokens and syntax tree of a template. The tree is bounded in depth (MAX_TREE_DEPTH), so that the
 * evaluator may recurse over it; both live in the heap of the template. */
#ifndef OG_TEXT_TEMPLATE_AST_H
#define OG_TEXT_TEMPLATE_AST_H

#include "text/template/builtin.h"

enum {
    TMPL_MAX_TREE_DEPTH = 600,  /* of a tree, chains such as a + b + c... included */
    TMPL_MAX_PARSE_DEPTH = 150, /* brackets and blocks inside one another */
    TMPL_MAX_SOURCE = 1 << 20,
};

typedef enum tmpl_tok_kind {
    TK_EOF,
    TK_DATA,
    TK_VAR_BEGIN,
    TK_VAR_END,
    TK_BLOCK_BEGIN,
    TK_BLOCK_END,
    TK_NAME,
    TK_STRING, /* text is what stands between the quotes */
    TK_INT,
    TK_FLOAT,
    TK_OP, /* op holds the characters: one, or two packed with OP2 */
} tmpl_tok_kind;

#define OP2(a, b) ((a) << 8 | (b))

typedef struct tmpl_tok {
    tmpl_tok_kind kind;
    int op;
    size_t at; /* offset in the source */
    ogi_sv text;
} tmpl_tok;

/* Splits h->source into tokens, the last is TK_EOF; NULL and an error in h if that fails. */
tmpl_tok *ogi_tp_lex(tmpl_heap *h, int64_t *n);
/* Newlines become \n, one at the end is dropped. */
ogi_sv ogi_tp_normalise(tmpl_heap *h, ogi_sv source);
/* What stands between the quotes of a string literal, escapes decoded. */
void ogi_tp_unescape(tmpl_sb *b, ogi_sv raw);

typedef enum tmpl_node_kind {
    /* expressions */
    N_CONST,   /* value */
    N_NAME,    /* name */
    N_LIST,    /* a: items */
    N_TUPLE,   /* a: items */
    N_DICT,    /* a: key, value, key, value ... */
    N_COND,    /* a if b else c */
    N_OR,      /* a or b */
    N_AND,     /* a and b */
    N_NOT,     /* not a */
    N_COMPARE, /* a, then b: list of N_OPERAND */
    N_OPERAND, /* op a */
    N_BINARY,  /* a op b */
    N_NEG,
    N_POS,
    N_CONCAT,  /* a: items */
    N_GETATTR, /* a.name */
    N_GETITEM, /* a[b] */
    N_SLICE,   /* a:b:c, any may be NULL */
    N_CALL,    /* a(b: arguments) */
    N_FILTER,  /* a | name(b); a may be NULL: what the block holds */
    N_TEST,    /* a is name(b) */
    N_KWARG,   /* name=a, in arguments */
    N_STAR,    /* *a */
    N_STARSTAR,
    N_NSREF, /* name.attr as a target: name, a = N_CONST attr */
    /* statements; lists of them are chained by next */
    N_DATA,        /* value */
    N_OUTPUT,      /* a */
    N_IF,          /* a: condition, b: body, c: else (statements) */
    N_FOR,         /* a: target, b: iterable, c: body, d: else, e: condition */
    N_SET,         /* a: target, b: value */
    N_SETBLOCK,    /* a: target, b: filters or NULL, c: body */
    N_MACRO,       /* name, a: params (N_PARAM), c: body */
    N_PARAM,       /* name, a: default or NULL */
    N_CALLBLOCK,   /* a: params, b: N_CALL, c: body */
    N_FILTERBLOCK, /* b: filters, c: body */
    N_WITH,        /* a: N_SET list, c: body */
    N_SCOPE,       /* c: body (generation) */
    N_BREAK,
    N_CONTINUE,
} tmpl_node_kind;

typedef enum tmpl_compare {
    TCMP_EQ,
    TCMP_NE,
    TCMP_LT,
    TCMP_LE,
    TCMP_GT,
    TCMP_GE,
    TCMP_IN,
    TCMP_NOT_IN
} tmpl_compare;

typedef struct tmpl_node {
    unsigned char kind; /* tmpl_node_kind */
    unsigned char op;   /* tmpl_op, tmpl_compare */
    bool flag;          /* N_FOR recursive; N_MACRO, N_CALLBLOCK: uses caller, see uses */
    unsigned char uses; /* N_MACRO: 1 caller, 2 varargs, 4 kwargs */
    int depth;          /* of the tree below */
    size_t at;
    ogi_sv name;
    tmpl_val value;
    const tmpl_builtin *fn; /* N_FILTER, N_TEST; NULL = unknown, told when it is run */
    struct tmpl_node *a, *b, *c, *d, *e, *next;
} tmpl_node;

/* Parser state, shared by expressions (parse_expr.c) and statements. */
typedef struct tmpl_parser {
    tmpl_heap *h;
    const tmpl_tok *tok;
    int64_t at;
    int depth;                /* recursion of the parser */
    int soft;                 /* inside a condition: unknown filters are told at run time */
    const tmpl_node *unknown; /* the first unknown filter or test outside of conditions */
    int loop_depth;           /* for break and continue */
    unsigned char uses;       /* what the macro being parsed uses */
} tmpl_parser;

tmpl_node *ogi_tp_node(tmpl_parser *p, tmpl_node_kind kind, size_t at, tmpl_node *a, tmpl_node *b,
                       tmpl_node *c);
/* Errors are sticky in p->h; NULL is returned then. */
tmpl_node *ogi_tp_expr(tmpl_parser *p);
tmpl_node *ogi_tp_expr_no_cond(tmpl_parser *p);
/* An expression, or a tuple without parentheses. */
tmpl_node *ogi_tp_tuple(tmpl_parser *p, bool with_cond);
tmpl_node *ogi_tp_target(tmpl_parser *p, bool with_namespace);
tmpl_node *ogi_tp_primary(tmpl_parser *p);
tmpl_node *ogi_tp_postfix(tmpl_parser *p, tmpl_node *n);
/* |a|b(1) applied to n; at least one if first_given (its bar is already taken). */
tmpl_node *ogi_tp_filters(tmpl_parser *p, tmpl_node *n, bool first_given);
tmpl_node *ogi_tp_unary(tmpl_parser *p);

static inline const tmpl_tok *ogi_tp_peek(const tmpl_parser *p)
{
    return &p->tok[p->at];
}
bool ogi_tp_is_op(const tmpl_parser *p, int op);
bool ogi_tp_take_op(tmpl_parser *p, int op);
bool ogi_tp_is_name(const tmpl_parser *p, const char *name);
bool ogi_tp_take_name(tmpl_parser *p, const char *name);
void ogi_tp_want_op(tmpl_parser *p, int op);
ogi_sv ogi_tp_want_name(tmpl_parser *p);
/* "expected X, got Y" at the current token. */
tmpl_node *ogi_tp_expected(tmpl_parser *p, const char *what);
bool ogi_tp_enter(tmpl_parser *p);
static inline void ogi_tp_leave(tmpl_parser *p)
{
    p->depth--;
}

/* The statements of the whole template. */
tmpl_node *ogi_tp_parse(tmpl_heap *h);

#endif
