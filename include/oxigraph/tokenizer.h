/* SPDX-License-Identifier: MIT
 *
 * Tokenizers: text to token ids and back. A loaded tokenizer is immutable and may be used by many
 * threads at once, each with a context of its own. Texts are bytes: they may hold NUL and invalid
 * UTF-8.
 *
 *     og_tokenizer *t;
 *     og_tokens ids = { 0 };
 *     if (og_tokenizer_open(ctx, "model.gguf", NULL, 0, &t) == OG_OK &&
 *         og_tokenizer_encode(t, ctx, "Once upon", 9, OG_ENCODE_ADD_SPECIAL, &ids) == OG_OK)
 *         use(ids.id, ids.n);
 *     og_tokens_free(ctx, &ids);
 *     og_tokenizer_free(t); */
#ifndef OXIGRAPH_TOKENIZER_H
#define OXIGRAPH_TOKENIZER_H

#include "oxigraph/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct og_tokenizer og_tokenizer;

/* A growing list of ids: start with { 0 }. */
typedef struct og_tokens {
    int32_t *id;
    int64_t n, cap;
} og_tokens;

OG_API void og_tokens_free(og_ctx *ctx, og_tokens *tokens);

/* Loads the tokenizer of a GGUF file, of a Hugging Face tokenizer.json (also a folder that holds
 * one) or of a rank file (NAME.tiktoken). override: "key=type:value" strings, for GGUF files and
 * the pre-tokenizer of rank files. Errors: OG_E_IO, OG_E_FORMAT,
 * OG_E_UNSUPPORTED (a kind or pre-tokenizer that is not known, by name). */
OG_API og_status og_tokenizer_open(og_ctx *ctx, const char *path, const char *const *override,
                                   int n_override, og_tokenizer **out);
OG_API void og_tokenizer_free(og_tokenizer *t);

/* ---- encoding ---- */

enum {
    OG_ENCODE_ADD_SPECIAL = 1,   /* BOS, EOS, separator, as the vocabulary says */
    OG_ENCODE_PARSE_SPECIAL = 2, /* control tokens written out in the text become those tokens */
};

/* Appends the ids of text to out. A sequence above U+10FFFF is OG_E_INVALID. */
OG_API og_status og_tokenizer_encode(const og_tokenizer *t, og_ctx *ctx, const char *text, size_t n,
                                     unsigned flags, og_tokens *out);

/* One piece of a text that is encoded as a whole. Control tokens are found only where all of their
 * bytes lie in pieces that may be parsed: what a user wrote stays text. */
typedef struct og_span {
    const char *text;
    size_t n;
    bool parse_special;
} og_span;

OG_API og_status og_tokenizer_encode_spans(const og_tokenizer *t, og_ctx *ctx, const og_span *span,
                                           int64_t n_span, unsigned flags, og_tokens *out);

/* Byte lengths of the pieces that the pre-tokenizer cuts text into (invalid bytes count as U+FFFD,
 * three bytes), appended to out. OG_E_UNSUPPORTED for kinds without one. */
OG_API og_status og_tokenizer_split(const og_tokenizer *t, og_ctx *ctx, const char *text, size_t n,
                                    og_tokens *out);

/* Token healing: cuts tokens off the end of ids as long as some token of the vocabulary begins
 * with their text and goes on, so that a continuation may choose a longer one. *prefix is the text
 * cut off, *n its length: what the next tokens must begin with; free with og_text_free(). At most
 * max_cut tokens go; control tokens and the first `keep` tokens never do. */
OG_API og_status og_tokenizer_heal(const og_tokenizer *t, og_ctx *ctx, og_tokens *ids, int64_t keep,
                                   int max_cut, char **prefix, size_t *n);

/* ---- decoding ---- */

enum {
    OG_DECODE_REMOVE_SPECIAL = 1,  /* drop a leading BOS and a final EOS that encoding added */
    OG_DECODE_UNPARSE_SPECIAL = 2, /* write control tokens out */
    OG_DECODE_RAW_SPACES = 4,      /* no clean-up of spaces before punctuation */
};

/* The text of ids: *text (NUL-terminated, *n bytes, may hold NUL) is freed with og_text_free().
 * An id outside the vocabulary is OG_E_INVALID. */
OG_API og_status og_tokenizer_decode(const og_tokenizer *t, og_ctx *ctx, const int32_t *id,
                                     int64_t n_id, unsigned flags, char **text, size_t *n);

/* Text of one token, *n bytes, borrowed; control tokens are empty unless show_special. */
OG_API const char *og_tokenizer_piece(const og_tokenizer *t, int32_t id, bool show_special,
                                      size_t *n);

