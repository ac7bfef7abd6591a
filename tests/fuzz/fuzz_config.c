/* SPDX-License-Identifier: MIT
 *
 * Sampling options as TOML and as JSON: what is read prints back to equal options. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oxigraph/sampler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(og_ctx *ctx, const og_sampler_config *c, og_sampler_format format)
{
    char *text;
    og_sampler_config back;
    og_sampler_config_init(&back);
    if (og_sampler_config_print(ctx, c, format, &text) != OG_OK) return;
    og_status s = format == OG_SAMPLER_JSON
                      ? og_sampler_config_json(ctx, &back, "back", text, strlen(text))
                      : og_sampler_config_toml(ctx, &back, "back", text, strlen(text));
    if (s != OG_OK || !og_sampler_config_equal(c, &back)) abort();
    og_sampler_text_free(ctx, text);
}

/* The first byte chooses the form. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    og_ctx *ctx;
    og_sampler_config c;
    if (size < 1 || og_ctx_new(NULL, &ctx) != OG_OK) return 0;
    const char *text = (const char *)data + 1;
    og_sampler_config_init(&c);
    og_status s = data[0] & 1 ? og_sampler_config_toml(ctx, &c, "fuzz", text, size - 1)
                              : og_sampler_config_json(ctx, &c, "fuzz", text, size - 1);
    if (s == OG_OK) {
        check_round_trip(ctx, &c, OG_SAMPLER_JSON);
        check_round_trip(ctx, &c, OG_SAMPLER_TOML);
    }
    og_ctx_free(ctx);
    return 0;
}
