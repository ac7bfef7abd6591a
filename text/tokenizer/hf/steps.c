/* SPDX-License-Identifier: MIT
 *
 * "normalizer" and "pre_tokenizer" of tokenizer.json as chains of steps. */
#include <jansson.h>
#include <utf8proc.h>

#include "text/tokenizer/hf/hf.h"

static og_status add_step(og_ctx *ctx, const ogi_vocab *v, ogi_hf *hf, ogi_hf_step step)
{
    if (hf->n_step == OGI_HF_STEPS)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: more than %d normalizers and pre-tokenizers", v->source,
                OGI_HF_STEPS);
    hf->step[hf->n_step++] = step;
    return OG_OK;
}

og_status ogi_hf_copy(ogi_vocab *v, const json_t *s, ogi_sv *out)
{
    out->n = json_string_length(s);
    out->p = ogi_arena_strndup(&v->arena, out->n ? json_string_value(s) : "", out->n);
    return out->p ? OG_OK : OG_E_MEMORY;
}

static bool flag_or(const json_t *json, const char *key, bool otherwise)
{
    const json_t *v = json_object_get(json, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

void ogi_hf_walk_start(ogi_hf_walk *w, const json_t *json, const char *key)
{
    *w = (ogi_hf_walk){ .key = key };
    w->open[0] = json;
    w->depth = json_is_object(json) ? 1 : 0;
}

const json_t *ogi_hf_walk_next(ogi_hf_walk *w, bool *too_deep)
{
    while (w->depth > 0) {
        const json_t *top = w->open[w->depth - 1];
        const json_t *list = json_object_get(top, w->key);
        const char *type = json_string_value(json_object_get(top, "type"));
        bool is_sequence = type && !strcmp(type, "Sequence") && json_is_array(list);
        if (!is_sequence) {
            w->depth--;
            return top;
        }
        if (w->at[w->depth - 1] >= json_array_size(list)) {
            w->depth--;
            continue;
        }
        const json_t *item = json_array_get(list, w->at[w->depth - 1]++);
        *too_deep = w->depth == OGI_LEN(w->open);
        if (*too_deep) return NULL;
        w->open[w->depth] = item;
        w->at[w->depth++] = 0;
    }
    return NULL;
}

/* ---- patterns ---- */

og_status ogi_hf_new_splitter(og_ctx *ctx, ogi_sv pattern, ogi_split_rule rule, ogi_splitter **out)
{
    *out = OGI_NEW(ctx, ogi_splitter);
    if (!*out) return OG_E_MEMORY;
    og_status status = ogi_splitter_build(ctx, &pattern, &rule, 1, true, *out);
    if (status == OG_OK) return OG_OK;
    ogi_hf_free_splitter(ctx, *out);
    *out = NULL;
    return status;
}

void ogi_hf_free_splitter(og_ctx *ctx, ogi_splitter *s)
{
    if (!s) return;
    ogi_splitter_free(s);
    ogi_free(ctx, s);
}

/* A string as a pattern that matches just it. */
static void quote(ogi_buf *out, const char *s)
{
    for (; *s; s++) {
        if (strchr("\\^$.[]|()?*+{}-", *s)) ogi_buf_putc(out, '\\');
        ogi_buf_putc(out, *s);
    }
}

/* ---- normalizers ---- */

static og_status read_replace(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *pattern = json_object_get(json, "pattern");
    const json_t *string = json_object_get(pattern, "String");
    const json_t *regex = json_object_get(pattern, "Regex");
    ogi_hf_step step = { .kind = regex ? OGI_HF_REPLACE_REGEX : OGI_HF_REPLACE };
    OG_TRY(ogi_hf_copy(v, json_object_get(json, "content"), &step.to));
    if (json_string_length(string))
        OG_TRY(ogi_hf_copy(v, string, &step.from));
    else if (!json_is_string(regex))
        return ogi_hf_unsupported(ctx, v, "normalizer Replace of", "");
    else
        OG_TRY(ogi_hf_new_splitter(ctx, ogi_sv_of(json_string_value(regex)), OGI_SPLIT_ISOLATE,
                                   &step.splitter));
    og_status status = add_step(ctx, v, hf, step);
    if (status != OG_OK) ogi_hf_free_splitter(ctx, step.splitter);
    return status;
}

static og_status read_bert(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    bool lower = flag_or(json, "lowercase", true);
    if (flag_or(json, "clean_text", true))
        OG_TRY(add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_CLEAN }));
    if (flag_or(json, "handle_chinese_chars", true))
        OG_TRY(add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_SPACE_CJK }));
    if (flag_or(json, "strip_accents", lower)) {
        OG_TRY(add_step(ctx, v, hf,
                        (ogi_hf_step){ .kind = OGI_HF_FORM, .option = UTF8PROC_DECOMPOSE }));
        OG_TRY(add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_NO_ACCENTS }));
    }
    return lower ? add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_LOWERCASE }) : OG_OK;
}

