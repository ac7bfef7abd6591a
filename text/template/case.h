/* SPDX-License-Identifier: MIT
 *
 * Letter case and kinds of characters, as Python's str methods see them. */
#ifndef OG_TEXT_TEMPLATE_CASE_H
#define OG_TEXT_TEMPLATE_CASE_H

#include "text/value/value.h"

typedef enum tmpl_case { TC_UPPER, TC_LOWER, TC_CAPITAL, TC_TITLE, TC_SWAP } tmpl_case;

/* Bytes begin..end of s in another case, keeping their origin. */
void ogi_tc_put(tmpl_sb *b, const tmpl_str *s, size_t begin, size_t end, tmpl_case how);
tmpl_val ogi_tc_map(tmpl_heap *h, tmpl_val v, tmpl_case how);
tmpl_val ogi_tc_fold(tmpl_heap *h, tmpl_val v); /* for comparison without case */

bool ogi_tc_is_lower(int32_t cp);
bool ogi_tc_is_upper(int32_t cp);
bool ogi_tc_is_cased(int32_t cp);
bool ogi_tc_is_alpha(int32_t cp);
bool ogi_tc_is_decimal(int32_t cp);
int ogi_tc_digit(int32_t cp); /* 0..9 of a decimal digit of any script; -1 */
bool ogi_tc_is_numeric(int32_t cp);
bool ogi_tc_is_identifier(int32_t cp, bool first); /* may stand in a name, or begin it */

#endif
