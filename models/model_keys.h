/* SPDX-License-Identifier: MIT
 *
 * The numbers in the header of a model's text: keys of the model's file, and what follows from
 * them (docs/form.md). */
#ifndef OG_MODELS_MODEL_KEYS_H
#define OG_MODELS_MODEL_KEYS_H

#include "graph/form_lex.h"
#include "models/model.h"

enum { OGI_MAX_NUMBER = 256 };

/* A number of the model, or a list of n. */
typedef struct ogi_number {
    ogi_sv name;
    double *value;
    int64_t n; /* 0: one number, no list */
} ogi_number;

typedef struct ogi_numbers {
    ogi_model *m; /* whose file has the keys, and whose memory the numbers */
    ogi_number number[OGI_MAX_NUMBER];
    int n;
} ogi_numbers;

/* "N[count] : lo..hi = a.b|c.d else EXPR", behind the word "key"; "N[count] = EXPR", behind "let".
 * Expressions see the numbers above through x's contract. */
og_status ogi_number_key(ogi_numbers *s, ogi_lex *x);
og_status ogi_number_let(ogi_numbers *s, ogi_lex *x);

/* As ogi_form_contract.number. */
bool ogi_number_find(const ogi_numbers *s, ogi_sv name, int64_t index, bool is_indexed,
                     double *out);

#endif
