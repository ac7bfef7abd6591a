/* SPDX-License-Identifier: MIT
 *
 * The first tokens of a healed answer: those that agree with the text that was cut off stay, all
 * others are ruled out, until that text is spelled. */
#include "runtime/heal.h"

#include <math.h>

/* May the answer begin with this text? */
static og_status fits(const ogi_heal *h, ogi_sv text, bool *out)
{
    size_t taken = text.n;
    if (h->matcher && text.n) {
        OG_TRY(og_matcher_text(h->matcher, text.p, text.n, &taken));
        og_matcher_reset(h->matcher);
    }
    *out = taken == text.n;
    return OG_OK;
}

og_status ogi_heal_mask(const ogi_heal *h, float *logits, int32_t n_vocab)
{
    for (int32_t i = 0; i < n_vocab; i++) {
        ogi_sv piece;
        piece.p = og_tokenizer_piece(h->t, i, false, &piece.n);
        bool fit = piece.n && piece.n <= h->rest.n && ogi_sv_starts(h->rest, piece);
        if (piece.n > h->rest.n && ogi_sv_starts(piece, h->rest))
            OG_TRY(fits(h, (ogi_sv){ piece.p + h->rest.n, piece.n - h->rest.n }, &fit));
        if (!fit) logits[i] = -INFINITY;
    }
    return OG_OK;
}

og_status ogi_heal_accept(ogi_heal *h, int32_t token)
{
    size_t n, taken;
    const char *piece = og_tokenizer_piece(h->t, token, false, &n);
    size_t spelled = OGI_MIN(n, h->rest.n);
    h->rest.p += spelled, h->rest.n -= spelled;
    return h->matcher && n > spelled
               ? og_matcher_text(h->matcher, piece + spelled, n - spelled, &taken)
               : OG_OK;
}
