/* SPDX-License-Identifier: MIT
 *
 * Characters as Hugging Face's `tokenizers` 0.23 sees them: its parts carry different versions of
 * Unicode (8 for punctuation and BERT, 12 for normal forms, 16 and 17 for the rest), and here lies
 * in which characters they differ from utf8proc's 15. */
#ifndef OG_TEXT_UNICODE_HF_H
#define OG_TEXT_UNICODE_HF_H

#include <stdbool.h>
#include <stdint.h>

int ogi_hf_category(uint32_t cp);        /* general category, numbered as utf8proc does */
bool ogi_hf_is_word(uint32_t cp);        /* \w of the Whitespace pre-tokenizer */
bool ogi_hf_is_regex_word(uint32_t cp);  /* \w of patterns in the file */
bool ogi_hf_is_numeric(uint32_t cp);     /* for Digits */
bool ogi_hf_is_punctuation(uint32_t cp); /* for Punctuation and BERT */
bool ogi_hf_is_control(uint32_t cp);     /* what BERT drops from a text */
bool ogi_hf_is_bert_accent(uint32_t cp); /* non-spacing marks */
bool ogi_hf_is_mark(uint32_t cp);        /* for StripAccents */
bool ogi_hf_is_nmt_control(uint32_t cp); /* what Nmt drops */
bool ogi_hf_is_nmt_space(uint32_t cp);   /* what it makes a space */
bool ogi_hf_is_ideograph(uint32_t cp);   /* what BERT isolates */
bool ogi_hf_is_inert(uint32_t cp);       /* too new to take part in normal forms */
bool ogi_hf_has_script(uint32_t cp);     /* space, and what came after Unicode 9, has none */
uint32_t ogi_hf_lower(uint32_t cp);      /* lower case; U+0130, which has two, as it is */

#endif
