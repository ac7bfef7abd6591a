/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as tokenizers read it, and the alphabet of byte-level BPE. Decoding is lenient: a byte
 * that starts no complete sequence is U+FFFD; overlong forms and surrogates are taken as they
 * are. Sequences above U+10FFFF are refused by the callers. */
#ifndef OG_TEXT_UNICODE_UTF8_H
#define OG_TEXT_UNICODE_UTF8_H

#include "base/buf.h"

enum { OGI_CP_MAX = 0x10ffff, OGI_CP_ANY = 0x1fffff, OGI_CP_REPLACEMENT = 0xfffd };

/* Bytes that a lead byte announces (continuation and invalid bytes: 1). */
int ogi_utf8_length(unsigned char lead);
/* Decodes one character at s (n > 0 bytes left); *used bytes. May return values above OGI_CP_MAX
 * for four-byte sequences that say so. */
uint32_t ogi_utf8_decode(const char *s, size_t n, int *used);
/* Writes 1 to 4 bytes; returns how many. Surrogates are written as three bytes. */
int ogi_utf8_encode(uint32_t cp, char out[4]);
/* Appends text as leniently decoded and written again; *same and nothing appended if that changes
 * nothing. False if a sequence encodes a number above `most`. */
bool ogi_utf8_clean(ogi_sv text, uint32_t most, ogi_buf *out, bool *same);
/* Bytes at the end of text that begin a character but do not finish it. */
size_t ogi_utf8_unfinished(const char *s, size_t n);

bool ogi_cp_is_space(uint32_t cp); /* Unicode White_Space */
bool ogi_cp_is_cjk(uint32_t cp);   /* CJK ideographs, as WordPiece isolates them */

/* Byte-level BPE writes each byte as one printable character. */
uint32_t ogi_byte_to_cp(unsigned char byte);
int ogi_cp_to_byte(uint32_t cp); /* -1: no byte's character */

#endif