static int digit_of_base64(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr(digits, c) : NULL;
    return p ? (int)(p - digits) : -1;
}

static og_status read_precompiled(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *map = json_object_get(json, "precompiled_charsmap");
    const char *s = json_string_value(map);
    if (!s) return OG_OK;
    unsigned char *out = ogi_arena_alloc(&v->arena, json_string_length(map), 1);
    uint32_t bits = 0;
    int n_bit = 0;
    if (!out) return OG_E_MEMORY;
    v->charsmap = out;
    v->charsmap_size = 0;
    for (; *s && *s != '='; s++) {
        int digit = digit_of_base64(*s);
        if (digit < 0)
            OG_FAIL(ctx, OG_E_FORMAT, "%s: precompiled_charsmap is not base64", v->source);
        bits = bits << 6 | (uint32_t)digit;
        n_bit += 6;
        if (n_bit < 8) continue;
        n_bit -= 8;
        out[v->charsmap_size++] = (unsigned char)(bits >> n_bit);
    }
    if (!v->charsmap_size) return OG_OK;
    OG_TRY(ogi_check_charsmap(ctx, v));
    return add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_CHARSMAP });
}

og_status ogi_hf_read_normalizer(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    // clang-format off
    static const struct { const char *type; ogi_hf_step step; } plain[] = {
        { "NFC", { .kind = OGI_HF_FORM, .option = UTF8PROC_COMPOSE } },
        { "NFD", { .kind = OGI_HF_FORM, .option = UTF8PROC_DECOMPOSE } },
        { "NFKC", { .kind = OGI_HF_FORM, .option = UTF8PROC_COMPOSE | UTF8PROC_COMPAT } },
        { "NFKD", { .kind = OGI_HF_FORM, .option = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT } },
        { "Lowercase", { .kind = OGI_HF_LOWERCASE } },
        { "StripAccents", { .kind = OGI_HF_NO_MARKS } },
        { "Nmt", { .kind = OGI_HF_NMT } },
        { "ByteLevel", { .kind = OGI_HF_BYTES } },
    };
    // clang-format on
    ogi_hf_walk w;
    bool too_deep = false;
    ogi_hf_walk_start(&w, json, "normalizers");
    for (const json_t *n; (n = ogi_hf_walk_next(&w, &too_deep));) {
        const char *type = json_string_value(json_object_get(n, "type"));
        int k = 0;
        while (k < OGI_LEN(plain) && (!type || strcmp(type, plain[k].type))) k++;
        if (k < OGI_LEN(plain)) {
            OG_TRY(add_step(ctx, v, hf, plain[k].step));
        } else if (type && !strcmp(type, "Strip")) {
            int sides = flag_or(n, "strip_left", true) | flag_or(n, "strip_right", true) << 1;
            OG_TRY(add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_STRIP, .option = sides }));
        } else if (type && !strcmp(type, "Prepend")) {
            ogi_hf_step step = { .kind = OGI_HF_PREPEND };
            OG_TRY(ogi_hf_copy(v, json_object_get(n, "prepend"), &step.to));
            OG_TRY(add_step(ctx, v, hf, step));
        } else if (type && !strcmp(type, "Replace")) {
            OG_TRY(read_replace(ctx, n, v, hf));
        } else if (type && !strcmp(type, "BertNormalizer")) {
            OG_TRY(read_bert(ctx, n, v, hf));
        } else if (type && !strcmp(type, "Precompiled")) {
            OG_TRY(read_precompiled(ctx, n, v, hf));
        } else {
            return ogi_hf_unsupported(ctx, v, "normalizer", type);
        }
    }
    if (too_deep) return ogi_hf_unsupported(ctx, v, "normalizer", "Sequence, nested too deep");
    hf->n_normalizer = hf->n_step;
    return OG_OK;
}

