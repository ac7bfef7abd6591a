/* SPDX-License-Identifier: MIT
 *
 * Pair merging, for byte-level BPE, BPE over characters and SentencePiece BPE alike: a chunk of
 * text starts as one symbol a byte or character; the best adjacent pair is joined until none can
 * be. A symbol is a token, or a text that only occurs inside merges (numbers from n_tokens up).
 *
 * Long texts without pre-tokenizer are cut first, wherever two characters stand side by side in no
 * mergeable text: no merge can cross such a place, so the result is the same. */
#ifndef OG_TEXT_TOKENIZER_MERGE_H
#define OG_TEXT_TOKENIZER_MERGE_H

#include "text/tokenizer/vocab.h"

typedef struct ogi_pair {
    uint64_t key; /* (left << 32 | right) + 1, 0: free */
    uint32_t rank;
    int32_t result;
} ogi_pair;

typedef struct ogi_merges {
    og_ctx *ctx;
    const ogi_vocab *v;
    ogi_arena arena;
    bool by_score; /* SentencePiece: any token may be joined, the best score first */
    bool by_rank;  /* a rank file: by score, but only normal tokens, whose texts are bytes */
    bool by_byte;  /* start with the byte alphabet, else with characters */
    bool cut;      /* cut chunks at `adjacent` */
    const struct ogi_hf *hf; /* of a tokenizer.json, whose rules for unknown characters hold */
    ogi_map extra;           /* texts that are no token -> symbol */
    ogi_map whole; /* with by_byte: bytes of a token -> token, if merges are to be ignored */
    int32_t n_symbol;
    int32_t byte_symbol[256]; /* -1: in no merge and no token */
    ogi_pair *pair;
    int64_t n_pair_slot;
    uint64_t *adjacent; /* hash set of (character << 32 | next) + 1 */
    int64_t n_adjacent, n_adjacent_slot;
    size_t max_token; /* longest text of a token */
} ogi_merges;

/* From v->merge, over bytes (by_byte) or characters. */
og_status ogi_merges_build_bpe(og_ctx *ctx, const ogi_vocab *v, bool by_byte, ogi_merges *out);
/* From the scores, over bytes. */
og_status ogi_merges_build_ranks(og_ctx *ctx, const ogi_vocab *v, ogi_merges *out);
/* From the scores. */
og_status ogi_merges_build_spm(og_ctx *ctx, const ogi_vocab *v, ogi_merges *out);
/* From hf->merge. */
og_status ogi_merges_build_hf(og_ctx *ctx, const ogi_vocab *v, const struct ogi_hf *hf,
                              ogi_merges *out);
void ogi_merges_free(ogi_merges *m);

/* A chunk lies in slots, one a byte (tokenizer.json: one for each symbol it starts with). A symbol
 * has the slots from its first one on:
 *
 *     slot      0   1   2   3   4        "ab" "c" "de"
 *     id        7   .   3   9   .
 *     len       2  -1   1   2  -1        first slot: how many; last: how far back the first is
 */
typedef struct ogi_symbol {
    int32_t id; /* -1: in no pair */
    int32_t len;
} ogi_symbol;

/* Of a long chunk: the rank of the pair that begins at each slot, and above it, level by level, the
 * least of 16 below. The best pair is found from the top in a few steps, and changed as fast. */
enum { OGI_RANK_LEVELS = 8, OGI_NO_RANK = -1 /* as uint32_t: above all */ };

typedef struct ogi_ranks {
    uint32_t *rank;
    int64_t cap;
    int64_t at[OGI_RANK_LEVELS]; /* where each level begins */
    int n_level;
} ogi_ranks;

/* Buffers of one encoding run. Start with { .ctx, .merges }. */
typedef struct ogi_merger {
    og_ctx *ctx;
    const ogi_merges *merges;
    ogi_symbol *symbol;
    int64_t cap_symbol;
    ogi_ranks ranks;
    og_tokens result; /* of the last chunk that is remembered */
    /* chunks met before: open addressing by hash, thrown away when full */
    struct ogi_cached {
        uint64_t hash;
        uint32_t text, n_text, first, n_id;
    } * cached;
    int64_t n_cached;
    ogi_buf cached_text;
    og_tokens cached_id;
} ogi_merger;

/* Appends the ids of text (clean UTF-8) to out. */
og_status ogi_merge_text(ogi_merger *m, ogi_sv text, og_tokens *out);
void ogi_merger_free(ogi_merger *m);

/* One character as merging sees it: its bytes, at most four, as one number. Lengths come from the
 * lead byte alone, so that invalid text falls apart as in the reference. */
static inline uint32_t ogi_merge_character(const char *s, size_t n, size_t *len)
{
    unsigned char lead = (unsigned char)s[0];
    uint32_t bytes = 0;
    *len = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (*len > n) *len = n;
    for (size_t i = 0; i < *len; i++) bytes = bytes << 8 | (unsigned char)s[i];
    return bytes;
}

/* Appends to a token list. */
static inline og_status ogi_tokens_add(og_ctx *ctx, og_tokens *t, int32_t id)
{
    if (t->n == t->cap) OG_TRY(ogi_grow(ctx, &t->id, &t->cap, t->n + 1, sizeof *t->id));
    t->id[t->n++] = id;
    return OG_OK;
}

#endif
