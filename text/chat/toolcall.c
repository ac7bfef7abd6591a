/* SPDX-License-Identifier: MIT
 *
 * The formats of tool calls, and which of them a template writes. */
#include "text/chat/toolcall.h"

#include "text/chat/toolcall_body.h"

#define DS(name) "<\xef\xbd\x9ctool\xe2\x96\x81" name "\xef\xbd\x9c>"
#define DSML                                                                                       \
    "\xef\xbd\x9c"                                                                                 \
    "DSML"                                                                                         \
    "\xef\xbd\x9c"

#define NAME_ARGUMENTS "{$S\"name\":$S$Q,$S\"arguments\":$S$A$S}"

/* The first row whose sign is in the rendering of a call is the format, so narrower signs come
 * first. */
// clang-format off
static const ogi_toolcall_format formats[] = {
    { "apertus", "<|tools_prefix|>[{\"%s\"", FORM_JSON,
      "<|tools_prefix|>", "<|tools_suffix|>", NULL, { NULL, NULL }, false,
      .call = "$S$[{$S$Q$S:$S$A$S}$]$S" },
    { "apriel", "<tool_calls>[{\"name\": \"%s\"", FORM_JSON,
      "<tool_calls>", "</tool_calls>", NULL, { NULL, NULL }, false,
      .call = "$S$[" NAME_ARGUMENTS "$]$S" },
    { "seed", "<seed:tool_call>\n<function=%s>", FORM_XML,
      "<seed:tool_call>", "</seed:tool_call>", NULL, { NULL, NULL }, false,
      .call = "$S$<<function=$N>$S$P</function>$>$S",
      .param = "<parameter=$K>",
      .param_close = "</parameter>" },
    { "minimax", "<invoke name=\"%s\">", FORM_XML,
      "<minimax:tool_call>", "</minimax:tool_call>", NULL, { NULL, NULL }, false,
      .call = "$S$<<invoke name=\"$N\">$S$P</invoke>$>$S",
      .param = "<parameter name=\"$K\">",
      .param_close = "</parameter>" },
    { "dsml-functions", "<" DSML "function_calls>", FORM_XML,
      "<" DSML "function_calls>", "</" DSML "function_calls>", DSML, { NULL, NULL }, false,
      .call = "$S$<<" DSML "invoke name=\"$N\">$S$P</" DSML "invoke>$>$S",
      .param = "<" DSML "parameter name=\"$K\" string=\"$T\">",
      .param_close = "</" DSML "parameter>" },
    { "dsml-tools", "<" DSML "tool_calls>", FORM_XML,
      "<" DSML "tool_calls>", "</" DSML "tool_calls>", DSML, { NULL, NULL }, false,
      .call = "$S$<<" DSML "invoke name=\"$N\">$S$P</" DSML "invoke>$>$S",
      .param = "<" DSML "parameter name=\"$K\" string=\"$T\">",
      .param_close = "</" DSML "parameter>" },
    { "cohere", "\"tool_name\": \"%s\", \"parameters\"", FORM_JSON,
      "<|START_ACTION|>", "<|END_ACTION|>", NULL, { NULL, NULL }, false,
      .call = "$S$[{$S$(\"tool_call_id\":$S$I,$S$)\"tool_name\":$S$Q,$S\"parameters\":$S$A$S}$]$S" },
    { "command-r", "Action:\n```json\n[\n    {\n        \"tool_name\": \"%s\"", FORM_JSON,
      "Action:", "```", "```json", { NULL, NULL }, false,
      .call = "$S```json$S$[{$S\"tool_name\":$S$Q,$S\"parameters\":$S$A$S}$]$S" },
    { "kimi", "functions.%s:0<|tool_call_argument_begin|>", FORM_NAME_JSON,
      "<|tool_call_begin|>", "<|tool_call_end|>", "<|tool_call_argument_begin|>",
      { "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>" }, false,
      .call = "functions.$N:$D<|tool_call_argument_begin|>$S$A$S" },
    { "deepseek-r1", "function" DS("sep") "%s\n```json", FORM_NAME_JSON,
      DS("call" "\xe2\x96\x81" "begin"), DS("call" "\xe2\x96\x81" "end"), DS("sep"),
      { DS("calls" "\xe2\x96\x81" "begin"), DS("calls" "\xe2\x96\x81" "end") }, false,
      .call = "function" DS("sep") "$N\n```json\n$A\n```" },
    { "deepseek", DS("call" "\xe2\x96\x81" "begin"), FORM_NAME_JSON,
      DS("call" "\xe2\x96\x81" "begin"), DS("call" "\xe2\x96\x81" "end"), DS("sep"),
      { DS("calls" "\xe2\x96\x81" "begin"), DS("calls" "\xe2\x96\x81" "end") }, false,
      .call = "$N" DS("sep") "$S$A$S" },
    { "mistral", "[TOOL_CALLS]%s[", FORM_NAME_JSON,
      "[TOOL_CALLS]", NULL, "[ARGS]", { NULL, NULL }, false,
      .call = "$N$([CALL_ID]$C$)[ARGS]$S$A" },
    { "mistral-list", "[TOOL_CALLS][{", FORM_JSON,
      "[TOOL_CALLS]", NULL, NULL, { NULL, NULL }, false,
      .call = "$S$[{$S\"name\":$S$Q,$S\"arguments\":$S$A$(,$S\"id\":$S$I$)$S}$]" },
    { "gigachat", "<|function_call|>{\"name\": \"%s\"", FORM_JSON,
      "<|function_call|>", NULL, NULL, { NULL, NULL }, false,
      .call = "$S" NAME_ARGUMENTS },
    { "gigachat3", "function call<|role_sep|>\n{\"name\": \"%s\"", FORM_JSON,
      "function call<|role_sep|>", NULL, NULL, { NULL, NULL }, false,
      .call = "$S" NAME_ARGUMENTS,
      .lead = "<|message_sep|>$S" },
    { "gemma", "<|tool_call>call:%s{", FORM_GEMMA,
      "<|tool_call>call:", "<tool_call|>", NULL, { NULL, NULL }, false,
      .call = "$N$A$S" },
    { "phi", "<|tool_call|>{\"name\": \"%s\"", FORM_JSON,
      "<|tool_call|>", "<|/tool_call|>", NULL, { NULL, NULL }, false,
      .call = "$S" NAME_ARGUMENTS "$S" },
    { "glm", "<arg_key>", FORM_PAIRS,
      "<tool_call>", "</tool_call>", NULL, { NULL, NULL }, false,
      .call = "$N$S$P",
      .param = "<arg_key>$K</arg_key>$S<arg_value>",
      .param_close = "</arg_value>" },
    { "qwen-xml", "<tool_call>\n<function=%s>", FORM_XML,
      "<tool_call>", "</tool_call>", NULL, { NULL, NULL }, false,
      .call = "$S$<<function=$N>$S$P</function>$>$S",
      .param = "<parameter=$K>",
      .param_close = "</parameter>" },
    { "hermes", "<tool_call>\n{\"name\": \"%s\"", FORM_JSON,
      "<tool_call>", "</tool_call>", NULL, { NULL, NULL }, false,
      .call = "$S" NAME_ARGUMENTS "$S",
      .listing = "<tool_call>\n{\"name\": <function-name>" },
    { "functionary", "<function=%s>{", FORM_NAME_JSON,
      "<function=", "</function>", ">", { NULL, NULL }, false,
      .call = "$N>$S$A$S" },
    { "functionary-v3.2", ">>>%s\n{", FORM_NAME_JSON,
      ">>>", NULL, "\n", { ">>>all\n", NULL }, false,
      .call = "$N\n$S$A",
      .other = "all\n", .is_prompted = true },
    { "harmony", " to=functions.%s", FORM_NAME_JSON,
      " to=functions.", "<|call|>", "<|message|>", { NULL, NULL }, false,
      .call = "$N$(<|channel|>commentary$)$( <|constrain|>json$)$( json$)<|message|>$S$A$S",
      .lead = "$(<|start|>assistant$)$(<|channel|>commentary$)" },
    { "llama", "{\"name\": \"%s\", \"parameters\": ", FORM_JSON,
      "{\"name\":", NULL, NULL, { NULL, NULL }, true,
      .call = "$S$Q,$S\"parameters\":$S$A$S}" },
    { "granite", "<|tool_call|>[{\"name\": \"%s\"", FORM_JSON,
      "<|tool_call|>", NULL, NULL, { NULL, NULL }, false,
      .call = "$S$[" NAME_ARGUMENTS "$]",
      .listing = "<|tool_call|> followed by a JSON list of tools" },
    { "lfm2", "<|tool_call_start|>[%s(", FORM_PYTHON,
      "<|tool_call_start|>", "<|tool_call_end|>", NULL, { NULL, NULL }, false,
      .call = "$S$[$N($P)$]$S",
      .param = "$K=",
      .listing = "List of tools: " },
};
// clang-format on

