/* SPDX-License-Identifier: MIT
 *
 * Tokenizers from inside the library: from a model file that is already open. */
#ifndef OG_TEXT_TOKENIZER_LOAD_H
#define OG_TEXT_TOKENIZER_LOAD_H

#include "formats/gguf.h"
#include "oxigraph/tokenizer.h"

/* f may be closed afterwards; ctx must outlive the tokenizer. Errors: as og_tokenizer_open();
 * OG_E_NOT_FOUND when the file has no tokenizer. */
og_status ogi_tokenizer_load(og_ctx *ctx, const ogi_gguf *f, og_tokenizer **out);

#endif
