/* SPDX-License-Identifier: MIT
 *
 * The formats of reasoning, and which of them a template writes. */
#include "text/chat/reasoning.h"

/* The first row whose sign is in the source is the format, so narrower signs come first. */
// clang-format off
static const ogi_reasoning formats[] = {
    { "harmony", "<|channel|>analysis", "<|channel|>analysis", "<|end|>", true,
      "{\"reasoning_effort\":\"low\"}",
      { "<|start|>assistant", "<|channel|>final", "<|channel|>commentary" } },
    { "gemma", "<|channel>thought", "<|channel>thought", "<channel|>", true, NULL, { NULL } },
    { "apertus", "<|inner_prefix|>", "<|inner_prefix|>", "<|inner_suffix|>", true, NULL, { NULL } },
    { "cohere", "<|START_THINKING|>", "<|START_THINKING|>", "<|END_THINKING|>", true, NULL,
      { NULL } },
    { "mistral", "[THINK]", "[THINK]", "[/THINK]", true, NULL, { NULL } },
    { "seed", "<seed:think>", "<seed:think>", "</seed:think>", true, NULL, { NULL } },
    { "apriel", "[BEGIN FINAL RESPONSE]", "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]",
      false, NULL, { "[END FINAL RESPONSE]" } },
    { "granite", "<response></response>", "<think>", "</think>", false, NULL,
      { "<response>", "</response>" } },
    { "think", "</think>", "<think>", "</think>", false, NULL, { NULL } },
};
// clang-format on

const ogi_reasoning *ogi_reasoning_at(int i)
{
    return i >= 0 && i < OGI_LEN(formats) ? &formats[i] : NULL;
}

const ogi_reasoning *ogi_reasoning_find(const char *name)
{
    for (int i = 0; i < OGI_LEN(formats); i++)
        if (!strcmp(formats[i].name, name)) return &formats[i];
    return NULL;
}

/* Offset of the last `part` in text; SIZE_MAX if there is none. */
static size_t last_place(ogi_sv text, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = text.n; i >= n && i > 0; i--)
        if (!memcmp(text.p + i - n, part, n)) return i - n;
    return SIZE_MAX;
}

const ogi_reasoning *ogi_reasoning_detect(ogi_sv source)
{
    for (int i = 0; i < OGI_LEN(formats); i++)
        if (last_place(source, formats[i].sign) != SIZE_MAX) return &formats[i];
    return NULL;
}

bool ogi_reasoning_is_open(const ogi_reasoning *r, ogi_sv tail)
{
    size_t open = last_place(tail, r->open), close = last_place(tail, r->close);
    return open != SIZE_MAX && (close == SIZE_MAX || close < open);
}
