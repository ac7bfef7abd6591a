/* SPDX-License-Identifier: MIT
 *
 * A small TOML 1.0 reader for configuration files. The result is a Jansson object. Dates are
 * refused: nothing here has a use for them. */
#ifndef OG_TEXT_VALUE_TOML_H
#define OG_TEXT_VALUE_TOML_H

#include <jansson.h>

#include "base/buf.h"

/* name stands for the file in errors, which give the line. *out is freed with json_decref. */
og_status ogi_toml_parse(og_ctx *ctx, const char *name, const char *text, size_t n, json_t **out);

/* s as a TOML (and JSON) basic string, quotes included. */
void ogi_toml_quote(ogi_buf *b, const char *s);

#endif
