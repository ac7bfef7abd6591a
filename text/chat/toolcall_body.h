/* SPDX-License-Identifier: MIT
 *
 * The inside of a call, between its marks, to names and arguments. */
#ifndef OG_TEXT_CHAT_TOOLCALL_BODY_H
#define OG_TEXT_CHAT_TOOLCALL_BODY_H

#include "text/chat/toolcall.h"
#include "text/value/value.h"

typedef enum toolcall_form {
    FORM_JSON,      /* {"name": ..., "arguments": {...}}, or a list of them, or {NAME: {...}} */
    FORM_NAME_JSON, /* NAME sep {...} */
    FORM_XML,       /* <function=NAME><parameter=K>V</parameter></function>, <invoke name="..."> */
    FORM_PAIRS,     /* NAME<arg_key>K</arg_key><arg_value>V</arg_value> */
    FORM_GEMMA,     /* NAME{K:<|"|>V<|"|>,...} */
    FORM_PYTHON,    /* [NAME(K=V, ...), ...] */
} toolcall_form;

struct ogi_toolcall_format {
    const char *name;
    const char *sign; /* is in the rendering of a call; %s stands for the tool's name */
    toolcall_form form;
    const char *open, *close; /* close NULL: the call ends with its JSON */
    const char *sep; /* FORM_NAME_JSON: between name and arguments; FORM_XML: prefix of tags */
    const char *section[2]; /* marks around all calls, dropped */
    bool only_first;        /* open counts only where the answer begins, and belongs to the call */
    /* For the grammar: what stands between open (behind it in only_first) and close. Signs are
     * $S blanks, $N the tool's name, $Q that in quotes, $A the arguments, $P the parameters one by
     * one, $D digits, $C an identifier, $I that in quotes, $( ... $) what may be left out, $[ ...
     * $] a JSON list of calls, $< ... $> one call or more. */
    const char *call;
    /* What stands before a parameter's value, $K its name, $T whether it is text; and behind it. */
    const char *param, *param_close;
    const char *lead;    /* a pattern, too: may stand before open where the answer begins */
    const char *other;   /* may follow open instead of a call; dropped with it, text follows */
    bool is_prompted;    /* the prompt ends with open: the answer begins behind it */
    const char *listing; /* is in the rendering of tools, where calls are not shown */
};

/* The calls in body as a list of dicts {name, arguments, id}; false if it is malformed. */
bool ogi_toolcall_read(tmpl_heap *h, const ogi_toolcall_format *f, ogi_sv body, tmpl_val tools,
                       tmpl_val *calls);

#endif
