/* SPDX-License-Identifier: MIT
 *
 * A vocabulary: tokens with their scores and attributes, special ids, flags, and the text of each
 * token as it is printed. Read-only once loaded; it owns all of its text. */
#ifndef OG_TEXT_TOKENIZER_VOCAB_H
#define OG_TEXT_TOKENIZER_VOCAB_H

#include "base/arena.h"
#include "base/map.h"
#include "formats/gguf.h"
#include "oxigraph/tokenizer.h"

/* Real tokens have a few hundred bytes at most; matching may take this long at each place. */
enum { OGI_TOKEN_TEXT_MAX = 4096 };

typedef enum ogi_vocab_kind {
    OGI_VOCAB_BPE,
    OGI_VOCAB_SPM,
    OGI_VOCAB_WPM,
    OGI_VOCAB_UGM,
    OGI_VOCAB_RWKV,
    OGI_VOCAB_PLAMO2,
    OGI_VOCAB_KIND_COUNT
} ogi_vocab_kind;

typedef struct ogi_token {
    ogi_sv text;  /* as the file spells it; NUL-terminated */
    ogi_sv piece; /* as it is printed, control tokens spelled out */
    float score;
    unsigned attr;
} ogi_token;

typedef struct ogi_vocab {
    og_ctx *ctx; /* of the load: for freeing only */
    ogi_arena arena;
    ogi_vocab_kind kind;
    const char *source; /* file, for messages */
    const struct ogi_pre *pre;
    int32_t n;
    ogi_token *token;
    ogi_map by_text;         /* the last of equal texts, as in the reference */
    int32_t byte_token[256]; /* -1: none */
    int32_t special[OG_SPECIAL_COUNT];
    bool flag[OG_TOKENIZER_FLAG_COUNT];
    unsigned char *is_eog; /* n */
    ogi_sv *merge;         /* BPE: "left right", in order of rank */
    int64_t n_merge;
    const unsigned char *charsmap; /* UGM: normalization table, charsmap_size bytes */
    int64_t charsmap_size;
} ogi_vocab;

/* Reads the tokenizer.* keys of f. v is zeroed and freed with ogi_vocab_free() in any case. */
og_status ogi_vocab_load(og_ctx *ctx, const ogi_gguf *f, ogi_vocab *v);
void ogi_vocab_free(ogi_vocab *v);

/* For loaders: sets up by_text once all texts stand; then, with the ids and attributes that the
 * file gives, finds what texts alone tell (end of turn, fill-in-the-middle, end of generation). */
og_status ogi_vocab_index(og_ctx *ctx, ogi_vocab *v);
og_status ogi_vocab_find_special(og_ctx *ctx, ogi_vocab *v);
/* Attributes that depend on the model: arch, name and pre are from the file, "" if absent. */
og_status ogi_vocab_fix_attr(og_ctx *ctx, ogi_vocab *v, ogi_sv arch, ogi_sv name, ogi_sv pre);
/* Fills token[].piece and byte_token. */
og_status ogi_vocab_spell(og_ctx *ctx, ogi_vocab *v);

og_status ogi_check_charsmap(og_ctx *ctx, const ogi_vocab *v); /* does its array fit */

int32_t ogi_vocab_find(const ogi_vocab *v, ogi_sv text); /* -1: none */
/* Bytes that a RWKV token's text stands for, appended. */
void ogi_rwkv_unescape(ogi_sv text, ogi_buf *out);

#define OGI_SPACE_MARK "\xe2\x96\x81" /* U+2581, which stands for a space */

#endif
