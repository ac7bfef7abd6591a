/* SPDX-License-Identifier: MIT
 *
 * Tokenizers: round trips, streams, trusted spans, healing, threads, long texts, bad vocabularies.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oxigraph/tokenizer.h"
#include "tests/support/gguf_writer.h"
#include "text/tokenizer/load.h"
#include "text/unicode/utf8.h"

#define DATA OGT_SOURCE_DIR "/tests/data/"

static og_ctx *ctx;
static char log_text[4096];

static void keep_log(void *user, og_log_level level, const char *line)
{
    (void)user, (void)level;
    size_t n = strlen(log_text);
    snprintf(log_text + n, sizeof log_text - n, "%s\n", line);
}

static void setup(void)
{
    log_text[0] = 0;
    cr_assert(og_ctx_new(&(og_ctx_options){ .log = keep_log }, &ctx) == OG_OK);
}
static void teardown(void)
{
    og_ctx_free(ctx);
}
TestSuite(tokenizer, .init = setup, .fini = teardown);

static og_tokenizer *open_file(const char *path)
{
    og_tokenizer *t;
    cr_assert(og_tokenizer_open(ctx, path, NULL, 0, &t) == OG_OK, "%s", og_error(ctx));
    return t;
}

static og_tokens encode(const og_tokenizer *t, const char *text, unsigned flags)
{
    og_tokens ids = { 0 };
    cr_assert(og_tokenizer_encode(t, ctx, text, strlen(text), flags, &ids) == OG_OK, "%s",
              og_error(ctx));
    return ids;
}

/* ---- round trips ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Characters of all planes and the kinds that pre-tokenizers tell apart; never U+2581. */
static size_t random_text(uint64_t *state, char *out, int n_character)
{
    static const uint32_t base[] = { 0x20,  0x30,   0x41,   0x61,   0xa0,    0x300,  0x660,
                                     0x905, 0xac00, 0x3041, 0x4e00, 0x1f600, 0x20000 };
    size_t n = 0;
    for (int i = 0; i < n_character; i++) {
        uint32_t cp = base[next_random(state) % OGI_LEN(base)] + next_random(state) % 24;
        if (next_random(state) % 16 == 0) cp = next_random(state) % 0x110000;
        if (next_random(state) % 8 == 0) cp = (uint32_t) "\n\r\t '.,\0"[next_random(state) % 8];
        if (cp == 0x2581 || (cp >= 0xd800 && cp <= 0xdfff)) cp = ' ';
        n += (size_t)ogi_utf8_encode(cp, out + n);
    }
    return n;
}

static void check_round_trips(const char *path, unsigned flags)
{
    og_tokenizer *t = open_file(path);
    char text[4 * 256];
    uint64_t state = 42;
    for (int round = 0; round < 3000; round++) {
        size_t n = random_text(&state, text, (int)(next_random(&state) % 60)), n_back;
        og_tokens ids = { 0 };
        char *back;
        cr_assert(og_tokenizer_encode(t, ctx, text, n, 0, &ids) == OG_OK);
        cr_assert(og_tokenizer_decode(t, ctx, ids.id, ids.n, flags, &back, &n_back) == OG_OK);
        cr_assert(n == n_back && !memcmp(text, back, n), "%s: round %d of seed 42", path, round);
        og_text_free(ctx, back);
        og_tokens_free(ctx, &ids);
    }
    og_tokenizer_free(t);
}

Test(tokenizer, byte_level_bpe_gives_any_text_back)
{
    check_round_trips(DATA "models/tales-1m-F16.gguf", OG_DECODE_RAW_SPACES);
}

Test(tokenizer, rwkv_gives_any_text_back)
{
    check_round_trips(DATA "vocab/synth-rwkv.gguf", OG_DECODE_RAW_SPACES);
}

Test(tokenizer, sentencepiece_gives_text_without_its_space_mark_back)
{
    check_round_trips(DATA "vocab/synth-spm-flags.gguf", 0);
}

/* ---- streams ---- */

/* Is this a whole number of characters? */
static bool ends_whole(const char *s, size_t n)
{
    return ogi_utf8_unfinished(s, n) == 0;
}

