/* SPDX-License-Identifier: MIT
 *
 * For tests of constraints on tool calls: tools, vocabularies made by hand, matchers. */
#ifndef OGT_TOOLCALL_VOCAB_H
#define OGT_TOOLCALL_VOCAB_H

#include "text/chat/toolcall_body.h"
#include "text/chat/toolcall_grammar.h"

/* "expr" first in every order: of the schema, of the alphabet, required ones first */
#define OGT_CALC_PARAMETERS                                                                        \
    "{\"type\":\"object\",\"properties\":{\"expr\":{\"type\":\"string\",\"description\":\"d\"},"   \
    "\"opts\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"},"               \
    "\"description\":\"d\"},\"size\":{\"type\":\"integer\",\"description\":\"d\"},"                \
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"d\"},"         \
    "\"unit\":{\"type\":\"string\",\"enum\":[\"m\",\"km\"],\"description\":\"d\"}},"               \
    "\"required\":[\"expr\"]}"
#define OGT_TOOLS                                                                                  \
    "[{\"type\":\"function\",\"function\":{\"name\":\"calc\",\"description\":\"d\","               \
    "\"parameters\":" OGT_CALC_PARAMETERS "}},"                                                    \
    "{\"type\":\"function\",\"function\":{\"name\":\"calm\",\"description\":\"d\","                \
    "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]"

/* ---- a context, a grammar, a matcher ---- */

typedef struct ogt_constrained {
    og_ctx *ctx;
    og_grammar *g;
    og_matcher *m;
} ogt_constrained;

ogt_constrained ogt_constrain(const char *format, const char *tools, ogi_toolcall_choice choice,
                              const og_vocab_view *vocab);
void ogt_constrained_free(ogt_constrained *x);
/* How much of the text goes in; *complete: whether it may end there. */
size_t ogt_feed_text(og_matcher *m, const char *text, bool *complete);
bool ogt_accepts(og_matcher *m, const char *text);

/* ---- vocabularies ---- */

enum { OGT_MAX_TOKENS = 400, OGT_END_TOKEN = 0, OGT_FIRST_BYTE = 1, OGT_FIRST_WORD = 257 };

/* Every byte, words, marks; the marks are control tokens or text. */
typedef struct ogt_vocab {
    og_vocab_view view;
    char piece[OGT_MAX_TOKENS][128];
    size_t n[OGT_MAX_TOKENS];
    bool is_control[OGT_MAX_TOKENS], is_end[OGT_MAX_TOKENS];
} ogt_vocab;

/* Free with free(). */
ogt_vocab *ogt_vocab_new(const ogi_toolcall_format *f, bool is_control);
int32_t ogt_vocab_find(const ogt_vocab *v, const char *piece);
bool ogt_has_bit(const uint32_t *bits, int32_t i);

/* ---- calls read back ---- */

typedef struct ogt_heard {
    char name[64], arguments[8192]; /* of the last call */
    int n_call;
} ogt_heard;

/* The calls in an answer, their tools being OGT_TOOLS. */
ogt_heard ogt_read_calls(const ogi_toolcall_format *f, const char *text, size_t n);
ogt_heard ogt_read_calls_of(const ogi_toolcall_format *f, const char *tools, const char *text,
                            size_t n);

#endif
