/* SPDX-License-Identifier: MIT
 *
 * How models write what they think before they answer: between which marks. */
#ifndef OG_TEXT_CHAT_REASONING_H
#define OG_TEXT_CHAT_REASONING_H

#include "base/buf.h"

enum { OGI_REASONING_DROPS = 4 };

typedef struct ogi_reasoning {
    const char *name;
    const char *sign; /* is in the source of the template */
    const char *open, *close;
    bool is_anywhere; /* open counts also behind other text: no text spells it by chance */
    const char *off;  /* JSON object of variables that keep it short, where it cannot be off */
    const char *drop[OGI_REASONING_DROPS]; /* other marks around parts of an answer; up to NULL */
} ogi_reasoning;

/* The format whose sign is in a template's source, NULL if none. */
const ogi_reasoning *ogi_reasoning_detect(ogi_sv source);
/* A format by name, NULL if unknown; and the i-th, NULL at the end. */
const ogi_reasoning *ogi_reasoning_find(const char *name);
const ogi_reasoning *ogi_reasoning_at(int i);

/* Does a text that ends in `tail`, written by the template, leave reasoning open? */
bool ogi_reasoning_is_open(const ogi_reasoning *r, ogi_sv tail);

#endif