/* Streaming: tokens go in, bytes that end on a character boundary come out. */
typedef struct og_detokenizer og_detokenizer;

/* flags: OG_DECODE_UNPARSE_SPECIAL. t must outlive it. Pieces come as they are: the first keeps
 * its leading space, and spaces are not cleaned up. */
OG_API og_status og_detokenizer_new(const og_tokenizer *t, og_ctx *ctx, unsigned flags,
                                    og_detokenizer **out);
OG_API void og_detokenizer_free(og_detokenizer *d);
/* What may be printed after this token; borrowed until the next call. */
OG_API og_status og_detokenizer_push(og_detokenizer *d, int32_t id, const char **text, size_t *n);
/* What is left: an unfinished character, as the bytes are. Ready for a new text afterwards. */
OG_API og_status og_detokenizer_flush(og_detokenizer *d, const char **text, size_t *n);

/* ---- what a vocabulary knows ---- */

// clang-format off
/* S(NAME, key): special tokens; the key is the name that `tokenize --info` prints. */
#define OG_SPECIAL_LIST(S)                                                                         \
    S(BOS, bos) S(EOS, eos) S(EOT, eot) S(EOM, eom) S(UNK, unk) S(SEP, sep) S(PAD, pad)            \
    S(MASK, mask) S(NL, nl) S(FIM_PRE, fim_pre) S(FIM_SUF, fim_suf) S(FIM_MID, fim_mid)            \
    S(FIM_PAD, fim_pad) S(FIM_REP, fim_rep) S(FIM_SEP, fim_sep)

/* S(NAME, key): flags. */
#define OG_TOKENIZER_FLAG_LIST(S)                                                                  \
    S(ADD_BOS, add_bos) S(ADD_EOS, add_eos) S(ADD_SEP, add_sep)                                    \
    S(ADD_SPACE_PREFIX, add_space_prefix) S(IGNORE_MERGES, ignore_merges)                          \
    S(CLEAN_SPACES, clean_spaces) S(REMOVE_EXTRA_WHITESPACES, remove_extra_whitespaces)            \
    S(ESCAPE_WHITESPACES, escape_whitespaces)                                                      \
    S(TREAT_WHITESPACE_AS_SUFFIX, treat_whitespace_as_suffix) S(LOWERCASE, lowercase)
// clang-format on

typedef enum og_special {
#define S(name, key) OG_SPECIAL_##name,
    OG_SPECIAL_LIST(S)
#undef S
        OG_SPECIAL_COUNT
} og_special;

typedef enum og_tokenizer_flag {
#define S(name, key) OG_TOKENIZER_##name,
    OG_TOKENIZER_FLAG_LIST(S)
#undef S
        OG_TOKENIZER_FLAG_COUNT
} og_tokenizer_flag;

/* What kind of token it is: bits. */
enum {
    OG_TOKEN_UNKNOWN = 1,
    OG_TOKEN_UNUSED = 2,
    OG_TOKEN_NORMAL = 4,
    OG_TOKEN_CONTROL = 8,
    OG_TOKEN_USER_DEFINED = 16,
    OG_TOKEN_BYTE = 32,
    OG_TOKEN_NORMALIZED = 64,
    OG_TOKEN_LSTRIP = 128,
    OG_TOKEN_RSTRIP = 256,
    OG_TOKEN_SINGLE_WORD = 512,
};

OG_API int32_t og_tokenizer_size(const og_tokenizer *t); /* tokens in the vocabulary */
/* "BPE", "SPM", "WPM", "UGM", "RWKV" or "PLaMo2". */
OG_API const char *og_tokenizer_kind(const og_tokenizer *t);
/* Name of the pre-tokenizer, "" for kinds without one. */
OG_API const char *og_tokenizer_pre(const og_tokenizer *t);
OG_API int32_t og_tokenizer_special(const og_tokenizer *t, og_special which); /* -1: none */
OG_API bool og_tokenizer_flag_get(const og_tokenizer *t, og_tokenizer_flag which);
/* Does this token end generation? */
OG_API bool og_tokenizer_is_eog(const og_tokenizer *t, int32_t id);
OG_API unsigned og_tokenizer_attr(const og_tokenizer *t, int32_t id); /* OG_TOKEN_* bits */
/* The token as the file spells it; borrowed. */
OG_API const char *og_tokenizer_text(const og_tokenizer *t, int32_t id, size_t *n);
/* The token that the file spells so, -1 if none. */
OG_API int32_t og_tokenizer_find(const og_tokenizer *t, const char *text, size_t n);

#ifdef __cplusplus
}
#endif
#endif
