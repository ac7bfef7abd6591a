/* SPDX-License-Identifier: MIT
 *
 * The inside of grammars. A front end (GBNF, schema, regular expression) builds expressions over
 * characters; the compiler turns each rule into a deterministic automaton over bytes whose edges
 * are byte ranges, tokens, or calls of other rules; matchers keep sets of stacks of its states.
 *
 *   expr.c     building expressions
 *   gbnf.c, regex.c, text/schema   front ends
 *   compile.c  expressions -> automaton
 *   trie.c     the vocabulary as a tree of bytes
 *   matcher.c          stacks, and their moves on bytes and tokens
 *   count.c    texts of so many units
 *   both.c     texts that two expressions match
 *   alike.c    states that behave alike for as long as a token is
 *   matcher_state.c    which tokens may follow a state
 *   matcher_mask.c     which tokens may follow
 *   matcher_names.c    names in JSON objects, which must differ
 *   text.c     free text and the marks in it
 *   matcher_wait.c     constraints that begin later */
#ifndef OG_TEXT_GRAMMAR_GRAMMAR_H
#define OG_TEXT_GRAMMAR_GRAMMAR_H

#include "base/arena.h"
#include "base/map.h"
#include "oxigraph/grammar.h"

/* ---- expressions ---- */

enum {
    OGI_CHAR_MAX = 0x10ffff,
    /* Negated classes reach further: through the bytes F5 to FF, which begin no character but
     * which the first implementation lets through, too. og_matcher_mask_logits does not. */
    OGI_CHAR_BEYOND_FIRST = 0x140000,
    OGI_CHAR_BEYOND = 0x3fffff,
    OGI_EXPR_MAX_DEPTH = 512,       /* nesting; what walks expressions recurses this deep */
    OGI_EXPR_MAX_NODES = 600000,    /* some 70 MB */
    OGI_GRAMMAR_MAX_TEXT = 8 << 20, /* bytes of source */
    OGI_GRAMMAR_MAX_STATES = 400000,
    OGI_GRAMMAR_MAX_NFA = 1 << 19, /* of one rule */
};

typedef enum ogi_expr_kind {
    OGI_EXPR_EMPTY,
    OGI_EXPR_BYTES,
    OGI_EXPR_CLASS, /* one character */
    OGI_EXPR_SEQ,
    OGI_EXPR_ALT, /* without children: nothing matches */
    OGI_EXPR_REPEAT,
    OGI_EXPR_RULE,
    OGI_EXPR_TOKEN,
    OGI_EXPR_TEXT,  /* free text up to a mark */
    OGI_EXPR_COUNT, /* what matches the child with min to max units */
    OGI_EXPR_BOTH,  /* what both children match */
    OGI_EXPR_UNIT,  /* the end of a unit inside COUNT: matches nothing */
} ogi_expr_kind;

typedef struct ogi_char_range {
    uint32_t low, high; /* inclusive */
} ogi_char_range;

/* One parent each. */
typedef struct ogi_expr {
    ogi_expr_kind kind;
    int depth;                            /* of the tree below, itself included */
    struct ogi_expr *child, *last, *next; /* SEQ ALT REPEAT COUNT BOTH; siblings */
    const char *bytes;                    /* BYTES, TEXT: the mark; COUNT: where it is */
    size_t n;
    const ogi_char_range *range; /* CLASS: sorted, disjoint */
    int32_t n_range;
    int32_t rule;     /* RULE */
    int32_t token;    /* TOKEN */
    bool is_negated;  /* TOKEN: any other token */
    bool is_spelled;  /* TOKEN: texts may hold its piece instead; masks do not */
    bool is_any;      /* TEXT: of any bytes and control tokens, else of characters */
    bool has_mark;    /* TEXT: the mark ends it, else it is nowhere in it */
    bool is_first;    /* TEXT: the mark counts only where the text begins */
    int32_t min, max; /* REPEAT COUNT; max -1: no end */
} ogi_expr;

typedef struct ogi_rule {
    ogi_sv name;
    ogi_expr *body;     /* NULL: not defined yet */
    bool is_call;       /* never expanded in place */
    bool is_json;       /* matches JSON, whose names must differ */
    bool is_impossible; /* a schema that nothing matches */
} ogi_rule;

