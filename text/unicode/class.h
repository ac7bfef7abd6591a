/* SPDX-License-Identifier: MIT
 *
 * Regular expressions over characters, turned into expressions over bytes. Every character gets
 * one byte: ASCII itself, any other the number (128..) of the set of properties that the patterns
 * can tell it apart by. So Unicode classes cost one table look-up a character, the patterns run on
 * small byte classes, and the Unicode version is that of utf8proc.
 *
 *     "\p{N}+|[^\s\p{L}]"   "é１ x"      classes: L=0x80 N=0x81 space=0x82 other=0x83
 *      becomes [0-9\x81]+|[^...]         and the text 80 81 20 78 */
#ifndef OG_TEXT_UNICODE_CLASS_H
#define OG_TEXT_UNICODE_CLASS_H

#include "base/buf.h"

enum { OGI_CLASS_BLOCKS = 0x110000 / 256 };

typedef struct ogi_classes {
    og_ctx *ctx;
    uint16_t block_of[OGI_CLASS_BLOCKS];
    unsigned char *block; /* n_block * 256 class bytes */
    int64_t n_block, cap_block;
} ogi_classes;

typedef struct ogi_byte_set {
    uint64_t bit[4];
} ogi_byte_set;

static inline bool ogi_byte_set_has(const ogi_byte_set *s, unsigned char b)
{
    return s->bit[b >> 6] >> (b & 63) & 1;
}

/* Builds the table for n patterns and appends their byte forms to byte_pattern[i]. In patterns:
 * \p{..} and \P{..} of general categories, \s, \S, \x{...}, characters outside ASCII. wide: \d and
 * \w are Unicode's (ASCII otherwise), classes nest and may be intersected (&&). Else a pattern "@X"
 * or "#X" is no expression: the bytes with the property X are set[i]. Errors: OG_E_UNSUPPORTED
 * names the property. */
og_status ogi_classes_build(og_ctx *ctx, const ogi_sv *pattern, int n, bool wide, ogi_classes *out,
                            ogi_buf *byte_pattern, ogi_byte_set *set);
void ogi_classes_free(ogi_classes *c);

static inline unsigned char ogi_class_of(const ogi_classes *c, uint32_t cp)
{
    return c->block[(size_t)c->block_of[cp >> 8] * 256 + (cp & 255)];
}

#endif
