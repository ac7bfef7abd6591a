/* SPDX-License-Identifier: MIT
 *
 * Lenient decoding, the lead byte says how long; and the two-way table of byte-level BPE. */
#include "text/unicode/utf8.h"

int ogi_utf8_length(unsigned char lead)
{
    if (lead < 0xc0) return 1;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 1;
}

uint32_t ogi_utf8_decode(const char *s, size_t n, int *used)
{
    unsigned char lead = (unsigned char)s[0];
    *used = 1;
    if (lead < 0x80) return lead;
    int len = ogi_utf8_length(lead);
    if (len == 1 || (size_t)len > n) return OGI_CP_REPLACEMENT;
    uint32_t cp = lead & (0xffu >> (len + 1));
    for (int i = 1; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c & 0xc0) != 0x80) return OGI_CP_REPLACEMENT;
        cp = cp << 6 | (c & 0x3f);
    }
    *used = len;
    return cp;
}

int ogi_utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    int n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, cp >>= 6) out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)((0xf00 >> n) | cp);
    return n;
}

/* Length of the longest prefix that decodes and encodes to itself; *too_high when it ends at a
 * sequence above `most`. */
static size_t clean_prefix(const char *s, size_t n, uint32_t most, bool *too_high)
{
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        while (i + 8 <= n) {
            memcpy(&eight, s + i, 8);
            if (eight & 0x8080808080808080u) break;
            i += 8;
        }
        if (i == n) break;
        int used;
        char again[4];
        uint32_t cp = ogi_utf8_decode(s + i, n - i, &used);
        *too_high = cp > most;
        if (*too_high || ogi_utf8_encode(cp, again) != used || memcmp(again, s + i, (size_t)used))
            return i;
        i += (size_t)used;
    }
    return n;
}

bool ogi_utf8_clean(ogi_sv text, uint32_t most, ogi_buf *out, bool *same)
{
    bool too_high = false;
    size_t i = clean_prefix(text.p, text.n, most, &too_high);
    *same = i == text.n;
    if (*same) return true;
    if (too_high) return false;
    ogi_buf_add(out, text.p, i);
    while (i < text.n) {
        int used;
        char again[4];
        uint32_t cp = ogi_utf8_decode(text.p + i, text.n - i, &used);
        if (cp > most) return false;
        ogi_buf_add(out, again, (size_t)ogi_utf8_encode(cp, again));
        i += (size_t)used;
        size_t clean = clean_prefix(text.p + i, text.n - i, most, &too_high);
        ogi_buf_add(out, text.p + i, clean);
        i += clean;
    }
    return true;
}

size_t ogi_utf8_unfinished(const char *s, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)s[n - back];
        if ((c & 0xc0) == 0x80) continue;
        return (size_t)ogi_utf8_length(c) > back ? back : 0;
    }
    return 0;
}

bool ogi_cp_is_space(uint32_t cp)
{
    if (cp < 0x80) return cp == ' ' || (cp >= '\t' && cp <= '\r');
    return cp == 0x85 || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

bool ogi_cp_is_cjk(uint32_t cp)
{
    return (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0x3400 && cp <= 0x4dbf) ||
           (cp >= 0x20000 && cp <= 0x2a6df) || (cp >= 0x2a700 && cp <= 0x2ceaf) ||
           (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0x2f800 && cp <= 0x2fa1f);
}

/* Printable Latin-1 stands for itself; the other 68 bytes are U+0100 onwards, in order. */
static bool is_own_character(unsigned b)
{
    return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
}

uint32_t ogi_byte_to_cp(unsigned char byte)
{
    if (is_own_character(byte)) return byte;
    if (byte <= 0x20) return 0x100u + byte;
    return byte == 0xad ? 0x143u : 0x121u + (byte - 0x7fu);
}

int ogi_cp_to_byte(uint32_t cp)
{
    if (cp < 0x100) return is_own_character(cp) ? (int)cp : -1;
    if (cp <= 0x120) return (int)cp - 0x100;
    if (cp <= 0x142) return (int)cp - 0x121 + 0x7f;
    return cp == 0x143 ? 0xad : -1;
}