/* ---- pre-tokenizers ---- */

static og_status add_split(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf, ogi_sv pattern,
                           ogi_split_rule rule)
{
    ogi_hf_step step = { .kind = OGI_HF_SPLIT };
    OG_TRY(ogi_hf_new_splitter(ctx, pattern, rule, &step.splitter));
    og_status status = add_step(ctx, v, hf, step);
    if (status != OG_OK) ogi_hf_free_splitter(ctx, step.splitter);
    return status;
}

/* Splits with a named behavior; inverted, matches and gaps change places. */
static og_status add_behaved(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf, const char *pattern,
                             const char *behavior, bool invert)
{
    // clang-format off
    static const struct { const char *name; ogi_split_rule rule, inverted; } rules[] = {
        { "Isolated", OGI_SPLIT_ISOLATE, OGI_SPLIT_ISOLATE },
        { "Contiguous", OGI_SPLIT_CONTIGUOUS, OGI_SPLIT_CONTIGUOUS },
        { "Removed", OGI_SPLIT_DROP_MATCHES, OGI_SPLIT_DROP_GAPS },
        { "MergedWithPrevious", OGI_SPLIT_MERGE_PREVIOUS, OGI_SPLIT_MERGE_NEXT },
        { "MergedWithNext", OGI_SPLIT_MERGE_NEXT, OGI_SPLIT_MERGE_PREVIOUS },
    };
    // clang-format on
    for (int k = 0; k < OGI_LEN(rules); k++)
        if (behavior && !strcmp(behavior, rules[k].name))
            return add_split(ctx, v, hf, ogi_sv_of(pattern),
                             invert ? rules[k].inverted : rules[k].rule);
    return ogi_hf_unsupported(ctx, v, "split behavior", behavior);
}

static og_status read_split(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    const json_t *pattern = json_object_get(json, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *string = json_string_value(json_object_get(pattern, "String"));
    ogi_buf text = { .ctx = ctx };
    if (!regex && !string)
        return ogi_hf_unsupported(ctx, v, "pre-tokenizer Split", "without a pattern");
    if (regex)
        ogi_buf_puts(&text, regex);
    else
        quote(&text, string);
    og_status status = OG_E_MEMORY;
    if (!text.failed)
        status = add_behaved(ctx, v, hf, ogi_buf_str(&text),
                             json_string_value(json_object_get(json, "behavior")),
                             flag_or(json, "invert", false));
    ogi_buf_free(&text);
    return status;
}

static og_status read_byte_level(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    static const char gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                               "\\s+(?!\\S)|\\s+";
    if (flag_or(json, "add_prefix_space", true))
        OG_TRY(add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_SPACE_FIRST }));
    if (flag_or(json, "use_regex", true))
        OG_TRY(add_split(ctx, v, hf, OGI_SV(gpt2), OGI_SPLIT_ISOLATE));
    return add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_BYTES });
}

static og_status read_metaspace(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    ogi_hf_step step = { .kind = OGI_HF_METASPACE };
    const char *scheme = json_string_value(json_object_get(json, "prepend_scheme"));
    if (!scheme) scheme = flag_or(json, "add_prefix_space", true) ? "always" : "never";
    step.option = !strcmp(scheme, "always") ? 1 : !strcmp(scheme, "first") ? 2 : 0;
    if (flag_or(json, "split", true)) step.option |= 4;
    OG_TRY(ogi_hf_copy(v, json_object_get(json, "replacement"), &step.to));
    if (!step.to.n || step.to.n > 4)
        return ogi_hf_unsupported(ctx, v, "pre-tokenizer Metaspace", "without one character");
    return add_step(ctx, v, hf, step);
}