Test(tokenizer, stream_never_splits_a_character)
{
    og_tokenizer *t = open_file(DATA "models/tales-1m-F16.gguf");
    const char *text = "Grüße 😀漢字 – ende\n", *part;
    og_tokens ids = encode(t, text, 0);
    og_detokenizer *d;
    char all[256];
    size_t n, n_all = 0;
    int n_held_back = 0;
    cr_assert(og_detokenizer_new(t, ctx, 0, &d) == OG_OK);
    for (int64_t i = 0; i < ids.n; i++) {
        cr_assert(og_detokenizer_push(d, ids.id[i], &part, &n) == OG_OK);
        cr_assert(ends_whole(part, n));
        n_held_back += n == 0;
        memcpy(all + n_all, part, n);
        n_all += n;
    }
    cr_assert(n_held_back > 0, "the text should need tokens of half characters");
    cr_assert(og_detokenizer_flush(d, &part, &n) == OG_OK && n == 0);
    cr_assert(n_all == strlen(text) && !memcmp(all, text, n_all));
    og_detokenizer_free(d);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

Test(tokenizer, stream_gives_an_unfinished_character_at_the_flush)
{
    og_tokenizer *t = open_file(DATA "models/tales-1m-F16.gguf");
    og_tokens ids = encode(t, "\xf0\x9f\x98\x80", 0);
    og_detokenizer *d;
    const char *part;
    size_t n;
    cr_assert(ids.n > 1);
    cr_assert(og_detokenizer_new(t, ctx, 0, &d) == OG_OK);
    cr_assert(og_detokenizer_push(d, ids.id[0], &part, &n) == OG_OK && n == 0);
    cr_assert(og_detokenizer_flush(d, &part, &n) == OG_OK && n > 0);
    cr_assert((unsigned char)part[0] == 0xf0);
    cr_assert(og_detokenizer_flush(d, &part, &n) == OG_OK && n == 0);
    cr_assert(og_detokenizer_push(d, og_tokenizer_size(t), &part, &n) == OG_E_INVALID);
    og_detokenizer_free(d);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

/* ---- special tokens ---- */

Test(tokenizer, control_tokens_are_found_only_in_trusted_spans)
{
    og_tokenizer *t = open_file(DATA "models/tales-1m-F16.gguf");
    int32_t start = og_tokenizer_find(t, "<|im_start|>", 12),
            end = og_tokenizer_find(t, "<|im_end|>", 10);
    const og_span spans[] = {
        { "<|im_start|>user\n", 17, true },
        { "say <|im_end|> <|im_", 20, false },
        { "start|> now", 11, true }, /* only half of it is trusted */
        { "<|im_end|>", 10, true },
    };
    og_tokens ids = { 0 }, flat = encode(t, "user\nsay <|im_end|> <|im_start|> now", 0);
    cr_assert(og_tokenizer_encode_spans(t, ctx, spans, OGI_LEN(spans), 0, &ids) == OG_OK);
    cr_assert(start >= 0 && end >= 0 && ids.n == flat.n + 2);
    cr_assert(ids.id[0] == start && ids.id[ids.n - 1] == end);
    cr_assert(!memcmp(ids.id + 1, flat.id, (size_t)flat.n * sizeof *flat.id));
    og_tokens_free(ctx, &ids);
    og_tokens_free(ctx, &flat);
    og_tokenizer_free(t);
}

Test(tokenizer, healing_takes_back_what_a_longer_token_begins_with)
{
    og_tokenizer *t = open_file(DATA "models/tales-1m-F16.gguf");
    og_tokens ids = encode(t, "<|im_end|>Once upon a ti", OG_ENCODE_PARSE_SPECIAL);
    char *prefix, *rest;
    size_t n, n_rest;
    cr_assert(og_tokenizer_heal(t, ctx, &ids, 0, 4, &prefix, &n) == OG_OK);
    cr_assert(n > 0 && n <= strlen(" a ti"));
    cr_assert(og_tokenizer_decode(t, ctx, ids.id, ids.n, 0, &rest, &n_rest) == OG_OK);
    char whole[64];
    snprintf(whole, sizeof whole, "%s%s", rest, prefix);
    cr_assert(!strcmp(whole, "Once upon a ti"), "'%s' + '%s'", rest, prefix);
    og_text_free(ctx, prefix);
    og_text_free(ctx, rest);
    ids.n = 1; /* the control token alone stays */
    cr_assert(og_tokenizer_heal(t, ctx, &ids, 0, 4, &prefix, &n) == OG_OK && n == 0 && ids.n == 1);
    og_text_free(ctx, prefix);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

/* ---- threads ---- */

typedef struct job {
    const og_tokenizer *t;
    og_tokens ids;
    bool good;
} job;

static const char thread_text[] = "Once upon a time there were three bears, who lived together "
                                  "in a house of their own, in a wood. Größe 漢字 12345";

static void *encode_often(void *arg)
{
    job *j = arg;
    og_ctx *own;
    j->good = og_ctx_new(NULL, &own) == OG_OK;
    for (int i = 0; i < 200 && j->good; i++) {
        og_tokens ids = { 0 };
        j->good =
            og_tokenizer_encode(j->t, own, thread_text, strlen(thread_text), 0, &ids) == OG_OK &&
            ids.n == j->ids.n && !memcmp(ids.id, j->ids.id, (size_t)ids.n * sizeof *ids.id);
        og_tokens_free(own, &ids);
    }
    og_ctx_free(own);
    return NULL;
}

Test(tokenizer, many_threads_share_one)
{
    og_tokenizer *t = open_file(DATA "models/tales-1m-F16.gguf");
    og_tokens ids = encode(t, thread_text, 0);
    pthread_t thread[4];
    job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = (job){ t, ids, false };
        cr_assert(pthread_create(&thread[i], NULL, encode_often, &jobs[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        cr_assert(jobs[i].good);
    }
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

/* ---- long texts ---- */

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static double time_of_run(const og_tokenizer *t, const char *unit, size_t n)
{
    size_t len = strlen(unit);
    char *text = malloc(n);
    og_tokens ids = { 0 };
    cr_assert(text != NULL);
    for (size_t i = 0; i < n; i++) text[i] = unit[i % len];
    double start = seconds();
    cr_assert(og_tokenizer_encode(t, ctx, text, n, 0, &ids) == OG_OK, "%s", og_error(ctx));
    double took = seconds() - start;
    og_tokens_free(ctx, &ids);
    free(text);
    return took;
}

/* A quadratic case takes minutes on a megabyte; the bound is loose for sanitizers. */
Test(tokenizer, a_megabyte_of_one_thing_is_no_quadratic_case)
{
    static const char *const units[] = { "a", "A", " ",  "\n", "\xf0\x9f\x98\x80",
                                         "1", "'", "<|", " \n" };
    static const char *const pre[] = { "gpt-2",  "llama-bpe",    "jais-2",
                                       "tekken", "deepseek-llm", "superbpe",
                                       "afmoe",  "exaone-moe",   "poro-chat" };
    for (int p = 0; p < OGI_LEN(pre); p++) {
        char override[64];
        og_tokenizer *t;
        snprintf(override, sizeof override, "tokenizer.ggml.pre=str:%s", pre[p]);
        cr_assert(og_tokenizer_open(ctx, DATA "models/tales-1m-F16.gguf",
                                    (const char *const[]){ override }, 1, &t) == OG_OK);
        for (int u = 0; u < OGI_LEN(units); u++) {
            double took = time_of_run(t, units[u], 1 << 20);
            cr_assert(took < 8, "%s, a megabyte of '%s': %.1f s", pre[p], units[u], took);
        }
        og_tokenizer_free(t);
    }
}

Test(tokenizer, a_megabyte_of_one_thing_is_no_quadratic_case_in_other_kinds)
{
    static const char *const units[] = { "a", " ", "\xf0\x9f\x98\x80" };
    static const char *const vocab[] = { "spm-flags", "ugm-charsmap", "rwkv",
                                         "plamo2",    "gemma4",       "wpm-cased" };
    for (int v = 0; v < OGI_LEN(vocab); v++) {
        char path[512];
        snprintf(path, sizeof path, DATA "vocab/synth-%s.gguf", vocab[v]);
        og_tokenizer *t = open_file(path);
        for (int u = 0; u < OGI_LEN(units); u++) {
            double took = time_of_run(t, units[u], 1 << 20);
            cr_assert(took < 8, "%s, a megabyte of '%s': %.1f s", vocab[v], units[u], took);
        }
        og_tokenizer_free(t);
    }
}

Test(tokenizer, a_megabyte_of_one_thing_is_no_quadratic_case_in_tokenizer_json)
{
    static const char *const units[] = { "a", " ", "\xf0\x9f\x98\x80", "ab" };
    static const char *const name[] = { "bpe-llama",     "bpe-roberta",       "wordpiece-uncased",
                                        "unigram",       "part-bpe-affixes",  "part-pre-scripts",
                                        "part-norm-nfc", "part-pre-split-han" };
    for (int v = 0; v < OGI_LEN(name); v++) {
        char path[512];
        snprintf(path, sizeof path, DATA "tokenizer_json/%s.json", name[v]);
        og_tokenizer *t = open_file(path);
        for (int u = 0; u < OGI_LEN(units); u++) {
            double took = time_of_run(t, units[u], 1 << 20);
            cr_assert(took < 8, "%s, a megabyte of '%s': %.1f s", name[v], units[u], took);
        }
        og_tokenizer_free(t);
    }
}

/* ---- memory ---- */

typedef struct heap {
    int64_t left, live; /* calls until one fails; pieces not freed */
    bool failed;
} heap;

static void *counting_realloc(void *user, void *p, size_t size)
{
    heap *h = user;
    if (!size) {
        h->live -= p != NULL;
        free(p);
        return NULL;
    }
    if (h->left-- == 0) {
        h->failed = true;
        return NULL;
    }
    void *q = realloc(p, size);
    h->live += q && !p;
    return q;
}

/* Load, encode, decode, stream; OG_OK or the first failure. */
static og_status use_once(og_ctx *c, const char *path)
{
    static const char text[] =
        "The <s> quick\xff  brown \xf0\x9f\x98\x80 fox, 12345 <user> jumps</s>";
    og_tokenizer *t = NULL;
    og_tokens ids = { 0 };
    char *back = NULL, *prefix = NULL;
    size_t n;
    og_detokenizer *d = NULL;
    const char *part;
    og_status s = og_tokenizer_open(c, path, NULL, 0, &t);
    if (s == OG_OK) s = og_tokenizer_encode(t, c, text, sizeof text - 1, 3, &ids);
    if (s == OG_OK) s = og_tokenizer_decode(t, c, ids.id, ids.n, 0, &back, &n);
    if (s == OG_OK) s = og_detokenizer_new(t, c, 0, &d);
    if (s == OG_OK) s = og_detokenizer_push(d, ids.id[0], &part, &n);
    if (s == OG_OK) s = og_tokenizer_heal(t, c, &ids, 0, 4, &prefix, &n);
    og_detokenizer_free(d);
    og_text_free(c, back);
    og_text_free(c, prefix);
    og_tokens_free(c, &ids);
    og_tokenizer_free(t);
    return s;
}

Test(tokenizer, running_out_of_memory_anywhere_is_a_clean_error)
{
    static const char *const files[] = {
        "vocab/synth-gemma4.gguf",
        "vocab/synth-spm-flags.gguf",
        "vocab/synth-ugm-charsmap.gguf",
        "vocab/synth-wpm-cased.gguf",
        "vocab/synth-plamo2.gguf",
        "vocab/synth-rwkv.gguf",
        "tokenizer_json/bpe-bytes-split.json",
        "tokenizer_json/unigram.json",
        "tokenizer_json/part-added.json",
        "tokenizer_json/part-bpe-affixes.json",
        "tokenizer_json/part-dec-llama.json",
        "tokenizer_json/part-norm-replace-regex.json",
        "tokenizer_json/part-post-sequence.json",
        "tokenizer_json/part-pre-scripts.json",
        "tokenizer_json/part-pre-split-han.json",
    };
    for (int i = 0; i < OGI_LEN(files); i++) {
        char path[512];
        int64_t n = 0;
        snprintf(path, sizeof path, DATA "%s", files[i]);
        for (bool failed = true; failed; n++) {
            heap h = { .left = n + 1 }; /* the context itself comes first */
            og_ctx *c;
            cr_assert(og_ctx_new(&(og_ctx_options){ .realloc = counting_realloc, .user = &h },
                                 &c) == OG_OK);
            og_status s = use_once(c, path);
            failed = h.failed;
            cr_assert(failed == (s == OG_E_MEMORY), "%s, call %d: status %d: %s", path, (int)n,
                      (int)s, og_error(c));
            og_ctx_free(c);
            cr_assert(h.live == 0, "%s, call %d: %d pieces left", path, (int)n, (int)h.live);
        }
        cr_assert(n > 10);
    }
}

/* ---- vocabularies that are wrong ---- */

typedef struct made {
    ogt_gguf w;
    ogt_bytes text, type, merge;
    uint64_t n, n_merge;
} made;

static void add_token(made *m, const char *text, uint32_t type)
{
    ogt_bytes_str(&m->text, text, strlen(text));
    ogt_bytes_uint(&m->type, type, 4);
    m->n++;
}

static void add_merge(made *m, const char *text)
{
    ogt_bytes_str(&m->merge, text, strlen(text));
    m->n_merge++;
}

/* Opens what was made; the status is returned, *out as in og_tokenizer_open(). */
static og_status open_made(made *m, const char *model, const char *pre, og_tokenizer **out)
{
    int64_t size;
    ogi_gguf *f = NULL;
    ogt_gguf_str(&m->w, "tokenizer.ggml.model", model);
    if (pre) ogt_gguf_str(&m->w, "tokenizer.ggml.pre", pre);
    ogt_gguf_array(&m->w, "tokenizer.ggml.tokens", OGI_GGUF_STR, m->n, m->text.p, m->text.n);
    ogt_gguf_array(&m->w, "tokenizer.ggml.token_type", OGI_GGUF_I32, m->n, m->type.p, m->type.n);
    if (m->n_merge)
        ogt_gguf_array(&m->w, "tokenizer.ggml.merges", OGI_GGUF_STR, m->n_merge, m->merge.p,
                       m->merge.n);
    unsigned char *file = ogt_gguf_finish(&m->w, &size);
    cr_assert(ogi_gguf_open_memory(ctx, "made", file, size, NULL, 0, &f) == OG_OK, "%s",
              og_error(ctx));
    og_status status = ogi_tokenizer_load(ctx, f, out);
    cr_assert((status == OG_OK) == (*out != NULL));
    ogi_gguf_close(f);
    free(file);
    free(m->text.p);
    free(m->type.p);
    free(m->merge.p);
    return status;
}

Test(tokenizer, unknown_pre_tokenizer_names_the_known_ones_and_the_override)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "a", 1);
    add_merge(&m, "a a");
    cr_assert(open_made(&m, "gpt2", "no-such-pre", &t) == OG_E_UNSUPPORTED);
    cr_assert(strstr(og_error(ctx), "no-such-pre") && strstr(og_error(ctx), "llama-bpe") &&
                  strstr(og_error(ctx), "--override-kv tokenizer.ggml.pre=str:"),
              "%s", og_error(ctx));
}

Test(tokenizer, missing_pre_tokenizer_is_a_loud_warning)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "a", 1);
    add_merge(&m, "a a");
    cr_assert(open_made(&m, "gpt2", NULL, &t) == OG_OK, "%s", og_error(ctx));
    cr_assert(strstr(log_text, "'default'") && strstr(log_text, "--override-kv"), "%s", log_text);
    cr_assert(!strcmp(og_tokenizer_pre(t), "default"));
    og_tokenizer_free(t);
}

Test(tokenizer, byte_token_that_is_no_byte_is_refused_by_number)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "<unk>", 2);
    add_token(&m, "<0xGG>", 6);
    cr_assert(open_made(&m, "llama", NULL, &t) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "token 1 '<0xGG>'"), "%s", og_error(ctx));
}