/* ---- formats ---- */

const ogi_toolcall_format *ogi_toolcall_format_at(int i)
{
    return i >= 0 && i < OGI_LEN(formats) ? &formats[i] : NULL;
}

const char *ogi_toolcall_format_name(const ogi_toolcall_format *f)
{
    return f->name;
}

const ogi_toolcall_format *ogi_toolcall_format_find(const char *name)
{
    for (int i = 0; i < OGI_LEN(formats); i++)
        if (!strcmp(formats[i].name, name)) return &formats[i];
    return NULL;
}

static bool occurs(ogi_sv text, ogi_sv part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (!memcmp(text.p + i, part.p, part.n)) return true;
    return false;
}

const ogi_toolcall_format *ogi_toolcall_detect_listing(ogi_sv rendered)
{
    for (int i = 0; i < OGI_LEN(formats); i++)
        if (formats[i].listing && occurs(rendered, ogi_sv_of(formats[i].listing)))
            return &formats[i];
    return NULL;
}

const ogi_toolcall_format *ogi_toolcall_detect(ogi_sv rendered, ogi_sv name)
{
    char sign[256];
    for (int i = 0; i < OGI_LEN(formats); i++) {
        const char *s = formats[i].sign, *hole = strstr(s, "%s");
        size_t head = hole ? (size_t)(hole - s) : strlen(s), tail = hole ? strlen(hole + 2) : 0;
        size_t n = head + tail + (hole ? name.n : 0);
        if (n > sizeof sign) continue;
        memcpy(sign, s, head);
        if (hole && name.n) memcpy(sign + head, name.p, name.n);
        if (hole) memcpy(sign + n - tail, hole + 2, tail);
        if (occurs(rendered, (ogi_sv){ sign, n })) return &formats[i];
    }
    return NULL;
}
