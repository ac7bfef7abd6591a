/* SPDX-License-Identifier: MIT
 *
 * What only the texts of tokens tell: which one ends a turn, which serve fill-in-the-middle, which
 * end generation. Files seldom say so; the texts are those that published models use. */
#include "text/tokenizer/vocab.h"

// clang-format off
/* SPECIAL(id, text): the first of an id's texts that is in the vocabulary wins, unless the file
 * names the id itself. */
#define SPECIAL_TEXTS(S)                                                                           \
    S(EOT, "<|eot_id|>") S(EOT, "<|im_end|>") S(EOT, "<|end|>") S(EOT, "<end_of_turn>")            \
    S(EOT, "<turn|>") S(EOT, "<|endoftext|>") S(EOT, "<|end_of_text|>") S(EOT, "<EOT>")            \
    S(EOT, "_<EOT>") S(EOT, "[EOT]") S(EOT, "< EOT >")                                             \
    S(EOT, "<\uff5cend\u2581of\u2581sentence\uff5c>") S(EOT, "<end_of_utterance>")                 \
    S(EOM, "<|eom_id|>")                                                                           \
    S(FIM_PRE, "<|fim_prefix|>") S(FIM_PRE, "<fim-prefix>") S(FIM_PRE, "<fim_prefix>")             \
    S(FIM_PRE, "<\uff5cfim\u2581begin\uff5c>") S(FIM_PRE, "<PRE>") S(FIM_PRE, "\u2581<PRE>")       \
    S(FIM_PRE, "<|code_prefix|>") S(FIM_PRE, "<|prefix|>")                                         \
    S(FIM_SUF, "<|fim_suffix|>") S(FIM_SUF, "<fim-suffix>") S(FIM_SUF, "<fim_suffix>")             \
    S(FIM_SUF, "<\uff5cfim\u2581hole\uff5c>") S(FIM_SUF, "<SUF>") S(FIM_SUF, "\u2581<SUF>")        \
    S(FIM_SUF, "<|code_suffix|>") S(FIM_SUF, "<|suffix|>")                                         \
    S(FIM_MID, "<|fim_middle|>") S(FIM_MID, "<fim-middle>") S(FIM_MID, "<fim_middle>")             \
    S(FIM_MID, "<\uff5cfim\u2581end\uff5c>") S(FIM_MID, "<MID>") S(FIM_MID, "\u2581<MID>")         \
    S(FIM_MID, "<|code_middle|>") S(FIM_MID, "<|middle|>")                                         \
    S(FIM_PAD, "<|fim_pad|>") S(FIM_PAD, "<fim-pad>") S(FIM_PAD, "<fim_pad>") S(FIM_PAD, "<PAD>")  \
    S(FIM_PAD, "[PAD]")                                                                            \
    S(FIM_REP, "<|fim_repo|>") S(FIM_REP, "<|repo_name|>") S(FIM_REP, "<fim-repo>")                \
    S(FIM_REP, "<REPO>") S(FIM_REP, "<reponame>")                                                  \
    S(FIM_SEP, "<|file_sep|>")

static const struct special_text {
    og_special id;
    const char *text;
} special_texts[] = {
#define S(id, text) { OG_SPECIAL_##id, text },
    SPECIAL_TEXTS(S)
#undef S
};

static const char *const eog_texts[] = {
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    "<end_of_turn>", "<turn|>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "< EOT >", "_<EOT>",
    "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>",
};

/* Channel markers of the harmony format: they are always shown. */
static const char *const shown_texts[] = {
    "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>",
};
// clang-format on

static void mark_control(og_ctx *ctx, ogi_vocab *v, int32_t id, const char *why)
{
    if (v->token[id].attr & OG_TOKEN_CONTROL) return;
    ogi_log(ctx, OG_LOG_INFO, "%s: token %d '%s' is taken as a control token: %s", v->source,
            (int)id, v->token[id].text.p, why);
    v->token[id].attr |= OG_TOKEN_CONTROL;
}

