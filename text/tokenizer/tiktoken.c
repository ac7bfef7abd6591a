/* SPDX-License-Identifier: MIT
 *
 * Rank files (tiktoken): a line a token, its bytes in base64 and its rank, which is its id. A piece
 * that is a token becomes that token, any other is merged from bytes, the lowest rank first. The
 * file holds neither the pre-tokenizer nor the control tokens: both follow from its name. */
#include "text/tokenizer/tiktoken.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

enum { MAX_FILE = 256 << 20, MAX_SPECIAL = 5, ROOM_FOR_SPECIAL = 1024 };

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER        "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER        "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define WORDS        CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define REST         "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const char gpt2[] = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                           "\\s+(?!\\S)|\\s+";
static const char cl100k[] = WORDS "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" REST;
static const char qwen[] = WORDS "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" REST;
static const char o200k[] =
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTIONS "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER
    "+" LOWER "*" CONTRACTIONS "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" REST;

typedef struct family {
    const char *part; /* of the file's name */
    const char *pattern;
    ogi_pre pre;
    struct special {
        const char *text;
        int32_t id;
    } special[MAX_SPECIAL];
} family;

// clang-format off
static const family families[] = {
    { "cl100k", cl100k, { .name = "cl100k_base" },
      { { "<|endoftext|>", 100257 }, { "<|fim_prefix|>", 100258 }, { "<|fim_middle|>", 100259 },
        { "<|fim_suffix|>", 100260 }, { "<|endofprompt|>", 100276 } } },
    { "o200k", o200k, { .name = "o200k_base" },
      { { "<|endoftext|>", 199999 }, { "<|endofprompt|>", 200018 } } },
    { "r50k", gpt2, { .name = "r50k_base" }, { { "<|endoftext|>", 50256 } } },
    { "p50k", gpt2, { .name = "p50k_base" }, { { "<|endoftext|>", 50256 } } },
    { "gpt2", gpt2, { .name = "gpt2" }, { { "<|endoftext|>", 50256 } } },
    { "qwen", qwen, { .name = "qwen" },
      { { "<|endoftext|>", 151643 }, { "<|im_start|>", 151644 }, { "<|im_end|>", 151645 } } },
};
// clang-format on

bool ogi_is_tiktoken(const char *path)
{
    static const char ending[] = ".tiktoken";
    size_t n = strlen(path), m = sizeof ending - 1;
    return n >= m && !strcmp(path + n - m, ending);
}

/* ---- the file ---- */

static int digit_of_base64(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr(digits, c) : NULL;
    return p ? (int)(p - digits) : -1;
}

/* The bytes of the digits at s up to a space, appended; what follows them. */
static const char *read_base64(const char *s, ogi_buf *out)
{
    uint32_t bits = 0;
    int n = 0, digit;
    for (; (digit = digit_of_base64(*s)) >= 0; s++) {
        bits = bits << 6 | (uint32_t)digit;
        n += 6;
        if (n < 8) continue;
        n -= 8;
        ogi_buf_putc(out, (char)(bits >> n & 255));
    }
    return s + strspn(s, "=");
}

/* One line: false if it is no "base64 rank". */
static bool read_line(const char *line, ogi_buf *bytes, int64_t *rank)
{
    char *end;
    bytes->n = 0;
    const char *p = read_base64(line, bytes);
    if (*p != ' ' || !bytes->n || (unsigned)(p[1] - '0') > 9) return false;
    *rank = strtoll(p + 1, &end, 10);
    return *end == '\n' || *end == '\r' || *end == 0;
}

static og_status put_token(og_ctx *ctx, ogi_vocab *v, int64_t id, const char *text, size_t n,
                           unsigned attr)
{
    if (n > OGI_TOKEN_TEXT_MAX)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: the text of token %lld has %zu bytes, at most %d can be",
                v->source, (long long)id, n, OGI_TOKEN_TEXT_MAX);
    if (v->token[id].text.p)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: rank %lld is given twice", v->source, (long long)id);
    char *copy = ogi_arena_strndup(&v->arena, text, n);
    if (!copy) return OG_E_MEMORY;
    v->token[id] =
        (ogi_token){ .text = { copy, n }, .piece = { copy, n }, .attr = attr, .score = -(float)id };
    return OG_OK;
}

/* All lines; put: into v, else only counted: *most is the highest rank. */
static og_status read_lines(og_ctx *ctx, const ogi_buf *file, ogi_vocab *v, bool put, int64_t *n,
                            int64_t *most)
{
    ogi_buf bytes = { .ctx = ctx };
    og_status status = OG_OK;
    int64_t rank, n_line = 0;
    const char *end = file->p + file->n;
    *n = 0;
    *most = -1;
    for (const char *line = file->p; line < end && status == OG_OK; line++) {
        n_line++;
        if (*line != '\n' && *line != '\r') {
            if (!read_line(line, &bytes, &rank) || rank < 0 || rank > INT32_MAX / 4) {
                status = ogi_fail(ctx, OG_E_FORMAT, __FILE__, __LINE__,
                                  "%s: line %lld: a token in base64 and its rank are expected",
                                  v->source, (long long)n_line);
                break;
            }
            if (put) status = put_token(ctx, v, rank, bytes.p, bytes.n, OG_TOKEN_NORMAL);
            *most = OGI_MAX(*most, rank);
            ++*n;
        }
        line += strcspn(line, "\n");
    }
    if (bytes.failed) status = OG_E_MEMORY;
    ogi_buf_free(&bytes);
    return status;
}

