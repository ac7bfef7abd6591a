/* SPDX-License-Identifier: MIT
 *
 * A loaded tokenizer from inside, and the encoders of its kinds: one file each. */
#ifndef OG_TEXT_TOKENIZER_IMPL_H
#define OG_TEXT_TOKENIZER_IMPL_H

#include "text/tokenizer/hf/hf.h"
#include "text/tokenizer/load.h"
#include "text/tokenizer/merge.h"
#include "text/tokenizer/pre.h"
#include "text/tokenizer/trie.h"
#include "text/tokenizer/vocab.h"

struct og_tokenizer {
    og_ctx *ctx; /* of the load: for freeing only */
    ogi_vocab v;
    ogi_splitter splitter; /* BPE */
    ogi_merges merges;     /* BPE, SPM */
    ogi_trie tokens;       /* WPM, UGM, RWKV, PLaMo2 */
    ogi_trie user_defined; /* UGM: texts that normalization leaves alone */
    ogi_trie special;      /* tokens that are cut out of any text before the kind sees it */
    int n_special_length;
    int32_t *special_length; /* their lengths, longest first */
    const double *score;     /* UGM: of each token */
    double unknown_score;    /* UGM: of a character that no token covers */
    ogi_hf *hf;              /* from a tokenizer.json; NULL: from a GGUF file */
};

/* One call: buffers, and where the ids go. */
typedef struct ogi_encoder {
    const og_tokenizer *t;
    og_ctx *ctx;
    og_tokens *out;
    ogi_merger merger;
    ogi_split split;
    ogi_buf clean, work;
    ogi_split hf_split[OGI_HF_STEPS]; /* tokenizer.json: of each step */
    ogi_buf hf_buf[OGI_HF_STEPS];
} ogi_encoder;

/* Appends the ids of one fragment without special tokens. at_start: nothing or a special token
 * stands before it. */
og_status ogi_encode_bpe(ogi_encoder *e, ogi_sv text);
og_status ogi_encode_spm(ogi_encoder *e, ogi_sv text, bool at_start);
og_status ogi_encode_wpm(ogi_encoder *e, ogi_sv text);
og_status ogi_encode_ugm(ogi_encoder *e, ogi_sv text);
og_status ogi_encode_rwkv(ogi_encoder *e, ogi_sv text);
og_status ogi_encode_plamo2(ogi_encoder *e, ogi_sv text);

/* A whole text by a tokenizer.json. trusted as in ogi_cut_specials(). */
og_status ogi_encode_hf(ogi_encoder *e, ogi_sv text, bool parse, const unsigned char *trusted);
og_status ogi_hf_add_unknown(ogi_encoder *e); /* the token of what the model does not know */

/* Parts that tokenizer.json uses alone: the best cover of a piece; SentencePiece's table applied to
 * a text. */
enum { OGI_UGM_UNKNOWN_PENALTY = 10 }; /* SentencePiece's */
og_status ogi_ugm_cover(ogi_encoder *e, ogi_sv piece);
void ogi_apply_charsmap(const ogi_vocab *v, ogi_sv text, ogi_buf *out);

/* What each kind needs beside the vocabulary. */
og_status ogi_build_bpe(og_ctx *ctx, og_tokenizer *t);
og_status ogi_build_spm(og_ctx *ctx, og_tokenizer *t);
og_status ogi_build_wpm(og_ctx *ctx, og_tokenizer *t);
og_status ogi_build_ugm(og_ctx *ctx, og_tokenizer *t);
og_status ogi_build_rwkv(og_ctx *ctx, og_tokenizer *t);
og_status ogi_build_plamo2(og_ctx *ctx, og_tokenizer *t);
og_status ogi_build_hf(og_ctx *ctx, og_tokenizer *t);

/* text with spaces as U+2581 if the vocabulary wants that, cleaned of invalid UTF-8; the result is
 * text itself or lies in e's buffers. */
og_status ogi_clean_text(ogi_encoder *e, ogi_sv text, bool escape, ogi_sv *out);

/* A text cut at special tokens: raw parts and tokens, in order. */
typedef struct ogi_fragment {
    int64_t at, n;
    int32_t token; /* -1: raw text */
} ogi_fragment;

typedef struct ogi_fragments {
    ogi_fragment *part;
    int64_t n, cap;
} ogi_fragments;

/* trusted[i]: may byte i be part of a control token; NULL: all (parse) or none. */
og_status ogi_cut_specials(og_ctx *ctx, const og_tokenizer *t, ogi_sv text, bool parse,
                           const unsigned char *trusted, ogi_fragments *out);
og_status ogi_build_specials(og_ctx *ctx, og_tokenizer *t);

#endif