/* In the harmony format <|end|> ends a message, not the answer: it is known by its companions. */
static void spare_harmony_end(ogi_vocab *v)
{
    int32_t end = ogi_vocab_find(v, OGI_SV("<|end|>"));
    bool has_return = ogi_vocab_find(v, OGI_SV("<|return|>")) >= 0;
    bool has_call = ogi_vocab_find(v, OGI_SV("<|call|>")) >= 0;
    bool has_calls = ogi_vocab_find(v, OGI_SV("<|calls|>")) >= 0;
    bool has_flush = ogi_vocab_find(v, OGI_SV("<|flush|>")) >= 0;
    if (end < 0 || !(has_call || has_calls) || !(has_return || has_flush)) return;
    v->is_eog[end] = 0;
    v->token[end].attr = OG_TOKEN_USER_DEFINED;
}

og_status ogi_vocab_find_special(og_ctx *ctx, ogi_vocab *v)
{
    v->is_eog = ogi_arena_alloc(&v->arena, (size_t)v->n, 1);
    if (!v->is_eog) return OG_E_MEMORY;
    for (int i = 0; i < OGI_LEN(special_texts); i++) {
        int32_t *id = &v->special[special_texts[i].id];
        int32_t found = ogi_vocab_find(v, ogi_sv_of(special_texts[i].text));
        if (*id >= 0 || found < 0) continue;
        *id = found;
        mark_control(ctx, v, found, "its text says so");
    }
    static const og_special ends[] = { OG_SPECIAL_FIM_PAD, OG_SPECIAL_FIM_REP, OG_SPECIAL_FIM_SEP,
                                       OG_SPECIAL_EOS,     OG_SPECIAL_EOT,     OG_SPECIAL_EOM };
    for (int i = 0; i < OGI_LEN(ends); i++)
        if (v->special[ends[i]] >= 0) v->is_eog[v->special[ends[i]]] = 1;
    for (int i = 0; i < OGI_LEN(eog_texts); i++) {
        int32_t id = ogi_vocab_find(v, ogi_sv_of(eog_texts[i]));
        if (id < 0) continue;
        v->is_eog[id] = 1;
        mark_control(ctx, v, id, "it ends generation");
    }
    for (int i = 0; i < OGI_LEN(shown_texts); i++) {
        int32_t id = ogi_vocab_find(v, ogi_sv_of(shown_texts[i]));
        if (id >= 0) v->token[id].attr = OG_TOKEN_USER_DEFINED;
    }
    spare_harmony_end(v);
    return OG_OK;
}

static bool contains(ogi_sv s, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= s.n; i++) {
        size_t k = 0;
        while (k < n && (s.p[i + k] | ((unsigned)(s.p[i + k] - 'A') < 26 ? 0x20 : 0)) == part[k])
            k++;
        if (k == n) return true;
    }
    return false;
}

static void set_attr(ogi_vocab *v, const char *text, unsigned bit, bool on)
{
    int32_t id = ogi_vocab_find(v, ogi_sv_of(text));
    if (id < 0) return;
    v->token[id].attr = on ? v->token[id].attr | bit : v->token[id].attr & ~bit;
}

og_status ogi_vocab_fix_attr(og_ctx *ctx, ogi_vocab *v, ogi_sv arch, ogi_sv name, ogi_sv pre)
{
    (void)ctx;
    if (contains(pre, "jina-v2-de") || contains(pre, "jina-v2-es") ||
        contains(pre, "jina-v2-code") || contains(arch, "nomic-bert-moe") ||
        contains(arch, "jina-bert-v3")) {
        set_attr(v, "<mask>", OG_TOKEN_LSTRIP, true);
    } else if (contains(name, "phi-3") || contains(name, "phi3")) {
        for (int32_t i = 0; i < v->n; i++)
            if (v->token[i].attr & (OG_TOKEN_CONTROL | OG_TOKEN_USER_DEFINED | OG_TOKEN_UNKNOWN))
                v->token[i].attr |= OG_TOKEN_RSTRIP;
        set_attr(v, "</s>", OG_TOKEN_RSTRIP, true);
        set_attr(v, "<unk>", OG_TOKEN_RSTRIP, false);
        set_attr(v, "<s>", OG_TOKEN_RSTRIP, false);
        set_attr(v, "<|endoftext|>", OG_TOKEN_RSTRIP, false);
    } else if (contains(name, "modern-bert")) {
        set_attr(v, "[MASK]", OG_TOKEN_LSTRIP, true);
    }
    return OG_OK;
}