/* A token that is no text, with the bytes by which texts show it. */
typedef struct ogi_control {
    int32_t token;
    bool is_end;
    const char *piece;
    size_t n;
} ogi_control;

/* Rules under construction. Builders that fail return NULL, given NULL they return NULL, and no
 * rules compile once one has failed; so front ends need not check each. */
typedef struct ogi_rules {
    og_ctx *ctx;
    ogi_arena arena;
    ogi_map by_name;
    ogi_rule *rule;
    int64_t n, cap, n_expr;
    bool failed;                /* some builder did; the error is in the context */
    bool is_tracking_names;     /* texts are JSON whose objects have free names */
    bool has_json_parts;        /* only what rules with is_json match is JSON */
    const ogi_control *control; /* borrowed: those that free text and marks know */
    int32_t n_control, n_mark;  /* the first n_mark of them may be in marks */
} ogi_rules;

void ogi_rules_init(ogi_rules *r, og_ctx *ctx);
void ogi_rules_free(ogi_rules *r);
/* The rule of that name, made where it is missing; -1 on failure. The name is copied. */
int32_t ogi_rules_get(ogi_rules *r, ogi_sv name);
int32_t ogi_rules_new(ogi_rules *r); /* nameless */

ogi_expr *ogi_expr_empty(ogi_rules *r);
ogi_expr *ogi_expr_bytes(ogi_rules *r, const char *p, size_t n); /* copied */
ogi_expr *ogi_expr_text(ogi_rules *r, const char *s);
/* The ranges may overlap and come in any order. */
ogi_expr *ogi_expr_class(ogi_rules *r, const ogi_char_range *range, int64_t n, bool is_negated);
ogi_expr *ogi_expr_seq(ogi_rules *r); /* empty list: add children */
ogi_expr *ogi_expr_alt(ogi_rules *r);
ogi_expr *ogi_expr_add(ogi_rules *r, ogi_expr *list, ogi_expr *child); /* returns list */
ogi_expr *ogi_expr_repeat(ogi_rules *r, ogi_expr *child, int32_t min, int32_t max);
/* Texts of child, in which ogi_expr_unit ends each unit, with min to max of them. where: begins the
 * errors that come of it when it is compiled; kept. */
ogi_expr *ogi_expr_count(ogi_rules *r, ogi_expr *child, int32_t min, int32_t max,
                         const char *where);
ogi_expr *ogi_expr_unit(ogi_rules *r);
/* Inside COUNT: what a and b match, neither of which has rules or tokens. Units are those of a. */
ogi_expr *ogi_expr_both(ogi_rules *r, ogi_expr *a, ogi_expr *b);
ogi_expr *ogi_expr_rule(ogi_rules *r, int32_t rule);
ogi_expr *ogi_expr_token(ogi_rules *r, int32_t token, bool is_negated);
/* Characters up to the first occurrence of the mark, which is taken too. */
ogi_expr *ogi_expr_until(ogi_rules *r, ogi_sv mark);
/* Bytes of characters in which the mark is nowhere; that they are characters is for the other side
 * of ogi_expr_both to say. */
ogi_expr *ogi_expr_without(ogi_rules *r, ogi_sv mark);
/* Whatever a model writes: up to the mark, or without it (an empty mark: everything). is_first: a
 * mark that does not stand where the text begins, blanks aside, is text. */
ogi_expr *ogi_expr_anything(ogi_rules *r, ogi_sv mark, bool has_mark, bool is_first);
/* A literal; control tokens in it are those tokens in tokens, their pieces in texts. */
ogi_expr *ogi_expr_marks(ogi_rules *r, ogi_sv text);

/* Appends the UTF-8 of c. */
void ogi_put_utf8(ogi_buf *b, uint32_t c);
/* The character at p, its length in *n; 0 bytes if it is no UTF-8. */
uint32_t ogi_get_utf8(const char *p, size_t size, size_t *n);

/* ---- automaton ---- */

typedef struct ogi_edge {
    uint8_t low, high;
    int32_t to;
} ogi_edge;

