/* SPDX-License-Identifier: MIT
 *
 * Letter case and kinds of single characters, as Python's str methods see them. Strings of them,
 * where a neighbour may count (the final sigma), are the caller's: text/template/case.c. */
#ifndef OG_TEXT_UNICODE_CASE_H
#define OG_TEXT_UNICODE_CASE_H

#include "base/buf.h"

/* The characters that cp becomes; returns how many. */
int ogi_cp_upper(int32_t cp, int32_t to[3]);
int ogi_cp_title(int32_t cp, int32_t to[3]);

bool ogi_cp_is_lower(int32_t cp);
bool ogi_cp_is_upper(int32_t cp);
bool ogi_cp_is_cased(int32_t cp);
bool ogi_cp_is_alpha(int32_t cp);
bool ogi_cp_is_decimal(int32_t cp);
int ogi_cp_digit(int32_t cp); /* 0..9 of a decimal digit of any script; -1 */
bool ogi_cp_is_numeric(int32_t cp);
bool ogi_cp_is_identifier(int32_t cp, bool first); /* may stand in a name, or begin it */

#endif
