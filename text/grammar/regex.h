/* SPDX-License-Identifier: MIT
 *
 * Regular expressions as expressions of a grammar. */
#ifndef OG_TEXT_GRAMMAR_REGEX_H
#define OG_TEXT_GRAMMAR_REGEX_H

#include "text/grammar/grammar.h"

/* A set of characters that grows; zero it first (but for ctx). */
typedef struct ogi_charset {
    og_ctx *ctx;
    ogi_char_range *range;
    int64_t n, cap;
    bool failed;
} ogi_charset;

void ogi_charset_add(ogi_charset *s, uint32_t low, uint32_t high);
void ogi_charset_sort(ogi_charset *s);   /* sorted, disjoint */
void ogi_charset_invert(ogi_charset *s); /* all other characters */
bool ogi_charset_has(const ogi_charset *s, uint32_t c);
void ogi_charset_free(ogi_charset *s);

/* One character of the set as it may be spelled inside a JSON string: plain where that is allowed,
 * otherwise by its shortest escape. s is sorted. */
ogi_expr *ogi_expr_json_char(ogi_rules *r, const ogi_charset *s);

typedef struct ogi_regex_options {
    bool is_json;      /* matches the characters that a JSON string spells */
    bool is_counted;   /* each character is a unit */
    bool is_search;    /* without anchors anything may stand before and after */
    const char *where; /* stands before the message of errors */
} ogi_regex_options;

og_status ogi_regex_parse(og_ctx *ctx, ogi_rules *r, const char *text, size_t n,
                          const ogi_regex_options *opt, ogi_expr **out);

#endif