static og_status read_fixed_length(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    json_int_t n = json_integer_value(json_object_get(json, "length"));
    if (n < 1 || n > INT32_MAX)
        return ogi_hf_unsupported(ctx, v, "pre-tokenizer FixedLength", "without a length");
    return add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_LENGTH, .option = (int)n });
}

static og_status read_scripts(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf)
{
    if (!hf->script) OG_TRY(ogi_script_ranges(ctx, NULL, &hf->script, &hf->n_script));
    return add_step(ctx, v, hf, (ogi_hf_step){ .kind = OGI_HF_SCRIPTS });
}

#define PUNCTUATION "\\p{punctuation}"

static og_status read_one_pre_tokenizer(og_ctx *ctx, const json_t *p, ogi_vocab *v, ogi_hf *hf)
{
    const char *type = json_string_value(json_object_get(p, "type"));
    if (!type) return ogi_hf_unsupported(ctx, v, "pre-tokenizer", NULL);
    if (!strcmp(type, "ByteLevel")) return read_byte_level(ctx, p, v, hf);
    if (!strcmp(type, "Split")) return read_split(ctx, p, v, hf);
    if (!strcmp(type, "Metaspace")) return read_metaspace(ctx, p, v, hf);
    if (!strcmp(type, "FixedLength")) return read_fixed_length(ctx, p, v, hf);
    if (!strcmp(type, "UnicodeScripts")) return read_scripts(ctx, v, hf);
    if (!strcmp(type, "Whitespace"))
        return add_split(ctx, v, hf, OGI_SV("\\p{word}+|[^\\p{word}\\s]+"), OGI_SPLIT_DROP_GAPS);
    if (!strcmp(type, "WhitespaceSplit"))
        return add_split(ctx, v, hf, OGI_SV("\\s+"), OGI_SPLIT_DROP_MATCHES);
    if (!strcmp(type, "BertPreTokenizer")) {
        OG_TRY(add_split(ctx, v, hf, OGI_SV("\\s+"), OGI_SPLIT_DROP_MATCHES));
        return add_split(ctx, v, hf, OGI_SV(PUNCTUATION), OGI_SPLIT_ISOLATE);
    }
    if (!strcmp(type, "Digits"))
        return add_split(ctx, v, hf,
                         flag_or(p, "individual_digits", false) ? OGI_SV("\\p{numeric}")
                                                                : OGI_SV("\\p{numeric}+"),
                         OGI_SPLIT_ISOLATE);
    if (!strcmp(type, "Punctuation")) {
        const char *behavior = json_string_value(json_object_get(p, "behavior"));
        return add_behaved(ctx, v, hf, PUNCTUATION, behavior ? behavior : "Isolated", false);
    }
    if (!strcmp(type, "CharDelimiterSplit")) {
        ogi_buf text = { .ctx = ctx };
        const char *delimiter = json_string_value(json_object_get(p, "delimiter"));
        quote(&text, delimiter ? delimiter : "");
        og_status status = OG_E_MEMORY;
        if (!text.failed)
            status = text.n ? add_behaved(ctx, v, hf, ogi_buf_str(&text), "Removed", false)
                            : ogi_hf_unsupported(ctx, v, type, "without a delimiter");
        ogi_buf_free(&text);
        return status;
    }
    return ogi_hf_unsupported(ctx, v, "pre-tokenizer", type);
}

og_status ogi_hf_read_pre_tokenizer(og_ctx *ctx, const json_t *json, ogi_vocab *v, ogi_hf *hf)
{
    ogi_hf_walk w;
    bool too_deep = false;
    ogi_hf_walk_start(&w, json, "pretokenizers");
    for (const json_t *p; (p = ogi_hf_walk_next(&w, &too_deep));)
        OG_TRY(read_one_pre_tokenizer(ctx, p, v, hf));
    if (too_deep) return ogi_hf_unsupported(ctx, v, "pre-tokenizer", "Sequence, nested too deep");
    return OG_OK;
}