Test(tokenizer, unknown_model_and_missing_merges_are_named)
{
    made m = { 0 }, n = { 0 };
    og_tokenizer *t;
    add_token(&m, "a", 1);
    cr_assert(open_made(&m, "sorcery", NULL, &t) == OG_E_UNSUPPORTED);
    cr_assert(strstr(og_error(ctx), "sorcery") && strstr(og_error(ctx), "gpt2"));
    og_error_clear(ctx);
    add_token(&n, "a", 1);
    cr_assert(open_made(&n, "gpt2", "gpt-2", &t) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "tokenizer.ggml.merges"), "%s", og_error(ctx));
}

Test(tokenizer, ids_beyond_the_vocabulary_are_ignored_with_a_warning)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "<unk>", 2);
    add_token(&m, "a", 1);
    ogt_gguf_u32(&m.w, "tokenizer.ggml.bos_token_id", 0x80000000u);
    ogt_gguf_u32(&m.w, "tokenizer.ggml.eos_token_id", 0xffffffffu);
    cr_assert(open_made(&m, "llama", NULL, &t) == OG_OK, "%s", og_error(ctx));
    cr_assert(strstr(log_text, "bos_token_id") && strstr(log_text, "eos_token_id"));
    og_tokens ids = encode(t, "a", OG_ENCODE_ADD_SPECIAL);
    for (int64_t i = 0; i < ids.n; i++) cr_assert(ids.id[i] >= 0 && ids.id[i] < 2);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