/* ---- the vocabulary ---- */

static og_status add_specials(og_ctx *ctx, const family *f, int32_t n_room, ogi_vocab *v)
{
    for (int i = 0; f && i < MAX_SPECIAL && f->special[i].text; i++) {
        const struct special *s = &f->special[i];
        if (s->id >= n_room || v->token[s->id].text.p) continue;
        OG_TRY(put_token(ctx, v, s->id, s->text, strlen(s->text), OG_TOKEN_CONTROL));
        v->n = OGI_MAX(v->n, s->id + 1);
    }
    char text[32];
    for (int32_t i = 0; i < v->n; i++) {
        if (v->token[i].text.p) continue;
        int n = snprintf(text, sizeof text, "[EMPTY_%d]", (int)i);
        OG_TRY(put_token(ctx, v, i, text, (size_t)n, OG_TOKEN_UNUSED));
        v->token[i].piece.n = 0;
    }
    return OG_OK;
}

static og_status fill(og_ctx *ctx, const ogi_buf *file, const family *f, ogi_vocab *v)
{
    int64_t n, most;
    OG_TRY(read_lines(ctx, file, v, false, &n, &most));
    if (!n || most > 2 * n + 65536)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: %s", v->source,
                n ? "ranks are too far apart" : "the file is empty");
    v->n = (int32_t)most + 1;
    v->token = ogi_arena_alloc(&v->arena, (size_t)v->n + ROOM_FOR_SPECIAL, sizeof *v->token);
    if (!v->token) return OG_E_MEMORY;
    OG_TRY(read_lines(ctx, file, v, true, &n, &most));
    OG_TRY(add_specials(ctx, f, v->n + ROOM_FOR_SPECIAL, v));
    OG_TRY(ogi_vocab_index(ctx, v));
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        v->byte_token[b] = ogi_vocab_find(v, (ogi_sv){ &byte, 1 });
        if (v->byte_token[b] < 0)
            OG_FAIL(ctx, OG_E_FORMAT, "%s: byte 0x%02x has no rank", v->source, (unsigned)b);
    }
    v->special[OG_SPECIAL_EOS] = ogi_vocab_find(v, OGI_SV("<|endoftext|>"));
    return ogi_vocab_find_special(ctx, v);
}

/* ---- the pre-tokenizer ---- */

static og_status no_pattern(og_ctx *ctx, const char *path)
{
    ogi_buf list = { .ctx = ctx };
    for (int i = 0; i < OGI_LEN(families); i++)
        ogi_buf_printf(&list, "%s%s", i ? " " : "", families[i].pre.name);
    og_status s =
        ogi_fail(ctx, OG_E_UNSUPPORTED, __FILE__, __LINE__,
                 "%s: the name does not tell the pre-tokenizer (known in names: %s); give "
                 "it with --override-kv tokenizer.ggml.pre=str:NAME, one of these or a "
                 "name that GGUF files use",
                 path, ogi_buf_str(&list));
    ogi_buf_free(&list);
    return s;
}

/* The family of the override, else of the file's name; NULL: *pre is what the override names. */
static og_status pick(og_ctx *ctx, const char *path, const char *const *override, int n_override,
                      const family **out, const ogi_pre **pre)
{
    static const char key[] = "tokenizer.ggml.pre=str:";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    *out = NULL;
    *pre = NULL;
    for (int i = 0; i < n_override; i++) {
        if (strncmp(override[i], key, sizeof key - 1) != 0)
            OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: only tokenizer.ggml.pre can be overridden", path);
        name = override[i] + sizeof key - 1;
        *pre = ogi_pre_find(ogi_sv_of(name));
        if (*pre) return OG_OK;
    }
    for (int i = 0; i < OGI_LEN(families); i++) {
        bool named = n_override ? !strcmp(name, families[i].pre.name)
                                : strstr(name, families[i].part) != NULL;
        if (!named) continue;
        *out = &families[i];
        *pre = &families[i].pre;
        return OG_OK;
    }
    return n_override ? ogi_pre_unknown(ctx, path, ogi_sv_of(name)) : no_pattern(ctx, path);
}

og_status ogi_tiktoken_load(og_ctx *ctx, const char *path, const char *const *override,
                            int n_override, ogi_vocab *v, ogi_splitter *splitter)
{
    const family *f;
    ogi_buf file = { .ctx = ctx };
    *v = (ogi_vocab){ .ctx = ctx, .arena = { .ctx = ctx }, .kind = OGI_VOCAB_BPE };
    for (int i = 0; i < OG_SPECIAL_COUNT; i++) v->special[i] = -1;
    v->source = ogi_arena_strndup(&v->arena, path, strlen(path));
    if (!v->source) return OG_E_MEMORY;
    v->flag[OG_TOKENIZER_IGNORE_MERGES] = true;
    OG_TRY(pick(ctx, path, override, n_override, &f, &v->pre));
    og_status status = ogi_file_read(ctx, path, MAX_FILE, &file);
    if (status == OG_OK) status = fill(ctx, &file, f, v);
    ogi_buf_free(&file);
    if (status != OG_OK) return status;
    if (!f) return ogi_splitter_build_pre(ctx, v->pre, splitter);
    ogi_sv pattern = ogi_sv_of(f->pattern);
    return ogi_splitter_build(ctx, &pattern, NULL, 1, true, splitter);
}
