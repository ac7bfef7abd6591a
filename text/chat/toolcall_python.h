/* SPDX-License-Identifier: MIT
 *
 * Values as Python writes them. */
#ifndef OG_TEXT_CHAT_TOOLCALL_PYTHON_H
#define OG_TEXT_CHAT_TOOLCALL_PYTHON_H

#include "base/buf.h"

/* Appends to json, as JSON, the value at *at, which ends before a "," or ")" that is no part of it;
 * *at is that place then, or the end. What is no value becomes what is no JSON. */
void ogi_python_to_json(ogi_sv text, size_t *at, ogi_buf *json);

#endif