/* Scores and types of the two tokens <unk> and a, and ARCH.vocab_size. */
static og_status open_with(const float *score, const uint32_t *type, uint32_t size,
                           og_tokenizer **t)
{
    made m = { 0 };
    add_token(&m, "<unk>", type[0]);
    add_token(&m, "a", type[1]);
    ogt_gguf_array(&m.w, "tokenizer.ggml.scores", OGI_GGUF_F32, 2, score, 2 * sizeof *score);
    ogt_gguf_str(&m.w, "general.architecture", "llama");
    ogt_gguf_u32(&m.w, "llama.vocab_size", size);
    log_text[0] = 0;
    og_error_clear(ctx);
    return open_made(&m, "llama", NULL, t);
}

Test(tokenizer, scores_and_types_that_are_none_are_refused_by_token)
{
    static const float wrong[][2] = { { 0, NAN }, { -INFINITY, 0 }, { 0, INFINITY } };
    static const uint32_t types[] = { 2, 1 }, no_types[] = { 2, 7 };
    static const float scores[] = { 0, -1 };
    og_tokenizer *t;
    for (int i = 0; i < OGI_LEN(wrong); i++) {
        cr_assert(open_with(wrong[i], types, 2, &t) == OG_E_FORMAT);
        cr_assert(strstr(og_error(ctx), "tokenizer.ggml.scores") &&
                      strstr(og_error(ctx), i == 1 ? "token 0" : "token 1"),
                  "%s", og_error(ctx));
    }
    cr_assert(open_with(scores, no_types, 2, &t) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "tokenizer.ggml.token_type: 7, of token 1"), "%s",
              og_error(ctx));
}

