/* SPDX-License-Identifier: MIT
 *
 * RWKV (World): the longest token from the left, over bytes. The vocabulary writes bytes as
 * escapes. */
#include "text/tokenizer/impl.h"

og_status ogi_build_rwkv(og_ctx *ctx, og_tokenizer *t)
{
    t->tokens.ctx = ctx;
    for (int32_t i = 0; i < t->v.n; i++) OG_TRY(ogi_trie_put(&t->tokens, t->v.token[i].piece, i));
    return OG_OK;
}

og_status ogi_encode_rwkv(ogi_encoder *e, ogi_sv text)
{
    const ogi_trie *trie = &e->t->tokens;
    for (size_t i = 0, longest; i < text.n; i += longest) {
        uint32_t node = 0;
        int32_t id = e->t->v.special[OG_SPECIAL_UNK];
        longest = 1;
        for (size_t k = i; k < text.n; k++) {
            node = ogi_trie_step(trie, node, (unsigned char)text.p[k]);
            if (!node) break;
            if (trie->value[node] < 0) continue;
            id = trie->value[node];
            longest = k + 1 - i;
        }
        if (id >= 0) OG_TRY(ogi_tokens_add(e->ctx, e->out, id));
    }
    return OG_OK;
}