typedef struct ogi_call {
    int32_t start; /* state of the rule called */
    int32_t back;  /* where it goes on */
    int32_t rule;
} ogi_call;

enum { OGI_TOKEN_OTHER = -1 };

typedef struct ogi_token_edge {
    int32_t token; /* OGI_TOKEN_OTHER: tokens without text that no other edge of the state takes */
    int32_t to;
    bool is_negated, is_spelled;
    uint8_t first; /* is_spelled: the piece's first byte, and the state behind it */
    int32_t spelled;
} ogi_token_edge;

typedef struct ogi_state {
    int32_t edge, call, token; /* the first of each; the next state's first ends them */
    bool is_end;               /* the rule may end here */
    bool is_json;              /* inside a rule that is JSON */
} ogi_state;

/* The tokens that a state lets through before its rule ends, and where rules end inside tokens. */
typedef struct ogi_state_mask {
    int32_t *token; /* n_token ids, if bits is NULL */
    uint32_t *bits;
    int32_t n_token;
    int32_t *end; /* rising trie nodes with children, where the rule of the state may end */
    int32_t n_end;
    bool is_known;
} ogi_state_mask;

struct og_grammar {
    og_ctx *ctx;
    ogi_state *state; /* n_state + 1 */
    int32_t n_state;
    ogi_edge *edge;
    ogi_call *call;
    ogi_token_edge *token;
    int32_t n_edge, n_call, n_token;
    int64_t edge_cap, call_cap, token_cap, state_cap;
    int32_t start;
    bool is_tracking_names; /* no object may repeat a name (matcher_names.h) */
    bool has_json_parts;    /* that holds in states with is_json alone */
    const og_vocab_view *vocab;
    struct ogi_token_trie *trie; /* NULL without a vocabulary */
    struct ogi_alike *alike;     /* NULL without a vocabulary */
    int32_t *twin;               /* of each state: the first with the same mask */
    int32_t *like;               /* of each class of two bytes: a state with a mask, or -1 */
    ogi_state_mask *mask;        /* n_state, of some twins, prepared in advance */
};

/* Compiles all rules reachable from root and checks every rule for left recursion and undefined
 * names; prepares masks if vocab is given. */
og_status ogi_grammar_compile(og_ctx *ctx, const ogi_rules *r, int32_t root,
                              const og_vocab_view *vocab, og_grammar **out);

/* ---- vocabulary ---- */

/* Pieces of all text tokens as a tree, in preorder: node i's subtree is [i, skip[i]). */
typedef struct ogi_token_trie {
    og_ctx *ctx;
    int32_t n; /* nodes; 0 is the root */
    uint8_t *byte;
    uint8_t *depth;  /* of the node, at most 255 */
    uint8_t *height; /* of its subtree: bytes of the longest way down */
    int32_t *skip;
    int32_t *token_at; /* n + 1: tokens that end at the node, in token[] */
    int32_t *token;
    int32_t n_vocab, n_word; /* words of a mask */
    uint32_t *end_bits;      /* end-of-generation tokens */
    int32_t *quoted;         /* tokens with one quote and no backslash */
    int32_t *tricky;         /* tokens with a quote and another one or a backslash */
    int32_t n_tricky, n_quoted;
    uint32_t *broken_bits; /* tokens with bytes that no UTF-8 text holds */
    uint32_t *text_bits;   /* tokens that a negated token terminal may match */
    uint32_t *other_bits;  /* tokens that are neither in the tree nor end tokens */
} ogi_token_trie;

enum { OGI_TRIE_MAX_DEPTH = 255 }; /* longer pieces are never allowed */

og_status ogi_token_trie_build(og_ctx *ctx, const og_vocab_view *vocab, ogi_token_trie **out);
void ogi_token_trie_free(ogi_token_trie *t);

/* ---- matcher ---- */

/* Finds twins and fills the masks of states, cheapest use of time first, within a budget.
 * is_empty: of each rule, whether it may match nothing. */
og_status ogi_grammar_prepare_masks(og_grammar *g, const bool *is_empty);
void ogi_state_mask_free(og_ctx *ctx, ogi_state_mask *m);

#endif