Test(tokenizer, a_contradicting_size_is_told)
{
    static const uint32_t types[] = { 2, 1 };
    static const float scores[] = { 0, -1 };
    og_tokenizer *t;
    for (uint32_t size = 1; size < 4; size++) {
        cr_assert(open_with(scores, types, size, &t) == OG_OK, "%s", og_error(ctx));
        cr_assert((strstr(log_text, "llama.vocab_size") != NULL) == (size != 2), "%s", log_text);
        og_tokenizer_free(t);
    }
}

/* Merges in circles, of texts that are no tokens, doubled, and malformed ones. */
Test(tokenizer, odd_merges_end_and_lose_no_text)
{
    made m = { 0 };
    og_tokenizer *t;
    char *back;
    size_t n;
    add_token(&m, "a", 1);
    add_token(&m, "b", 1);
    add_token(&m, "aba", 1);
    static const char *const merges[] = { "a b", "b a", "ab a", "a ba", "ab ab", "abab abab", "a b",
                                          "",    " ",   "a",    "a ",   " b",    "zz zz" };
    for (int i = 0; i < OGI_LEN(merges); i++) add_merge(&m, merges[i]);
    cr_assert(open_made(&m, "gpt2", "gpt-2", &t) == OG_OK, "%s", og_error(ctx));
    og_tokens ids = encode(t, "ababababa", 0);
    cr_assert(og_tokenizer_decode(t, ctx, ids.id, ids.n, 0, &back, &n) == OG_OK);
    cr_assert(!strcmp(back, "ababababa"), "%s", back);
    og_text_free(ctx, back);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

/* Remembered pieces without ids are found again, too. */
Test(tokenizer, text_that_no_token_spells_has_no_ids)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "z", 1);
    add_merge(&m, "z z");
    cr_assert(open_made(&m, "gpt2", "gpt-2", &t) == OG_OK, "%s", og_error(ctx));
    og_tokens ids = encode(t, "a.a.a.a", 0);
    cr_assert_eq(ids.n, 0);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

