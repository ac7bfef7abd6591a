/* SPDX-License-Identifier: MIT
 *
 * Strings in another letter case, as Python's str methods give them. */
#ifndef OG_TEXT_TEMPLATE_CASE_H
#define OG_TEXT_TEMPLATE_CASE_H

#include "text/unicode/case.h"
#include "text/value/value.h"

typedef enum tmpl_case { TC_UPPER, TC_LOWER, TC_CAPITAL, TC_TITLE, TC_SWAP } tmpl_case;

/* Bytes begin..end of s in another case, keeping their origin. */
void ogi_tc_put(tmpl_sb *b, const tmpl_str *s, size_t begin, size_t end, tmpl_case how);
tmpl_val ogi_tc_map(tmpl_heap *h, tmpl_val v, tmpl_case how);
tmpl_val ogi_tc_fold(tmpl_heap *h, tmpl_val v); /* for comparison without case */

#endif