Test(tokenizer, byte_without_a_token_adds_no_unknown_one)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "<unk>", 2);
    add_token(&m, "a", 1);
    add_merge(&m, "a a");
    ogt_gguf_u32(&m.w, "tokenizer.ggml.unknown_token_id", 0);
    cr_assert(open_made(&m, "gpt2", "gpt-2", &t) == OG_OK, "%s", og_error(ctx));
    og_tokens ids = encode(t,
                           "\xf1\x8a\x9b\x90"
                           "a",
                           0);
    cr_assert(ids.n == 1 && ids.id[0] == 1, "%d ids", (int)ids.n);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

/* Tokens may hold parts of characters; a cover of characters takes none of those. */
Test(tokenizer, plamo2_tokens_that_end_inside_a_character_are_left_alone)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "<unk>", 2);
    add_token(&m, "\xe3\x81", 1);
    add_token(&m, "a", 1);
    cr_assert(open_made(&m, "plamo2", NULL, &t) == OG_OK, "%s", og_error(ctx));
    og_tokens ids = encode(t,
                           "a\xe3\x81\x82"
                           "a",
                           0);
    cr_assert(ids.n == 5 && ids.id[0] == 2 && ids.id[4] == 2, "%d ids", (int)ids.n);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}

Test(tokenizer, charsmap_that_lies_about_its_size_is_refused)
{
    made m = { 0 };
    og_tokenizer *t;
    add_token(&m, "<pad>", 3);
    add_token(&m, "</s>", 3);
    add_token(&m, "<unk>", 2);
    ogt_gguf_array(&m.w, "tokenizer.ggml.precompiled_charsmap", OGI_GGUF_U8, 8,
                   "\xff\xff\xff\x7f\0\0\0\0", 8);
    cr_assert(open_made(&m, "t5", NULL, &t) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "precompiled_charsmap"), "%s", og_error(ctx));
}

Test(tokenizer, token_text_beyond_the_limit_is_refused)
{
    made m = { 0 };
    og_tokenizer *t;
    char *text = calloc(1, 5001);
    memset(text, 'a', 5000);
    add_token(&m, text, 1);
    free(text);
    cr_assert(open_made(&m, "rwkv", NULL, &t) == OG_E_LIMIT);
}

Test(tokenizer, text_above_the_last_character_is_an_error_and_leaves_the_list)
{
    og_tokenizer *t = open_file(DATA "models/tales-1m-F16.gguf");
    og_tokens ids = encode(t, "abc", 0);
    int64_t n = ids.n;
    cr_assert(og_tokenizer_encode(t, ctx, "ab\xf4\x90\x80\x80", 6, 0, &ids) == OG_E_INVALID);
    cr_assert(ids.n == n);
    og_tokens_free(ctx, &ids);
    og_tokenizer_free(t);
}
